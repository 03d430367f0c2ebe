"""Bad input: each gets a typed error, loses nothing and leaves no half-written file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from notebook_executor import Event, ExecutionResult, NotebookExecutor
from notebook_executor.errors import UsageError

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook


def _files(folder: Path) -> dict[str, bytes]:
    """All files but those of the record, with their content."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".nbx" not in path.parts
    }


def _refused(
    executor: NotebookExecutor, kind: str, *arguments: Any, **options: Any
) -> ExecutionResult:
    """Run what cannot run: an error of this kind, no kernel, no file but the record."""
    before = _files(executor.root)
    kinds: list[str] = []

    def note(event: Event) -> None:
        kinds.append(event.kind)

    result = executor.execute(*arguments, on_event=note, **options)
    assert result.error is not None
    assert result.error.kind == kind
    assert result.error.message
    assert "kernel_ready" not in kinds
    assert kinds[-1] == "run_finished"
    assert _files(executor.root) == before
    assert result.output_path is None
    assert (result.cells_executed, result.cleanup.processes_left) == (0, 0)
    return result


_HTML = b"<html><body>404 Not Found</body></html>"
_CUT = b'{"cells": [{"cell_type": "code", "source": "print('
_MERGE = b'{\n<<<<<<< HEAD\n "cells": [],\n=======\n>>>>>>> other\n}'


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [
        (b"", "not JSON", "empty"),
        (_HTML, "not JSON", ""),
        (_CUT, "line 1, column", "cut off"),
        (_MERGE, "line 2", "git merge"),
        (b"\x80\x81PK\x03\x04", "not UTF-8", ""),
        (b"[1, 2]", "not a notebook", "JSON object"),
        (b"{}", "not a notebook", ""),
        (b'{"cells": [], "metadata": {}}', "nbformat", ""),
        (b'{"cells": [], "metadata": {}, "nbformat": 5, "nbformat_minor": 0}', "nbformat 5", ""),
        (b'{"cells": [], "metadata": {}, "nbformat": 1, "nbformat_minor": 0}', "nbformat 1", ""),
        (b'{"cells": {}, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', "cells is", ""),
        (b'{"cells": [7], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', "cells[0]", ""),
        (b"[" * 100_000, "", ""),
    ],
)
def test_files_that_are_no_notebooks(
    executor: NotebookExecutor, content: bytes, message: str, hint: str
) -> None:
    path = executor.root / "bad.ipynb"
    path.write_bytes(content)

    result = _refused(executor, "invalid_notebook", path, "out.ipynb")

    assert result.error is not None
    assert "bad.ipynb" in result.error.message
    assert message in result.error.message
    assert hint in result.error.hint
    assert result.notebook is None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("notebok.ipynb", "does not exist"),
        ("", "directory"),
        (".", "directory"),
        ("folder", "directory"),
        ("no/such/folder/n.ipynb", "does not exist"),
        ("~nosuchuser/n.ipynb", "does not exist"),
        ("null\0byte.ipynb", ""),
        ("x" * 300, ""),
        ("/dev/null", "not a file"),
        ("notebook.ipynb/inside", ""),
    ],
)
def test_files_that_cannot_be_read(
    executor: NotebookExecutor, make_notebook: MakeNotebook, name: str, message: str
) -> None:
    make_notebook("1")
    (executor.root / "folder").mkdir()

    result = _refused(executor, "not_found", name)

    assert result.error is not None
    assert message in result.error.message
    if name == "notebok.ipynb":
        assert "notebook.ipynb" in result.error.hint


_V3 = {
    "metadata": {"name": ""},
    "nbformat": 3,
    "nbformat_minor": 0,
    "worksheets": [
        {
            "metadata": {},
            "cells": [
                {"cell_type": "heading", "level": 1, "metadata": {}, "source": ["Old"]},
                {
                    "cell_type": "code",
                    "collapsed": False,
                    "input": ["print('ran', 6 * 7)"],
                    "language": "python",
                    "metadata": {},
                    "outputs": [{"output_type": "pyout", "prompt_number": 1, "text": ["stale"]}],
                    "prompt_number": 1,
                },
            ],
        }
    ],
}
_V2_CELL = {"cell_type": "code", "input": "print('ran', 6 * 7)", "language": "python"}
_V2 = {"metadata": {}, "nbformat": 2, "worksheets": [{"cells": [_V2_CELL]}]}


@pytest.mark.parametrize("content", [_V2, _V3], ids=["v2", "v3"])
def test_old_notebooks_run_and_stay_as_they_are(
    executor: NotebookExecutor, content: dict[str, Any]
) -> None:
    path = executor.root / "old.ipynb"
    path.write_text(json.dumps(content))
    before = path.read_bytes()

    result = executor.execute(path, "out.ipynb")

    assert result.ok, result
    assert result.cells[-1].output_preview == "ran 42"
    assert path.read_bytes() == before
    nbformat.validate(nbformat.read(executor.root / "out.ipynb", as_version=4))


def test_a_kernel_that_was_asked_for_must_exist(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    result = executor.execute(make_notebook("1"), False, kernel_name="pyhton3")

    assert result.error is not None
    assert result.error.kind == "kernel_start"
    assert "'pyhton3'" in result.error.message
    assert "'python3'" in result.error.hint
    assert "Installed are" in result.error.hint


def test_python_stands_in_for_a_python_kernel_that_is_not_here(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    conda = {"name": "conda-env-ml-py", "display_name": "ml", "language": "python"}
    result = executor.execute(make_notebook("print(1)", kernelspec=conda), "out.ipynb")

    assert result.ok, result
    assert any("conda-env-ml-py" in warning for warning in result.warnings)
    assert executor.read_notebook("out.ipynb").metadata.kernelspec == conda


def test_nothing_stands_in_for_another_language(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    spec = {"name": "ir", "display_name": "R", "language": "R"}
    result = executor.execute(make_notebook("1", kernelspec=spec), False)

    assert result.error is not None
    assert result.error.kind == "kernel_start"
    assert "'ir'" in result.error.message
    assert "python3" in result.error.hint


@pytest.mark.parametrize("python", ["/no/such/python", "no-such-python", "/etc/passwd", "a\0b"])
def test_an_interpreter_that_is_none(
    executor: NotebookExecutor, make_notebook: MakeNotebook, python: str
) -> None:
    result = executor.execute(make_notebook("1"), False, python=python)

    assert result.error is not None
    assert result.error.kind == "kernel_start"
    assert result.error.hint


@pytest.mark.parametrize(
    "metadata",
    [
        {"kernelspec": None},
        {"kernelspec": "python3"},
        {"kernelspec": []},
        {"kernelspec": {"name": 5}},
        {"kernelspec": {"name": ""}},
        {"kernelspec": {"name": "python3", "language": 5}},
        {"language_info": None},
        {"language_info": {"name": 5}},
        {"papermill": None},
        {"papermill": ["stale"]},
        {"nbx": None},
        {"nbx": "x"},
        {"widgets": 5},
        {"nbx": {"host_view": "no"}},
    ],
    ids=str,
)
def test_odd_metadata_is_survived(executor: NotebookExecutor, metadata: dict[str, Any]) -> None:
    cell = {"cell_type": "code", "source": "print(1)", "metadata": {}}
    content = {"cells": [cell], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    (executor.root / "odd.ipynb").write_text(json.dumps(content))

    result = executor.execute("odd.ipynb", False)

    assert result.ok or (result.error and result.error.kind == "invalid_notebook"), result


def test_an_empty_notebook_is_a_success(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    result = executor.execute(make_notebook(), "out.ipynb")

    assert result.ok, result
    assert (result.cells, result.cells_executed) == ((), 0)
    assert executor.read_notebook("out.ipynb").cells == []


def test_an_empty_notebook_takes_no_parameters(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    _refused(executor, "invalid_parameters", make_notebook(), "out.ipynb", {"x": 1})


@pytest.mark.parametrize("root", ["missing", "file.txt", "~nosuchuser"])
def test_a_root_must_be_a_folder(tmp_path: Path, root: str) -> None:
    (tmp_path / "file.txt").touch()

    with pytest.raises(UsageError, match="not a folder"):
        NotebookExecutor(tmp_path / root if root[0] != "~" else root)


@pytest.mark.parametrize(
    "config", [{"start_timout": 1}, {"start_timeout": -1}, {"output_limit": "x"}]
)
def test_settings_are_checked_and_named(tmp_path: Path, config: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(config))) as caught:
        NotebookExecutor(tmp_path, config=config)

    assert "start_timeout" in caught.value.hint
