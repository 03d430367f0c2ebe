"""``nbx run``: what it prints, where it writes, and the exit code of each outcome."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest

from notebook_executor.cli.exits import BY_KIND
from notebook_executor.models import ErrorKind
from tests.integration.cli.observing import printed, result_of

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook
    from tests.integration.cli.conftest import Nbx

RUN_ID = r"\d{8}T\d{6}Z-[0-9a-f]{6}"


def test_success_for_a_person(nbx: Nbx, make_notebook: MakeNotebook) -> None:
    make_notebook(
        "from hermes_runtime import glue\nglue('health_score', 0.94)\nglue('alerts', 2)",
        "glue('machine', [{'check': 'load', 'value': 0.5}, {'check': 'disk', 'value': 24}])",
        "",
    )

    done = nbx("run", "notebook.ipynb", "out.ipynb")

    assert done.returncode == 0
    first, *rest = done.stdout.splitlines()
    assert re.fullmatch(r"success: 2 of 2 cells in \d+\.\d s", first)
    assert rest[:-2] == [
        "scraps",
        "  health_score  0.94",
        "  alerts        2",
        "  machine: 2 rows",
        "    check  value",
        "    load   0.5",
        "    disk   24",
    ]
    assert rest[-2] == "notebook  out.ipynb"
    assert re.fullmatch(rf"run       {RUN_ID}", rest[-1])
    lines = done.stderr.splitlines()
    assert [re.sub(r" +\d+\.\d\d s", "", line) for line in lines] == [
        "[1/3] ok  from hermes_runtime import glue",
        "[2/3] ok  glue('machine', [{'check': 'load', 'value': 0.5}, {'check':…",
        "[3/3] skipped",
    ]


def test_failure_for_a_person(nbx: Nbx, make_notebook: MakeNotebook, tmp_path: Path) -> None:
    make_notebook("print('before')\nfor number in [1, 0]:\n    print(1 / number)", "3")

    done = nbx("run", "notebook.ipynb", "out.ipynb", "--no-progress-bar")

    assert done.returncode == 1
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0].startswith("error (cell_error): Cell 0 ('cell-0'), line 3 raised ZeroDivision")
    assert lines[1].startswith("1 of 2 cells in ")
    assert lines[2:9] == [
        "cell 0 (id cell-0):",
        "      1  print('before')",
        "      2  for number in [1, 0]:",
        "  >   3      print(1 / number)",
        "its output, at the end:",
        "  before",
        "  1.0",
    ]
    assert lines[9].startswith("hint: ")
    assert lines[10] == "notebook  out.ipynb"
    assert printed(tmp_path / "out.ipynb", 0) == "before\n1.0\n"


@pytest.mark.parametrize(
    ("cell", "arguments", "kind", "code"),
    [
        ("1 / 0", (), "cell_error", 1),
        ("input()", (), "stdin_requested", 1),
        ("1", ("-p", "alhpa", "1"), "invalid_parameters", 2),
        ("1", ("--from-cell", "nowhere"), "not_found", 2),
        ("1", ("--until-cell", "tag:x"), "not_found", 2),
        ("1", ("-k", "no-such-kernel"), "kernel_start", 3),
        ("1", ("--python", "/nowhere/python"), "kernel_start", 3),
        ("1", ("--start-timeout", "0.001"), "kernel_start", 3),
        ("import os; os._exit(3)", (), "kernel_died", 3),
        ("import time; time.sleep(60)", ("--execution-timeout", "0.3"), "cell_timeout", 4),
        ("import time; time.sleep(60)", ("--run-timeout", "1.5"), "run_timeout", 4),
    ],
)
def test_each_outcome_has_its_exit_code_and_its_json(
    nbx: Nbx,
    make_notebook: MakeNotebook,
    cell: str,
    arguments: tuple[str, ...],
    kind: str,
    code: int,
) -> None:
    make_notebook(("alpha = 1", "parameters"), cell)

    done = nbx("run", "notebook.ipynb", "--json", *arguments)

    assert done.stderr == ""
    result = result_of(done.stdout)
    assert result.error is not None
    assert (result.error.kind, done.returncode) == (kind, code)
    assert result.trigger.kind == "cli"


def test_every_kind_of_error_has_an_exit_code() -> None:
    assert set(BY_KIND) == set(get_args(ErrorKind))


@pytest.mark.parametrize(
    ("content", "kind"),
    [(None, "not_found"), ("{", "invalid_notebook"), ('{"cells": 3}', "invalid_notebook")],
)
def test_an_unusable_file_is_invalid_input(
    nbx: Nbx, tmp_path: Path, content: str | None, kind: str
) -> None:
    if content is not None:
        (tmp_path / "bad.ipynb").write_text(content)

    done = nbx("run", "bad.ipynb")

    assert done.returncode == 2
    assert done.stdout.startswith(f"error ({kind}): {tmp_path / 'bad.ipynb'}")
    assert not (tmp_path / "runs").exists()


def test_an_output_that_cannot_be_written_is_invalid_input(
    nbx: Nbx, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    make_notebook("1")

    done = nbx("run", "notebook.ipynb", tmp_path, "--json")

    assert done.returncode == 2
    error = result_of(done.stdout).error
    assert error is not None
    assert error.kind == "output_error"


def test_without_output_the_notebook_goes_below_runs(
    nbx: Nbx, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    make_notebook("print('here')", name="notebooks/deep.ipynb")

    done = nbx("run", "deep.ipynb", "--json", cwd=tmp_path / "notebooks")

    result = result_of(done.stdout)
    written = tmp_path / "runs" / "notebooks" / "deep" / f"{result.run_id}.ipynb"
    assert result.output_path == str(written)
    assert printed(written, 0) == "here\n"
    assert (tmp_path / ".nbx" / "runs" / result.run_id / "record.json").is_file()
