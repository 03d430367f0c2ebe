"""``nbx run --grid``: many points on the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
import pytest

from notebook_executor import NotebookExecutor
from notebook_executor.cli.sweep import parse_grid

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MakeNotebook
    from tests.integration.cli.conftest import Nbx, Refused


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.1,0.03", [0.1, 0.03]),
        ("2:4", [2, 3, 4]),
        ("-1:1", [-1, 0, 1]),
        ("2:10:4", [2, 6, 10]),
        ("1,3:4,x", [1, 3, 4, "x"]),
        ("True,None,1e3", [True, None, 1000.0]),
        ("a:b", ["a:b"]),
        ('["12:30", "a,b", [1]]', ["12:30", "a,b", [1]]),
        ("x=y", ["x=y"]),
    ],
)
def test_values_are_taken_for_what_they_look_like(text: str, values: list[Any]) -> None:
    found = parse_grid((f"name={text}",))["name"]
    assert found == values
    assert list(map(type, found)) == list(map(type, values))


@pytest.mark.parametrize(
    "given", ["name", "=1", "name=", "n=5:1", "n=0:99999999999999", "n=[", "n=[]", "n=[1]: 2"]
)
def test_what_is_no_grid_is_refused(given: str) -> None:
    with pytest.raises(click.BadParameter):
        parse_grid((given,))


def test_a_name_cannot_come_twice() -> None:
    with pytest.raises(click.BadParameter, match="twice"):
        parse_grid(("a=1", "a=2"))


def test_a_grid_is_run_shown_and_not_run_again(
    nbx: Nbx, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    glues = "from hermes_runtime import glue\nglue('half', x / 2)\nassert x != y"
    make_notebook(("x = 1\ny = 0", "parameters"), glues)
    command = ("run", "notebook.ipynb", "--grid", "x=2:3", "--grid", "y=3,4", "-j", "2")

    first = nbx(*command, "--sweep", "s")
    again = nbx(*command, "--sweep", "s", "--json")
    brief = nbx(*command, "--sweep", "s", "--llm=60")

    assert first.returncode == 1
    summary, header, *rows = first.stdout.splitlines()
    assert summary == "sweep s: 4 points: 3 success, 1 cell_error"
    assert header.split() == ["point", "x", "y", "status", "time", "half"]
    states = [row.split()[1:4] for row in rows[:4]]
    assert states[2] == ["3", "3", "cell_error"]
    assert [state[2] for state in states].count("success") == 3
    assert rows[4].startswith("the first failure: Cell 1 ('cell-1'), line 3 raised AssertionError")
    assert "[4/4]" in first.stderr
    assert again.returncode == 1
    assert again.stderr == ""
    results = [json.loads(line) for line in again.stdout.splitlines()]
    assert [result["status"] for result in results] == ["success"] * 3 + ["error"]
    # All four, and twice the one that failed.
    assert len(NotebookExecutor(tmp_path).runs(sweep="s")) == 6
    assert brief.returncode == 1
    assert len(brief.stdout) <= 61


@pytest.mark.parametrize(
    "arguments",
    [
        ("-j", "2"),
        ("--sweep", "s"),
        ("--stop-on-error",),
        ("out.ipynb", "--grid", "x=1"),
        ("--grid", "x=1", "--help-notebook"),
        ("--grid", "x=1", "-j", "0"),
        ("--grid", "x=1", "--sweep", 'a"b'),
    ],
)
def test_flags_that_contradict_are_usage_errors(
    refused: Refused, make_notebook: MakeNotebook, arguments: tuple[str, ...]
) -> None:
    make_notebook(("x = 1", "parameters"))

    assert refused("run", "notebook.ipynb", *arguments)
