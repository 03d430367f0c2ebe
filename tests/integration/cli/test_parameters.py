"""Parameters on the command line: papermill's flags mean what papermill makes of them."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook
    from tests.integration.cli.conftest import Nbx

TEXTS = ["True", "False", "None", "true", "7", "-7", "007", "1_000", "1.50", "1e3", "nan", "-inf"]
TEXTS += ["seven", " 7 ", "", "[1, 2]", 'it\'s "quoted"', "Größe ½", "a\nb", "C:\\dir"]
NAMES = [*"abcdefghi", *(f"{kind}_{n}" for kind in ("typed", "raw") for n in range(len(TEXTS)))]
DECLARED = ("\n".join(f"{name} = None" for name in NAMES), "parameters")


def injected(path: Path) -> str:
    """The source of the injected cell."""
    cells = nbformat.read(path, as_version=4).cells
    (source,) = [c.source for c in cells if "injected-parameters" in c.metadata.get("tags", [])]
    return str(source)


def test_the_flags_mean_what_papermill_makes_of_them(
    nbx: Nbx, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    make_notebook(DECLARED)
    encoded = base64.b64encode(b"{a: b64, b: b64, c: b64, d: b64, e: b64, f: 2026-11-20}").decode()
    (tmp_path / "one.yaml").write_text("b: file\nc: file\nd: file\ne: file\ng: 2026-11-20\n")
    (tmp_path / "two.json").write_text('{"h": [1, {"x": null}], "b": "second file"}')
    flags = [
        *("-r", "e", "raw", "-p", "d", "typed", "-p", "e", "typed"),
        *("-y", "{c: yaml, d: yaml, e: yaml, i: 2026-11-20}"),
        *("-f", "one.yaml", "-f", "two.json", "-b", encoded),
        *(word for number, text in enumerate(TEXTS) for word in ("-p", f"typed_{number}", text)),
        *(word for number, text in enumerate(TEXTS) for word in ("-r", f"raw_{number}", text)),
    ]

    done = nbx("run", "notebook.ipynb", "ours.ipynb", "--prepare-only", *flags)
    run_papermill(tmp_path, "notebook.ipynb", "papermill.ipynb", "--prepare-only", *flags)

    assert done.returncode == 0
    ours = injected(tmp_path / "ours.ipynb")
    assert ours == injected(tmp_path / "papermill.ipynb")
    for line in ('a = "b64"', 'b = "second file"', 'c = "yaml"', 'd = "typed"', 'e = "raw"'):
        assert line in ours.splitlines()


def run_papermill(cwd: Path, *arguments: str) -> None:
    """Papermill's own command line; standard input must not be a pipe, which it would read."""
    subprocess.run(
        [sys.executable, "-m", "papermill", *arguments],
        cwd=cwd,
        check=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
    )


def test_parameters_arrive_in_the_kernel(
    nbx: Nbx, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    make_notebook(
        ("count: int = 1\nname = ''\nday = ''", "parameters"), "print(count * 2, name, day)"
    )
    (tmp_path / "day.yaml").write_text("day: 2026-11-20\n")

    done = nbx(
        *("run", "notebook.ipynb", "out.ipynb"),
        *("-p", "count", "21", "-r", "name", "007", "-f", "day.yaml"),
    )

    assert done.returncode == 0
    executed = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert executed.cells[2].outputs[0].text == "42 007 2026-11-20\n"


def test_prepare_only_runs_and_records_nothing(
    nbx: Nbx, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    make_notebook(("x = 1", "parameters"), "open('was_run', 'w')")

    done = nbx("run", "notebook.ipynb", "-", "--prepare-only", "-p", "x", "2")

    prepared = nbformat.reads(done.stdout, as_version=4)
    nbformat.validate(prepared)
    assert [cell.source for cell in prepared.cells][1:] == [
        "# Parameters\nx = 2\n",
        "open('was_run', 'w')",
    ]
    assert "nbx" not in prepared.metadata
    assert {path.name for path in tmp_path.iterdir()} == {".git", "notebook.ipynb", "t"}


def test_prepare_only_refuses_what_a_run_would_refuse(
    nbx: Nbx, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    make_notebook(("alpha = 1", "parameters"))

    done = nbx("run", "notebook.ipynb", "out.ipynb", "--prepare-only", "-p", "alhpa", "2")

    assert done.returncode == 2
    assert "Unknown parameter 'alhpa'" in done.stderr
    assert "'alpha'" in done.stderr
    assert not (tmp_path / "out.ipynb").exists()


def test_help_notebook_shows_the_parameters(nbx: Nbx, make_notebook: MakeNotebook) -> None:
    path = make_notebook(
        ("threshold: float = 0.9  # below this is an alert\nwho: str", "parameters"), "1 / 0"
    )

    by_path = nbx("run", "notebook.ipynb", "--help-notebook")
    piped = nbx("run", "-", "--help-notebook", stdin=path.read_bytes())

    assert by_path.returncode == piped.returncode == 0
    assert by_path.stdout == piped.stdout
    assert [line.split(maxsplit=3) for line in by_path.stdout.splitlines()] == [
        ["name", "type", "default", "help"],
        ["threshold", "float", "0.9", "below this is an alert"],
        ["who", "str", "required"],
    ]
