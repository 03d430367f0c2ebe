"""What a project is called, and where it keeps what."""

from __future__ import annotations

from pathlib import Path

import pytest

from notebook_executor.errors import UsageError
from notebook_executor.lifecycle.project.settings import read_project


def _project(folder: Path, pyproject: str) -> Path:
    (folder / "pyproject.toml").write_text(pyproject, encoding="utf-8")
    return folder


def test_a_folder_is_a_project(tmp_path: Path) -> None:
    folder = tmp_path / "Fleet Health"
    folder.mkdir()

    project = read_project(folder, {})

    assert (project.name, project.display_name) == ("Fleet Health", "Fleet Health")
    assert project.kernel_name == "fleet-health"
    assert project.root == project.notebooks == folder.resolve()


def test_the_environment_counts_before_the_table_and_that_before_the_package(
    tmp_path: Path,
) -> None:
    (tmp_path / "notebooks").mkdir()
    _project(
        tmp_path,
        """
        [project]
        name = "package"
        [tool.notebook_executor.project]
        display-name = "The Fleet"
        """,
    )
    plain = read_project(tmp_path, {})
    assert (plain.name, plain.display_name) == ("package", "The Fleet")
    assert plain.notebooks == tmp_path.resolve() / "notebooks"

    told = read_project(
        tmp_path,
        {
            "NBX_PROJECT_NAME": "fleet",
            "NBX_PROJECT_DISPLAY_NAME": "Ours",
            "NBX_PROJECT_NOTEBOOKS": "a/b",
        },
    )
    assert (told.name, told.display_name) == ("fleet", "Ours")
    assert told.notebooks == tmp_path.resolve() / "a" / "b"


def test_all_state_lies_inside_of_the_project(tmp_path: Path) -> None:
    project = read_project(tmp_path, {})

    assert set(project.isolation) == {
        "JUPYTER_CONFIG_DIR",
        "JUPYTER_DATA_DIR",
        "JUPYTER_RUNTIME_DIR",
        "IPYTHONDIR",
        "MPLCONFIGDIR",
    }
    for folder in project.isolation.values():
        assert Path(folder).is_relative_to(project.root)


@pytest.mark.parametrize("name", ["", "--", "é", "../..", "Ünï cödé"])
def test_every_name_gives_one_that_jupyter_allows_for_a_kernel(tmp_path: Path, name: str) -> None:
    kernel = read_project(tmp_path, {"NBX_PROJECT_NAME": name}).kernel_name

    assert kernel.isascii()
    assert kernel.strip("-.") == kernel != ""


@pytest.mark.parametrize(
    ("pyproject", "message"),
    [
        ("[tool", "cannot be read"),
        ("[tool.notebook_executor.project]\nnotebook = 'x'", "no key 'notebook'"),
        ("[tool.notebook_executor.project]\nname = 3", "not a text of one line: 3"),
        ('[tool.notebook_executor.project]\nname = "a\\nb"', "not a text of one line"),
        ("[tool.notebook_executor.project]\nnotebooks = '../elsewhere'", "not inside"),
        ("[tool.notebook_executor.project]\nnotebooks = '/'", "not inside"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, pyproject: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_project(_project(tmp_path, pyproject), {})


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no folder"):
        read_project(tmp_path / "none", {})
