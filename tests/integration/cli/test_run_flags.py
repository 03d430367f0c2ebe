"""The flags of ``nbx run``: what runs, where, with what, and where its parts go."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest

from tests.integration.cli.observing import printed, result_of

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook
    from tests.integration.cli.conftest import Nbx, Refused, StartNbx


def test_the_root_can_be_named(nbx: Nbx, make_notebook: MakeNotebook, tmp_path: Path) -> None:
    make_notebook("1")
    (tmp_path / "elsewhere").mkdir()

    done = nbx("run", "notebook.ipynb", "--json", "--root", "elsewhere")

    result = result_of(done.stdout)
    assert (tmp_path / "elsewhere" / ".nbx" / "runs" / result.run_id).is_dir()
    assert result.output_path is not None
    assert Path(result.output_path).parent == tmp_path / "elsewhere" / "runs" / "notebook"
    assert not (tmp_path / ".nbx").exists()


def test_no_output_leaves_only_the_record(
    nbx: Nbx, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    make_notebook("1")

    done = nbx("run", "notebook.ipynb", "--no-output", "--label", "team=night", "--label", "a=b=c")

    assert done.returncode == 0
    assert "notebook  " not in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".git",
        ".nbx",
        "notebook.ipynb",
        "t",
    ]
    (record,) = (tmp_path / ".nbx" / "runs").glob("*/record.json")
    assert json.loads(record.read_text())["labels"] == {"team": "night", "a": "b=c"}


def test_llm_fits_its_budget(nbx: Nbx, make_notebook: MakeNotebook) -> None:
    make_notebook("print('x' * 9000)\nraise ValueError('y' * 9000)")

    whole = nbx("run", "--llm", "notebook.ipynb")
    small = nbx("run", "--llm=300", "notebook.ipynb")

    assert whole.returncode == small.returncode == 1
    assert whole.stderr == small.stderr == ""
    assert 1000 < len(whole.stdout.removesuffix("\n")) <= 4000
    assert len(small.stdout.removesuffix("\n")) <= 300
    assert "cell_error" in small.stdout


def test_from_standard_input_to_standard_output(
    nbx: Nbx, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    path = make_notebook(("x = 1", "parameters"), "import os\nprint(x, os.getcwd())")
    (tmp_path / "below").mkdir()
    piped = path.read_bytes()
    path.unlink()

    done = nbx("run", "-", "-", "-p", "x", "5", stdin=piped, cwd=tmp_path / "below")

    assert done.returncode == 0
    executed = nbformat.reads(done.stdout, as_version=4)
    nbformat.validate(executed)
    assert executed.cells[2].outputs[0].text == f"5 {tmp_path / 'below'}\n"
    assert "success: 3 of 3 cells" in done.stderr
    assert not list(tmp_path.glob("**/*.ipynb"))


def test_a_failed_notebook_goes_to_standard_output_too(
    nbx: Nbx, make_notebook: MakeNotebook
) -> None:
    make_notebook("print('first')", "1 / 0")

    done = nbx("run", "notebook.ipynb", "-")

    assert done.returncode == 1
    executed = nbformat.reads(done.stdout, as_version=4)
    assert executed.cells[0].outputs[0].text == "first\n"
    assert executed.cells[1].outputs[0].ename == "ZeroDivisionError"
    assert "error (cell_error)" in done.stderr


def test_what_is_no_notebook_on_standard_input_is_invalid_input(nbx: Nbx) -> None:
    done = nbx("run", "-", stdin=b"not json")

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: standard input: not JSON")


def test_log_output_shows_what_cells_print(nbx: Nbx, make_notebook: MakeNotebook) -> None:
    make_notebook(
        "print('one', flush=True)\nprint('two', end='', flush=True)",
        "print('\\x1b[31mred\\x1b[0m')\n'a value'",
        "1 / 0",
    )

    done = nbx("run", "notebook.ipynb", "--log-output")

    lines = [re.sub(r" +\d+\.\d\d s", "", line) for line in done.stderr.splitlines()]
    assert lines == [
        "[1/3] print('one', flush=True)",
        "one",
        "two",
        "[1/3] ok",
        "[2/3] print('\\x1b[31mred\\x1b[0m')",
        "red",
        "'a value'",
        "[2/3] ok",
        "[3/3] 1 / 0",
        "ZeroDivisionError: division by zero",
        "[3/3] error",
    ]


def test_selected_cells_are_counted(nbx: Nbx, make_notebook: MakeNotebook) -> None:
    make_notebook("1", ("print('slow')", "slow"), "3", "4")

    done = nbx("run", "notebook.ipynb", "--until-cell", "2", "--skip-tag", "slow")

    assert "success: 2 of 2 cells" in done.stdout
    assert [line.split()[0] for line in done.stderr.splitlines()] == ["[1/2]", "[2/2]"]


def test_only_tag_and_from_cell(nbx: Nbx, make_notebook: MakeNotebook) -> None:
    make_notebook(("1", "a"), ("2", "b"), ("3", "c"), ("4", "a"))

    done = nbx(
        *("run", "notebook.ipynb", "--json", "--from-cell", "cell-1"),
        *("--only-tag", "a", "--only-tag", "b"),
    )

    statuses = [cell.status for cell in result_of(done.stdout).cells]
    assert statuses == ["skipped", "ok", "skipped", "ok"]


def test_the_working_directory_and_the_interpreter(
    nbx: Nbx, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    make_notebook("import os, sys\nprint(os.getcwd(), sys.executable)", name="n/a.ipynb")
    (tmp_path / "work").mkdir()
    chosen = ("--cwd", "work", "--python", sys.executable)

    nbx("run", "n/a.ipynb", "by_default.ipynb")
    nbx("run", "n/a.ipynb", "chosen.ipynb", *chosen)

    assert printed(tmp_path / "by_default.ipynb", 0).split()[0] == str(tmp_path / "n")
    assert printed(tmp_path / "chosen.ipynb", 0).split() == [str(tmp_path / "work"), sys.executable]


def test_zero_means_no_limit(nbx: Nbx, make_notebook: MakeNotebook) -> None:
    make_notebook("1")

    done = nbx("run", "notebook.ipynb", "--execution-timeout", "0", "--run-timeout", "0")

    assert done.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--execution-timeout", "inf"), "--execution-timeout"),
        (("--execution-timeout", "-1"), "--execution-timeout"),
        (("--start-timeout", "0"), "--start-timeout"),
        (("--run-timeout", "soon"), "--run-timeout"),
        (("--label", "plain"), "name=value"),
        (("--json", "--llm"), "--json and --llm"),
        (("-", "--json"), "standard output"),
        (("-", "--llm"), "standard output"),
        (("out.ipynb", "--no-output"), "--no-output"),
        (("--prepare-only",), "--prepare-only"),
        (("--llm=0",), "--llm"),
        (("-p", "x"), "-p"),
        (("--no-such-flag",), "--no-such-flag"),
        (("-y", "a: [1"), "the yaml"),
        (("-y", "- 1"), "holds a list"),
        (("-b", "%%%="), "base64"),
        (("-b", "/////w=="), "base64"),
        (("-f", "missing.yaml"), "missing.yaml"),
        (("--root", "nowhere"), "nowhere"),
    ],
)
def test_a_wrong_command_line_is_refused_before_anything_runs(
    refused: Refused,
    make_notebook: MakeNotebook,
    tmp_path: Path,
    arguments: tuple[str, ...],
    said: str,
) -> None:
    make_notebook(("x = 1", "parameters"))

    assert said in refused("run", "notebook.ipynb", *arguments).lower()
    assert not (tmp_path / ".nbx").exists()


def test_a_reader_that_goes_away_is_not_an_error(
    start_nbx: StartNbx, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    make_notebook("1 / 0")
    reading, writing = os.pipe()
    os.close(reading)

    process = start_nbx("run", "notebook.ipynb", "out.ipynb", "--json", stdout=writing)
    os.close(writing)
    _, stderr = process.communicate(timeout=60)

    assert process.returncode == 1
    assert stderr == ""
    assert (tmp_path / "out.ipynb").exists()


def test_nothing_is_drawn_so_rich_is_not_loaded(
    start_nbx: StartNbx, make_notebook: MakeNotebook, environment: dict[str, str]
) -> None:
    make_notebook("1")
    environment["PYTHONPROFILEIMPORTTIME"] = "1"

    process = start_nbx("run", "notebook.ipynb")
    _, stderr = process.communicate(timeout=60)

    assert process.returncode == 0
    loaded = {line.rpartition("|")[2].strip() for line in stderr.splitlines()}
    assert {"click", "pydantic", "nbformat"} <= loaded
    assert not {"rich", "rfc3987_syntax.syntax_helpers", "pandas"} & loaded
