"""``nbx schedule check``, ``list`` and ``next``: what there is, told without running it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from notebook_executor.cli.exits import ExitCode, guarded
from notebook_executor.cli.main import nbx as commands

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook
    from tests.integration.cli.conftest import Nbx

NOW = "2026-03-28T12:00:00Z"
GOOD = """\
- name: daily
  schedule: 0 6 * * *
  timezone: Europe/Berlin
  path: notebook.ipynb
  parameters: {count: 2}
- {name: off, schedule: '@hourly', path: notebook.ipynb, suspend: true}
- {name: once, schedule: '2026-03-29T03:30:30', path: notebook.ipynb}
- {name: over, schedule: '2026-01-01T00:00', path: notebook.ipynb}
"""


class _Command:
    """A command line that starts nothing, in this process."""

    def __init__(self, captured: pytest.CaptureFixture[str]) -> None:
        self._captured = captured

    def __call__(self, *arguments: str, code: ExitCode = ExitCode.SUCCESS) -> str:
        ended = guarded(
            lambda: commands.main(["schedule", *arguments], prog_name="nbx", standalone_mode=False),
            debug=True,
        )
        said = self._captured.readouterr()
        assert ended == code, said.err
        self.complaint = said.err
        return said.out

    def lines(self, *arguments: str, code: ExitCode = ExitCode.SUCCESS) -> list[Any]:
        out = self(*arguments, "--json", code=code)
        return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def schedule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> _Command:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    (tmp_path / "schedules").mkdir()
    (tmp_path / "schedules" / "a.yaml").write_text(GOOD)
    return _Command(capfd)


def test_check_says_that_all_is_well(schedule: _Command, make_notebook: MakeNotebook) -> None:
    make_notebook(("count = 1", "parameters"))
    assert schedule("check") == "4 valid entries in 1 file, nothing wrong\n"
    (report,) = schedule.lines("check")
    assert report["ok"] is True
    assert report["entries"] == ["daily", "off", "once", "over"]


def test_check_says_what_is_wrong_where(
    schedule: _Command, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    make_notebook(("cuont: int = 1", "parameters"))
    (tmp_path / "schedules" / "b.yaml").write_text("name: x\ncron: '* * * * *'\npath: ü\n")
    told = schedule("check", code=ExitCode.USAGE).splitlines()
    assert told == [
        "schedules/a.yaml:5:16: Unknown parameter 'count'",
        "  hint: Did you mean 'cuont' instead of 'count'? The notebook declares: cuont.",
        "schedules/b.yaml:1:1: schedule is missing",
        "schedules/b.yaml:2:1: there is no field 'cron'",
        "  hint: Did you mean schedule?",
        "4 valid entries in 2 files, 3 problems",
    ]
    (report,) = schedule.lines("check", code=ExitCode.USAGE)
    assert [(one["line"], one["column"]) for one in report["problems"]] == [(5, 16), (1, 1), (2, 1)]


def test_list_shows_when_each_entry_runs_next(schedule: _Command) -> None:
    rows = schedule("list", "--now", NOW).splitlines()
    assert [" ".join(row.split()) for row in rows[1:]] == [
        "daily 0 6 * * * Europe/Berlin 2026-03-29 06:00 CEST notebook.ipynb",
        "off @hourly UTC suspended notebook.ipynb",
        "once 2026-03-29T03:30:30 UTC 2026-03-29 03:30:30 UTC notebook.ipynb",
        "over 2026-01-01T00:00 UTC never notebook.ipynb",
    ]
    listed = schedule.lines("list", "--now", NOW)
    assert [entry["next"] for entry in listed] == [
        *("2026-03-29T04:00:00Z", None, "2026-03-29T03:30:30Z", None),
    ]


def test_list_shows_what_is_paused(schedule: _Command) -> None:
    schedule("pause", "daily", "--reason", "on holiday")
    assert "paused: on holiday" in schedule("list").splitlines()[1]
    assert [entry["paused"] for entry in schedule.lines("list")][:2] == ["on holiday", None]
    assert [due["entry"] for due in schedule.lines("next", "--now", NOW)] == ["once"]


def test_next_merges_the_times_of_all_entries(schedule: _Command) -> None:
    assert schedule("next", "-n", "3", "--now", NOW).splitlines()[1:] == [
        "2026-03-29 03:30:30 UTC  once",
        "2026-03-29 06:00 CEST    daily",
        "2026-03-30 06:00 CEST    daily",
    ]
    (due,) = schedule.lines("next", "--entry", "daily", "-n", "1", "--now", NOW)
    assert due == {
        "at": "2026-03-29T04:00:00Z",
        "local": "2026-03-29T06:00:00+02:00",
        "entry": "daily",
    }
    schedule("next", "--entry", "dialy", code=ExitCode.USAGE)
    assert "Did you mean daily?" in schedule.complaint


def test_a_mistake_is_told_beside_what_is_good(schedule: _Command, tmp_path: Path) -> None:
    (tmp_path / "schedules" / "b.yaml").write_text("[")
    assert len(schedule.lines("list", code=ExitCode.USAGE)) == 4
    assert schedule.complaint.startswith("schedules/b.yaml:2:1: ")
    schedule("next", "--now", "soon", code=ExitCode.USAGE)
    assert "'soon' is no time" in schedule.complaint
    schedule("list", "nowhere", code=ExitCode.USAGE)
    assert "There is no" in schedule.complaint


def test_the_project_has_entries_that_are_valid(nbx: Nbx) -> None:
    root = Path(__file__).parents[3]
    done = nbx("schedule", "check", "--json", cwd=root)
    assert json.loads(done.stdout)["problems"] == []
    assert json.loads(done.stdout)["entries"] == ["fleet-health"]
