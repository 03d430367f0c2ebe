"""What schedulers share: a due time is taken on once, whoever asks, and whoever dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from notebook_executor.errors import UsageError
from notebook_executor.schedule.claims import Claim
from notebook_executor.schedule.ownership import Owner, is_gone, remove_marks_of_dead
from notebook_executor.schedule.state import FILE, State

_BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)


def due(hours: int, entry: str = "a", **fields: object) -> Claim:
    return Claim(entry=entry, scheduled_at=_BEGAN + hours * _HOUR, **fields)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State(tmp_path) as made:
        made.begin({"a": _BEGAN})
        yield made


@pytest.fixture
def other(state: State, tmp_path: Path) -> Iterator[State]:
    """The same state as another scheduler has it open."""
    with State(tmp_path) as made:
        yield made


def test_a_due_time_is_taken_on_once(state: State, other: State) -> None:
    taken = state.claim(due(1, owner="me"), alone=False)

    assert isinstance(taken, Claim)
    assert other.claim(due(1, owner="other"), alone=False) is None
    assert other.claims() == [taken]
    assert other.cursors(["a"]) == {"a": _BEGAN + _HOUR}


def test_of_many_who_ask_at_once_one_gets_it(state: State, tmp_path: Path) -> None:
    def claim_all(owner: str) -> int:
        with State(tmp_path) as mine:
            claims = [mine.claim(due(hour, owner=owner), alone=False) for hour in range(1, 6)]
        return sum(claim is not None for claim in claims)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(claim_all, "bcde")) == 5


def test_a_claim_outlives_the_kill_of_its_process(state: State, tmp_path: Path) -> None:
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom datetime import UTC, datetime\n"
        "from notebook_executor.schedule.state import State, Claim\n"
        "state = State(Path(sys.argv[1]))\n"
        "with state._database.transaction():\n"
        "    due = datetime(2027, 1, 1, tzinfo=UTC)\n"
        "    state.claim(Claim(entry='a', scheduled_at=due), alone=False)\n"
        "    if sys.argv[2] == 'before':\n        os.kill(os.getpid(), 9)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    counts = []
    for when in ("before", "after"):
        done = subprocess.run([sys.executable, "-c", code, tmp_path, when], timeout=60, check=False)
        assert done.returncode == -signal.SIGKILL
        counts.append(len(state.claims()))
    assert counts == [0, 1]


def test_alone_names_what_is_in_the_way(state: State) -> None:
    running = state.claim(due(1), alone=True)

    assert state.claim(due(2), alone=True) == [running]
    assert state.cursors(["a"]) == {"a": _BEGAN + _HOUR}
    assert isinstance(state.claim(due(2), alone=False), Claim)
    assert isinstance(state.claim(due(2, "b"), alone=True), Claim)


def test_only_who_saw_how_it_stands_can_change_it(state: State, other: State) -> None:
    mine = due(1, owner="me")
    state.claim(mine, alone=False)
    orphan = other.live()[0]

    assert other.change(orphan, orphan.model_copy(update={"owner": "other"}))
    assert not state.change(mine, mine.model_copy(update={"state": "success"}))
    assert [claim.state for claim in state.claims()] == ["running"]


def test_a_retry_is_taken_on_once_and_is_the_next_attempt(state: State, other: State) -> None:
    first = due(1, owner="me")
    state.claim(first, alone=False)
    waiting = first.model_copy(update={"state": "waiting", "retry_at": _BEGAN + 2 * _HOUR})
    assert state.change(first, waiting)

    assert state.claim(due(2), alone=True) == [waiting]
    again = other.claim_again(waiting, "other", _BEGAN + 2 * _HOUR)
    assert again is not None
    assert (again.attempt, again.state, again.owner) == (2, "running", "other")
    assert state.claim_again(waiting, "me", _BEGAN + 2 * _HOUR) is None


def test_a_wish_to_end_a_run_reaches_its_owner(state: State, other: State) -> None:
    running = due(1, owner="me")
    state.claim(running, alone=False)
    before = state.version()

    other.ask_to_end(running, "the next one is due")
    other.ask_to_end(running, "another reason")

    assert state.version() != before
    assert [claim.ending for claim in state.live()] == ["the next one is due"]
    noted = running.model_copy(update={"run_id": "1"})
    assert state.change(running, noted)
    assert [claim.ending for claim in state.live()] == ["the next one is due"]


def test_paused_entries_claim_nothing_and_go_on_from_where_they_are_resumed(state: State) -> None:
    assert state.pause("a", _BEGAN, "for now")
    assert not state.pause("a", _BEGAN, "again")
    assert state.paused() == {"a": "for now"}
    assert state.claim(due(1), alone=False) is None
    assert isinstance(state.claim(due(2, manual=True), alone=False), Claim)

    assert state.resume("a", _BEGAN + 5 * _HOUR)
    assert not state.resume("a", _BEGAN)
    assert state.cursors(["a"]) == {"a": _BEGAN + 5 * _HOUR}
    assert isinstance(state.claim(due(6), alone=False), Claim)


def test_what_is_forgotten_does_not_run_again(state: State) -> None:
    for hour in (1, 2, 3):
        claim = due(hour)
        state.claim(claim, alone=False)
        state.change(claim, claim.model_copy(update={"state": "success"}))

    state.forget("a", 3)
    assert len(state.claims("a")) == 3
    state.forget("a", 1)

    assert [claim.scheduled_at for claim in state.claims("a")] == [_BEGAN + 3 * _HOUR]
    assert state.claim(due(2), alone=False) is None


def test_missed_due_times_are_recorded_once(state: State, other: State) -> None:
    missed = due(3, state="missed", message="3 due times")

    assert state.pass_over("a", _BEGAN + 3 * _HOUR, missed)
    assert not other.pass_over("a", _BEGAN + 3 * _HOUR, missed)
    assert state.last() == {"a": missed}
    assert state.cursors(["a"]) == {"a": _BEGAN + 3 * _HOUR}


def test_a_file_that_is_none_and_a_newer_one_are_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("no database, and long enough for the header of one" * 20)
    with pytest.raises(UsageError, match="cannot be used: file is not a database"):
        State(tmp_path)

    newer = tmp_path / "newer"
    with State(newer) as made:
        made._database.rows("PRAGMA user_version = 7")
    with pytest.raises(UsageError, match="is of version 7, not 1"):
        State(newer)


def test_an_owner_is_gone_when_its_process_is(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from notebook_executor.schedule.ownership import Owner\n"
        "owner = Owner(Path(sys.argv[1]))\nprint(owner.token, flush=True)\nsys.stdin.read()"
    )
    pipe = subprocess.PIPE
    with (
        Owner(tmp_path) as mine,
        subprocess.Popen(
            [sys.executable, "-c", code, tmp_path], stdin=pipe, stdout=pipe, text=True
        ) as process,
    ):
        assert process.stdout is not None
        token = process.stdout.readline().strip()
        remove_marks_of_dead(tmp_path)
        assert not is_gone(tmp_path, token)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(60)
        assert is_gone(tmp_path, token)
        remove_marks_of_dead(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == [mine.token]
        assert not is_gone(tmp_path, mine.token)
    assert is_gone(tmp_path, mine.token)
