"""``nbx params``, ``scraps`` and ``diff``: they read, and run nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat

if TYPE_CHECKING:
    from notebook_executor import NotebookExecutor
    from tests.conftest import MakeNotebook
    from tests.integration.cli.conftest import Nbx

DECLARED = ("threshold: float = 0.9  # below this is an alert\nwho: str\nn = 3", "parameters")


def test_params(nbx: Nbx, make_notebook: MakeNotebook) -> None:
    make_notebook(DECLARED)

    plain = nbx("params", "notebook.ipynb")
    as_json = nbx("params", "notebook.ipynb", "--json")
    schema = nbx("params", "notebook.ipynb", "--schema")

    assert plain.stdout.splitlines() == [
        "name       type   default   help",
        "threshold  float  0.9       below this is an alert",
        "who        str    required",
        "n          int    3",
    ]
    found = json.loads(as_json.stdout)
    assert list(found) == ["threshold", "who", "n"]
    assert found["threshold"]["default"] == 0.9
    assert found["who"]["required"] is True
    assert json.loads(schema.stdout)["properties"]["n"] == {"default": 3, "type": "number"}
    assert json.loads(schema.stdout)["required"] == ["who"]
    assert nbx("params", "notebook.ipynb", "--json", "--schema").returncode == 2


def test_params_with_choices_and_bounds(nbx: Nbx, make_notebook: MakeNotebook) -> None:
    make_notebook(('a: Literal["x", "y"] = "x"\nb: Annotated[int, Ge(0)] = 1', "parameters"))

    shown = nbx("params", "notebook.ipynb").stdout.splitlines()
    assert [" ".join(line.split()) for line in shown] == [
        "name type default allowed help",
        """a Literal["x", "y"] "x" 'x' | 'y'""",
        "b Annotated[int, Ge(0)] 1 >= 0",
    ]


def test_params_of_notebooks_that_declare_none(nbx: Nbx, make_notebook: MakeNotebook) -> None:
    make_notebook("1", name="without.ipynb")
    make_notebook(("pass", "parameters"), name="empty.ipynb")
    bash = {"name": "bash", "display_name": "Bash", "language": "bash"}
    make_notebook(("x=1", "parameters"), name="bash.ipynb", kernelspec=bash)

    assert "no cell tagged 'parameters'" in nbx("params", "without.ipynb").stdout
    assert "declares none" in nbx("params", "empty.ipynb").stdout
    assert "not in Python" in nbx("params", "bash.ipynb").stdout
    assert nbx("params", "without.ipynb", "--json").stdout == "{}\n"


def test_params_that_cannot_be_read(nbx: Nbx, make_notebook: MakeNotebook) -> None:
    make_notebook(("x = = 1", "parameters"))

    broken = nbx("params", "notebook.ipynb")
    missing = nbx("params", "notebok.ipynb")

    assert (broken.returncode, missing.returncode) == (2, 2)
    assert broken.stdout == missing.stdout == ""
    assert broken.stderr.startswith("error: The parameters cell, cells[0], line 1: ")
    assert "hint: Did you mean" in missing.stderr
    assert "notebook.ipynb?" in missing.stderr


def test_scraps_of_a_notebook_and_of_a_run(
    nbx: Nbx, make_notebook: MakeNotebook, executor: NotebookExecutor, tmp_path: Path
) -> None:
    path = make_notebook(
        "from hermes_runtime import glue\nglue('score', 0.5)\nglue('who', 'Größe')"
    )
    result = executor.execute(path, "out.ipynb")

    for name in ("out.ipynb", str(tmp_path / "out.ipynb"), "last", result.run_id[:12]):
        done = nbx("scraps", name, "--json")
        assert json.loads(done.stdout) == {"score": 0.5, "who": "Größe"}
    assert nbx("scraps", "last").stdout == "score  0.5\nwho    Größe\n"
    none = nbx("scraps", "notebook.ipynb")
    assert (none.returncode, none.stdout, none.stderr) == (0, "", "There are no scraps.\n")
    assert nbx("scraps", "missing.ipynb").returncode == 2
    assert nbx("scraps", "missing").stderr.startswith("error: No run is called 'missing'")


def test_scraps_are_saved_as_files(nbx: Nbx, make_notebook: MakeNotebook, tmp_path: Path) -> None:
    path = make_notebook("")
    node = nbformat.read(path, as_version=4)
    shown = {"scrapbook": {"name": "a plot", "display": True}}
    node.cells[0].outputs = [
        nbformat.v4.new_output("display_data", data={"image/png": "iVBORw0KGgo="}, metadata=shown)
    ]
    nbformat.write(node, path)
    done = nbx("scraps", "notebook.ipynb", "--save", "out/deep", "--json")

    assert done.returncode == 0
    assert done.stderr == "saved out/deep/a_plot.png\n"
    assert json.loads(done.stdout)["a plot"]["$scrap"] == "image"
    assert (tmp_path / "out" / "deep" / "a_plot.png").read_bytes() == b"\x89PNG\r\n\x1a\n"
    assert nbx("scraps", "notebook.ipynb", "--save", "notebook.ipynb").returncode == 2


def test_scraps_that_json_does_not_have_are_null(nbx: Nbx, make_notebook: MakeNotebook) -> None:
    path = make_notebook("")
    node = nbformat.read(path, as_version=4)
    mime = "application/scrapbook.scrap.json+json"
    scrap = {"name": "x", "data": float("nan"), "encoder": "json", "version": 1}
    node.cells[0].outputs = [nbformat.v4.new_output("display_data", data={mime: scrap})]
    path.write_text(json.dumps(node))

    assert nbx("scraps", "notebook.ipynb", "--json").stdout == '{"x":null}\n'


def test_diff(nbx: Nbx, make_notebook: MakeNotebook) -> None:
    make_notebook("x = 1", "y = 2", name="a.ipynb")
    make_notebook("x = 1", "y = 3", name="b.ipynb")

    same, differs = nbx("diff", "a.ipynb", "a.ipynb"), nbx("diff", "a.ipynb", "b.ipynb")
    as_json = nbx("diff", "a.ipynb", "b.ipynb", "--json")
    trouble = nbx("diff", "a.ipynb", "c.ipynb")

    assert same.returncode == 0
    assert differs.returncode == as_json.returncode == 5
    assert "-y = 2" in differs.stdout
    assert "+y = 3" in differs.stdout
    found = json.loads(as_json.stdout)
    assert found["identical"] is False
    assert found["summary"]["sources_changed"] == 1
    assert found["ops"]
    assert (trouble.returncode, trouble.stdout) == (2, "")
    assert "c.ipynb does not exist" in trouble.stderr
