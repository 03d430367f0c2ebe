"""A review of one change that does everything right and wrong, each in a notebook of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import nbformat
import pytest

from notebook_executor import NotebookExecutor
from notebook_executor.review.models import NotebookReview, Review, StepStatus
from tests.integration.repositories import isolate_git
from tests.review_projects import Project

SCORE = "from hermes_runtime import glue\nglue('score', round(1 - threshold, 2))"
SIBLINGS = """
from pathlib import Path
import module_beside
assert not list(Path('.').glob('written-*')), 'another notebook ran here'
Path('written-{}').write_text('x')
print(module_beside.WORD, Path('../data/numbers.csv').read_text())
"""
MODULE = """
import sys
WORD = 'word'
def warn():
    print(f'{__file__}: a warning', file=sys.stderr)
"""
RECORDING = [
    {"nbx_tools": 1},
    {"tool": "terminal", "arguments": {"command": "uname", "timeout": 180}, "result": "Replayed"},
    {"tool": "terminal", "arguments": {"command": "date", "timeout": 180}, "result": "unused"},
]
SKIPPED = "# NBVAL_SKIP\nraise SystemExit(3)"
WARNING = "import os, module_beside\nmodule_beside.warn()\nprint(os.getcwd())"
PYPROJECT = """
[tool.notebook_executor.review."notebooks/from_pyproject.ipynb"]
parameters = {word = "given"}

[tool.notebook_executor.review."notebooks/some_cells.ipynb"]
cells = ["cell-0", "tag:compared"]
"""
SCHEDULES = """
- name: nightly
  schedule: "0 6 * * *"
  path: notebooks/scheduled.ipynb
  parameters: {day: "{{date}}"}
- name: broken
  schedule: "0 6 * * *"
  path: notebooks/misfit.ipynb
  parameters:
    unknown: 1
- name: orphaned
  schedule: "0 6 * * *"
  path: notebooks/gone.ipynb
- name: no entry
"""


@pytest.fixture(scope="module", autouse=True)
def isolated_git() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        isolate_git(patch)
        yield


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project.make(tmp_path_factory.mktemp("reviewed") / "a project")
    _base(made)
    made.commit("base")
    made.branch("change")
    _change(made)
    made.commit("change")
    return made


def _base(project: Project) -> None:
    project.write("pyproject.toml", PYPROJECT)
    project.write("schedules/all.yaml", SCHEDULES)
    project.write("data/numbers.csv", "1,2,3")
    project.write("notebooks/module_beside.py", MODULE)
    project.notebook("notebooks/gone.ipynb", "print('gone')")
    project.notebook("notebooks/old name.ipynb", "print('a')", "print('b')", "print('c')")
    project.notebook("notebooks/matches.ipynb", "print('same')")
    project.notebook("notebooks/tools.ipynb", "print('none')")
    project.notebook("notebooks/from_pyproject.ipynb", "print(word)", parameters="word = 'old'")
    for name, printed, run in (
        ("matches", "same", True),
        ("differs", "before", True),
        ("old name", "a", True),
        ("stripped", "", False),
    ):
        project.notebook(
            f"runs/reference/notebooks/{name}.ipynb", f"print('{printed}')#>{printed}", run=run
        )
    for name in ("replaced", "removed"):
        project.notebook(f"runs/reference/notebooks/{name}.ipynb", "print('x')#>old", run=True)
    project.write("runs/reference/notebooks/torn.ipynb", '{"cells": [')
    project.notebook(
        "runs/reference/notebooks/some_cells.ipynb", "print(1)#>1", "print(2)#>two", run=True
    )
    project.write("notebooks/tools.tools.jsonl", json.dumps(RECORDING[1]) + "\n")


def _change(project: Project) -> None:
    (project.top / "notebooks/gone.ipynb").unlink()
    (project.top / "notebooks/old name.ipynb").rename(project.top / "notebooks/new näme.ipynb")
    project.notebook("notebooks/matches.ipynb", "# now with a comment\nprint('same')")
    project.notebook("notebooks/differs.ipynb", "print('after')")
    project.notebook("notebooks/stripped.ipynb", "print('')")
    project.notebook("notebooks/absent.ipynb", "print(1)")
    project.notebook("notebooks/replaced.ipynb", "print('new')")
    project.notebook("runs/reference/notebooks/replaced.ipynb", "print('new')#>new", run=True)
    (project.top / "runs/reference/notebooks/removed.ipynb").unlink()
    project.notebook("notebooks/removed.ipynb", "print('old')")
    project.notebook("notebooks/torn.ipynb", "print('old')")
    project.notebook("notebooks/some_cells.ipynb", "print(1)", "print(2)")
    project.notebook("notebooks/paths.ipynb", WARNING)
    project.notebook("notebooks/markers.ipynb", "# NBVAL_RAISES_EXCEPTION\n1 / 0", SKIPPED, "1")
    project.notebook("notebooks/raises.ipynb", "fine = 1", "first = 1\nraise ValueError('no')")
    project.write("notebooks/damaged.ipynb", '{"cells": [')
    project.notebook("notebooks/misfit.ipynb", "1", parameters="known = 1")
    project.notebook("notebooks/scheduled.ipynb", "print(day)", parameters="day = ''")
    project.notebook("notebooks/from_pyproject.ipynb", "print(word)", parameters="word = 'own'")
    project.notebook("notebooks/unstripped.ipynb", "1", "print(2)#>2", run=True)
    for number in (1, 2):
        project.notebook(f"notebooks/siblings {number}.ipynb", SIBLINGS.format(number))
    project.notebook(
        "notebooks/tools.ipynb", "from hermes_runtime import terminal\nprint(terminal('uname'))"
    )
    lines = [json.dumps(line) for line in RECORDING]
    project.write("notebooks/tools.tools.jsonl", "\n".join(lines) + "\n")
    project.notebook(
        "notebooks/no_tools.ipynb", "from hermes_runtime import terminal\nterminal('id')"
    )
    project.notebook("deep/runs/reference/x.ipynb", "1")


@pytest.fixture(scope="module")
def review(project: Project) -> Review:
    before = project.state()
    with NotebookExecutor(project.top) as executor:
        found = executor.review("main", "change")
    assert project.state() == before
    return found


def _one(review: Review, name: str) -> NotebookReview:
    return next(one for one in review.notebooks if one.path == f"notebooks/{name}.ipynb")


def _steps(review: Review, name: str) -> dict[str, tuple[StepStatus, str]]:
    return {step.name: (step.status, step.message) for step in _one(review, name).steps}


@pytest.mark.parametrize(
    ("name", "change", "verdict", "executes", "matches"),
    [
        ("matches", "modified", "pass", True, True),
        ("new näme", "renamed", "pass", True, True),
        ("replaced", "added", "pass", True, True),
        ("some_cells", "added", "pass", True, True),
        ("removed", "added", "pass", True, True),
        ("torn", "added", "fail", True, None),
        ("differs", "added", "differs", True, False),
        ("stripped", "added", "nothing_to_compare", True, None),
        ("absent", "added", "nothing_to_compare", True, None),
        ("markers", "added", "nothing_to_compare", True, None),
        ("paths", "added", "nothing_to_compare", True, None),
        ("raises", "added", "fail", False, None),
        ("damaged", "added", "fail", None, None),
        ("misfit", "added", "fail", None, None),
        ("scheduled", "added", "nothing_to_compare", True, None),
        ("from_pyproject", "modified", "nothing_to_compare", True, None),
        ("unstripped", "added", "fail", True, None),
        ("siblings 1", "added", "nothing_to_compare", True, None),
        ("siblings 2", "added", "nothing_to_compare", True, None),
        ("tools", "modified", "nothing_to_compare", True, None),
        ("no_tools", "added", "fail", False, None),
        ("gone", "deleted", "fail", None, None),
    ],
)
def test_what_is_said_of_each(
    review: Review, name: str, change: str, verdict: str, executes: bool, matches: bool
) -> None:
    one = _one(review, name)

    assert (one.change, one.verdict) == (change, verdict), one.steps
    assert (one.executes, one.matches_reference) == (executes, matches), one.steps


def test_the_review_is_of_all_of_them(review: Review, project: Project) -> None:
    assert len(review.notebooks) == 22
    assert review.verdict == "fail"
    assert not review.ok
    assert (review.base, review.head) == ("main", "change")
    assert review.base_commit == review.merge_base
    assert [warning for warning in review.warnings if "no entry" in warning or "name" in warning]
    assert Review.model_validate_json(review.to_json()) == review


def test_each_step_has_its_own_outcome_and_time(review: Review) -> None:
    for one in review.notebooks:
        assert [step.name for step in one.steps] == [
            *("structure", "sources", "parameters", "execution", "reference", "strip")
        ]
        assert all(step.duration_seconds >= 0 and step.message for step in one.steps)
    assert {name: status for name, (status, _) in _steps(review, "damaged").items()} == {
        "structure": "failed",
        **dict.fromkeys(("sources", "parameters", "execution", "reference", "strip"), "skipped"),
    }


def test_the_failed_line_is_one_of_the_file(review: Review, project: Project) -> None:
    one = _one(review, "raises")
    failed = one.cells[1]

    assert (failed.status, one.cells[0].status) == ("error", "ok")
    lines = (project.top / one.path).read_text("utf-8").split("\n")
    assert failed.failed_line is not None
    assert "raise ValueError('no')" in lines[failed.failed_line - 1]
    assert failed.line is not None
    assert "first = 1" in lines[failed.line - 1]
    assert one.failed_cell is not None
    assert one.failed_cell.evalue == "no"
    assert one.error is not None
    assert one.error.kind == "cell_error"


def test_a_reference_is_named_with_its_side(review: Review) -> None:
    unchanged, replaced = _one(review, "matches").reference, _one(review, "replaced").reference
    renamed = _one(review, "new näme").reference

    assert unchanged is not None
    assert (unchanged.side, unchanged.changed, unchanged.compared) == ("base", False, 1)
    assert replaced is not None
    assert (replaced.side, replaced.changed) == ("head", True)
    assert "which it changes" in _steps(review, "replaced")["reference"][1]
    assert renamed is not None
    assert renamed.path == "runs/reference/notebooks/old name.ipynb"
    removed = _one(review, "removed").reference
    assert removed is not None
    assert (removed.side, removed.changed) == ("base", True)
    assert "which the head has removed" in _steps(review, "removed")["reference"][1]
    assert "is no notebook" in _steps(review, "torn")["reference"][1]
    assert "no outputs to compare" in _steps(review, "stripped")["reference"][1]
    assert "there is no" in _steps(review, "absent")["reference"][1]


def test_what_differs_is_told_of_its_cell(review: Review) -> None:
    (cell,) = _one(review, "differs").cells

    assert cell.matches is False
    assert [(one.expected, one.actual) for one in cell.differences] == [("before\n", "after\n")]
    assert [cell.matches for cell in _one(review, "some_cells").cells] == [True, None]


def test_schedules_are_held_against_the_notebook(review: Review) -> None:
    (misfit,) = _one(review, "misfit").problems
    assert (misfit.file, misfit.entry) == ("schedules/all.yaml", "broken")
    assert misfit.line == SCHEDULES.splitlines().index("    unknown: 1") + 1
    status, message = _steps(review, "misfit")["parameters"]
    assert status == "failed"
    assert message.startswith(f"schedules/all.yaml:{misfit.line}: entry broken: ")
    assert _steps(review, "misfit")["execution"][0] == "skipped"

    (gone,) = _one(review, "gone").problems
    assert gone.entry == "orphaned"


def test_parameters_come_from_where_the_project_says(review: Review, project: Project) -> None:
    given = _one(review, "from_pyproject")
    assert (given.parameters, given.parameters_from) == ({"word": "given"}, "pyproject.toml")
    assert (
        "The default of word was 'old', is 'own'; it was run with 'given', which pyproject.toml "
        "gives."
    ) in given.warnings

    scheduled = _one(review, "scheduled")
    assert scheduled.parameters_from == "schedules/all.yaml, entry nightly"
    (day,) = scheduled.parameters.values()
    assert day == str(_committed(project).date())
    assert _one(review, "absent").parameters_from is None


def _committed(project: Project) -> Any:
    from datetime import UTC, datetime

    from tests.integration.repositories import git

    return datetime.fromtimestamp(int(git(project.top, "show", "-s", "--format=%ct", "main")), UTC)


def test_cells_that_carry_outputs_are_named(review: Review) -> None:
    assert _one(review, "unstripped").stripped_away == (0, 1)
    assert _steps(review, "unstripped")["strip"][0] == "failed"


def test_tools_are_replayed_and_counted(review: Review) -> None:
    (delta,) = _one(review, "tools").tool_calls

    assert (delta.tool, delta.base, delta.head) == ("terminal", 1, 1)
    assert (delta.ok, delta.replayed) == (1, 1)
    assert any("not made" in one or "recorded" in one for one in _one(review, "tools").warnings)
    assert _one(review, "no_tools").failed_cell is not None


def test_the_executed_notebooks_are_at_hand(review: Review, project: Project) -> None:
    one = _one(review, "differs")

    assert one.output_path == f".nbx/runs/{one.run_id}/outputs/notebook.ipynb"
    executed = nbformat.read(project.top / one.output_path, as_version=4)
    assert executed.cells[0].outputs[0].text == "after\n"
    base, head = one.notebooks.base, one.notebooks.head
    assert base is not None
    assert head is not None
    assert (base.cells[0].outputs[0].text, head.cells[0].outputs[0].text) == (
        "before\n",
        "after\n",
    )
    assert one.with_notebooks(one.notebooks) == one


def test_outputs_do_not_tell_where_the_copy_was(review: Review) -> None:
    head = _one(review, "paths").notebooks.head

    assert head is not None
    printed = {output.name: output.text for output in head.cells[0].outputs}
    assert printed == {"stderr": "notebooks/module_beside.py: a warning\n", "stdout": "notebooks\n"}


def test_what_nbvals_markers_say_is_done(review: Review) -> None:
    assert [cell.status for cell in _one(review, "markers").cells] == [
        *("expected_error", "skipped", "ok")
    ]


def test_the_runs_are_on_record_as_a_reviews(review: Review, project: Project) -> None:
    with NotebookExecutor(project.top) as executor:
        runs = {row.run_id: row for row in executor.runs()}
    one = _one(review, "matches")

    assert one.run_id in runs
    row = runs[one.run_id]
    assert row.input_path == str(project.top / one.path)
    record = json.loads((project.top / ".nbx/runs" / one.run_id / "record.json").read_text("utf-8"))
    assert record["trigger"] == {
        "kind": "review", "name": one.path, "scheduled_at": None, "attempt": 1,
    }  # fmt: skip


def test_the_difference_is_of_the_sources(review: Review) -> None:
    diff = _one(review, "matches").diff
    assert diff is not None
    assert diff.summary.sources_changed == 1
    assert _one(review, "gone").diff is not None
