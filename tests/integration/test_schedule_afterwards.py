"""After a run: alerts, commits, and who is told of what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from notebook_executor.models import ExecutionResult
from notebook_executor.schedule.afterwards import Afterwards
from notebook_executor.schedule.claims import Claim, ClaimState
from notebook_executor.schedule.entry import Entry
from notebook_executor.schedule.state import State
from tests.integration.receiver import receiving
from tests.integration.repositories import git, isolate_git, make_repository

_SIX = datetime(2026, 11, 20, 6, tzinfo=UTC)
_TELL = {"command": "cat >> told.jsonl", "on": ["failure", "alert", "recovery", "missed"]}


@pytest.fixture(autouse=True)
def plain_git(monkeypatch: pytest.MonkeyPatch) -> None:
    isolate_git(monkeypatch)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "project")


@pytest.fixture
def after(root: Path) -> Iterator[After]:
    with State(root / ".nbx" / "schedule") as state:
        yield After(root, state)


class After:
    """The end of one run after the other, an hour apart, with the scrap that each one left."""

    def __init__(self, root: Path, state: State) -> None:
        self.root, self.state, self.hours = root, state, 0
        self.alerts: list[str] = []
        self.follow = Afterwards(root, None, state)

    def run(
        self, entry: Entry, ended: ClaimState = "success", score: float | None = 1.0, **fields: Any
    ) -> list[str]:
        """Conclude a run as a scheduler does; what could not be done."""
        at = _SIX + timedelta(hours=self.hours)
        self.hours += 1
        result = None if ended == "missed" else self._result(at, ended, score, **fields)
        claim = Claim(
            entry=entry.name,
            scheduled_at=at,
            state=ended,
            run_id=result and result.run_id,
            message="" if result else "3 due times were missed",
        )
        self.state.begin({entry.name: at - timedelta(hours=1)})
        self.state.claim(claim, alone=False)
        found = list(self.follow(entry, claim, result))
        self.alerts = [message for kind, message in found if kind == "alert"]
        return [message for kind, message in found if kind == "problem"]

    def _result(
        self, at: datetime, ended: str, score: float | None, **fields: Any
    ) -> ExecutionResult:
        output = self.root / f"runs/{at:%H}.ipynb"
        output.parent.mkdir(exist_ok=True)
        output.write_text(f"{at:%H}\n", "utf-8")
        error = {"kind": "cell_error", "message": "Cell 3 raised ValueError", "hint": "Mend it."}
        values: dict[str, Any] = {
            "status": "success" if ended == "success" else "error",
            "duration_seconds": 1.5, "cells_executed": 1, "run_id": f"{at:%Y%m%dT%H%M%SZ}-000000",
            "started_at": at, "finished_at": at, "input_path": "a.ipynb",
            "output_path": str(output), "source_sha256": None, "git_commit": None,
            "scraps": {} if score is None else {"score": score},
            "error": None if ended == "success" else error,
        }  # fmt: skip
        result = ExecutionResult(**(values | fields))
        record = self.root / ".nbx/runs" / result.run_id
        record.mkdir(parents=True)
        (record / "record.json").write_text(result.to_json(), "utf-8")
        return result

    def told(self) -> list[dict[str, Any]]:
        file = self.root / "told.jsonl"
        lines = file.read_text("utf-8").splitlines() if file.exists() else []
        return [json.loads(line) for line in lines]


def entry(**fields: Any) -> Entry:
    return Entry(name="fleet", schedule="0 * * * *", path="a.ipynb", **fields)


def test_what_lies_in_a_repository_is_committed_by_itself(after: After) -> None:
    assert after.run(entry(timezone="Asia/Tokyo")) == []

    log = git(after.root, "log", "--format=%s", "--name-only", "notebook-runs")
    assert log.splitlines() == ["run fleet 2026-11-20", "", "runs/06.ipynb"]
    assert git(after.root, "status", "--porcelain") != ""


def test_a_failure_is_committed_too_and_again_nothing_is(after: After) -> None:
    failing = entry(commit={"branch": "runs-{{ date }}", "message": "{{ name }}: {{ ts }}"})
    after.run(failing, "error")
    after.hours = 0
    after.state.forget("fleet", 0)
    (after.root / ".nbx/runs/20261120T060000Z-000000/record.json").unlink()
    (after.root / ".nbx/runs/20261120T060000Z-000000").rmdir()
    after.run(failing, "error")

    log = git(after.root, "log", "--format=%s", "runs-2026-11-20")
    assert log.splitlines() == ["fleet: 2026-11-20T06:00:00Z"]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"enabled": False}, None),
        ({"branch": "main"}, "is checked out in"),
        ({"branch": "a..b"}, "check-ref-format"),
        ({"message": "{{ env.NO_SUCH }}"}, "commit.message cannot be filled in"),
        ({"push": True}, "which of 0 remotes"),
    ],
)
def test_a_commit_that_is_not_made_is_told(
    after: After, fields: dict[str, Any], problem: str | None
) -> None:
    told = after.run(entry(commit=fields))
    assert len(told) == (problem is not None)
    assert problem is None or problem in told[0]


@pytest.mark.parametrize(("enabled", "problems"), [("auto", 0), (True, 1)])
def test_outside_of_a_repository(tmp_path: Path, enabled: Any, problems: int) -> None:
    with State(tmp_path / ".nbx") as state:
        told = After(tmp_path, state).run(entry(commit={"enabled": enabled}))
    assert len(told) == problems


def test_who_asked_is_told_of_failure_and_recovery(after: After) -> None:
    watched = entry(notify=[_TELL], commit={"enabled": False})
    states: list[ClaimState] = ["success", "error", "cut off", "missed", "success", "success"]
    for state in states:
        assert after.run(watched, state) == []

    assert [(each["occasion"], each["scheduled_at"][11:13]) for each in after.told()] == [
        ("failure", "07"),
        ("failure", "08"),
        ("missed", "09"),
        ("recovery", "10"),
    ]
    failure, _, missed, recovery = after.told()
    assert failure["status"] == "error"
    assert failure["error"]["hint"] == "Mend it."
    assert failure["text"].startswith("fleet failed (2026-11-20 07:00 UTC)\nerror (cell_error)")
    assert missed["text"] == "fleet was missed (2026-11-20 09:00 UTC)\n3 due times were missed"
    assert recovery["scraps"] == {"score": 1.0}


def test_an_alert_is_raised_and_recovered_from(after: After) -> None:
    watched = entry(notify=[_TELL], alert_if="score < 0.5", commit={"enabled": False})
    raised = []
    for score in (0.9, 0.4, None, 0.9, 0.9):
        assert after.run(watched, score=score) == []
        raised.append(len(after.alerts))

    assert raised == [0, 1, 1, 0, 0]

    assert [(each["occasion"], each["alert"]) for each in after.told()] == [
        ("alert", "score < 0.5"),
        ("alert", "There is no scrap 'score'; there are none"),
        ("recovery", None),
    ]
    assert "alert: score < 0.5" in after.told()[0]["text"]


def test_each_is_told_once_of_what_matters_most(after: After) -> None:
    tell = {"command": "cat >> told.jsonl"}
    watched = entry(
        alert_if="score < 0.5",
        commit={"enabled": False},
        notify=[{**tell, "on": ["success", "alert"]}, {**tell, "on": ["success"]}, tell],
    )
    after.run(watched, score=0.1)
    after.run(watched, score=0.9)

    assert [each["occasion"] for each in after.told()] == ["alert", *["success"] * 3]


def test_a_command_that_fails_does_not_keep_others_from_being_told(after: After) -> None:
    failing = {"command": "echo broken >&2; false", "on": ["success"]}
    told = after.run(
        entry(notify=[failing, {**_TELL, "on": ["success"]}], commit={"enabled": False})
    )

    assert told == ["the command that is to tell of it failed: exit code 1: broken"]
    assert len(after.told()) == 1


def test_a_webhook_has_its_secrets_from_the_environment(
    after: After, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_TOKEN", "s3cret")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with receiving() as receiver:
        webhook = {
            "url": f"{receiver.url}/{{{{ name }}}}",
            "headers": {"Authorization": "Bearer {{ env.HOOK_TOKEN }}"},
        }
        on = {"webhook": webhook, "on": ["success"]}
        assert after.run(entry(notify=[on], pass_env=["HOOK_TOKEN"])) == []
        (problem,) = after.run(entry(notify=[on]))

    (request,) = receiver.requests
    assert (request.path, request.headers["authorization"]) == ("/fleet", "Bearer s3cret")
    assert request.json()["commit"] == git(after.root, "rev-parse", "notebook-runs~1")
    assert problem.startswith("webhook.headers.Authorization cannot be filled in")


def test_a_notice_is_small_whatever_the_run_was(after: After) -> None:
    scraps = {f"s{number}": "x" * 1500 for number in range(40)} | {"big": list(range(9999))}
    watched = entry(notify=[{**_TELL, "on": ["success"]}], commit={"enabled": False})
    after.run(watched, scraps=scraps)

    (notice,) = after.told()
    assert len(json.dumps(notice)) < 30_000
    assert len(notice["text"]) <= 1500
    assert set(notice["scraps"]) | set(notice["left_out"]) == set(scraps)


@pytest.mark.parametrize("claimed", ["success", "error"])
def test_a_notebook_that_is_not_there_is_not_committed(after: After, claimed: ClaimState) -> None:
    told = after.run(entry(commit={"enabled": True}), claimed, output_path=str(after.root / "x"))
    assert told == []
    assert not git(after.root, "branch", "--list", "notebook-runs")
