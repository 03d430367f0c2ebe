"""What a scheduler takes on, and what it leaves; the notebooks are missing, which is soon told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from notebook_executor.backends.local import LocalBackend
from notebook_executor.config import Settings
from notebook_executor.models import ExecutionResult
from notebook_executor.schedule.attempts import Workshop, free_paths
from notebook_executor.schedule.claims import Claim
from notebook_executor.schedule.clock import Clock
from notebook_executor.schedule.entry import Entry
from notebook_executor.schedule.happening import Happening, HappeningKind
from notebook_executor.schedule.ownership import Owner
from notebook_executor.schedule.scheduler import OWNERS, Scheduler
from notebook_executor.schedule.serving import Stop, run_by_hand, tick
from notebook_executor.schedule.state import State

_SIX = datetime(2026, 3, 1, 6, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)


def entry(name: str = "a", schedule: str = "0 6 * * *", **fields: Any) -> Entry:
    commit = {"enabled": False}
    wanted = {"name": name, "schedule": schedule, "path": "none.ipynb", "commit": commit}
    return Entry.model_validate({**wanted, **fields})


class Bench:
    """A project, its state, and what schedulers tell."""

    def __init__(self, root: Path, state: State) -> None:
        self.root, self.state = root, state
        self.told: list[Happening] = []
        self.followed: list[Claim] = []

    @contextmanager
    def scheduler(self, clock: Clock) -> Iterator[Scheduler]:
        workshop = Workshop(self.root, Settings(), self.state, LocalBackend())
        with Scheduler(
            workshop, clock=clock, at_once=2, tell=self.told.append, aftermath=self._follow
        ) as made:
            yield made

    def _follow(
        self, entry: Entry, claim: Claim, result: ExecutionResult | None
    ) -> list[tuple[HappeningKind, str]]:
        self.followed.append(claim)
        return [("problem", f"{entry.name} was followed")]

    def tick(self, now: datetime, *entries: Entry) -> list[Claim]:
        """The claims after a tick at that time, the newest first."""
        clock = Clock.showing(now)
        with self.scheduler(clock) as scheduler:
            tick(scheduler, entries, clock, Stop())
        return self.state.claims()

    def seen(self, *entries: Entry) -> None:
        """Have the entries be known since midnight."""
        self.state.begin({entry.name: _SIX - timedelta(hours=6) for entry in entries})


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with State(tmp_path / ".nbx/schedule") as state:
        yield Bench(tmp_path, state)


def times(claims: list[Claim], state: str = "error") -> list[datetime]:
    return [claim.scheduled_at for claim in claims if claim.state == state]


def test_what_is_due_is_run_once_and_recorded(bench: Bench) -> None:
    bench.seen(entry())
    (claim,) = bench.tick(_SIX, entry())

    assert (claim.state, claim.error_kind, claim.attempt) == ("error", "not_found", 1)
    assert bench.tick(_SIX + _MINUTE, entry()) == [claim]
    result = bench.told[-1].result
    assert result is not None
    assert result.run_id == claim.run_id
    assert result.trigger.model_dump() == {
        "kind": "schedule",
        "name": "a",
        "scheduled_at": _SIX,
        "attempt": 1,
    }
    assert [happening.kind for happening in bench.told] == ["started", "problem", "finished"]
    assert [told.state for told in bench.followed] == ["error"]


def test_a_new_entry_does_not_catch_up_with_its_past(bench: Bench) -> None:
    assert bench.tick(_SIX, entry(schedule="* * * * *")) == []
    assert times(bench.tick(_SIX + _MINUTE, entry(schedule="* * * * *"))) == [_SIX + _MINUTE]


def test_missed_times_are_recorded_and_the_last_is_run(bench: Bench) -> None:
    bench.seen(entry())
    claims = bench.tick(_SIX + 3 * _DAY + timedelta(hours=2), entry())

    assert times(claims) == [_SIX + 3 * _DAY]
    assert times(claims, "missed") == [_SIX + 2 * _DAY]
    assert claims[1].message == "3 due times were missed, from 2026-03-01 06:00:00 UTC on"
    assert {claim.state for claim in bench.followed} == {"missed", "error"}
    assert bench.tick(_SIX + 3 * _DAY + timedelta(hours=2), entry()) == claims


def test_all_are_caught_up_with_in_their_order(bench: Bench) -> None:
    wanted = entry(catch_up="all")
    bench.seen(wanted)
    claims = bench.tick(_SIX + 4 * _DAY, wanted)

    assert times(claims) == [_SIX + days * _DAY for days in (4, 3, 2, 1, 0)]
    started = [told.claim for told in bench.told if told.kind == "started"]
    assert [claim.scheduled_at for claim in started if claim] == sorted(times(claims))


def test_retries_follow_by_kind_and_limit(bench: Bench) -> None:
    again = entry("again", retries={"limit": 2, "on": ["not_found"], "backoff": 0})
    once = entry("once", retries={"limit": 2, "backoff": 0})
    bench.seen(again, once)
    claims = {claim.entry: claim for claim in bench.tick(_SIX, again, once)}

    assert (claims["again"].attempt, claims["again"].state) == (3, "error")
    assert (claims["once"].attempt, claims["once"].state) == (1, "error")
    kinds = [happening.kind for happening in bench.told if happening.entry == "again"]
    assert kinds == ["started", "retry", "started", "retry", "started", "problem", "finished"]
    assert [claim.entry for claim in bench.followed].count("again") == 1


def test_a_retry_that_waits_is_taken_on_by_a_later_tick(bench: Bench) -> None:
    wanted = entry(retries={"limit": 1, "on": ["not_found"], "backoff": "1h"})
    waiting = Claim(
        entry="a", scheduled_at=_SIX, state="waiting", retry_at=_SIX + _MINUTE, owner="gone"
    )
    bench.seen(wanted)
    assert bench.state.pass_over("a", _SIX, waiting)

    assert bench.tick(_SIX, wanted) == [waiting]
    (claim,) = bench.tick(_SIX + _MINUTE, wanted)
    assert (claim.attempt, claim.state) == (2, "error")


def test_what_a_dead_scheduler_left_is_cut_off_and_not_run_again(bench: Bench) -> None:
    bench.seen(entry())
    bench.state.claim(Claim(entry="a", scheduled_at=_SIX, owner="gone"), alone=True)

    (claim,) = bench.tick(_SIX + _MINUTE, entry())

    assert (claim.state, claim.run_id) == ("cut off", None)
    assert claim.message == "The scheduler ended before the run was on record."
    assert [told.failed for told in bench.told] == [False, True]


def test_what_a_dead_scheduler_left_is_retried_where_the_entry_says_so(bench: Bench) -> None:
    wanted = entry(retries={"limit": 1, "on": ["cut_off"], "backoff": 0})
    bench.seen(wanted)
    bench.state.claim(Claim(entry="a", scheduled_at=_SIX, owner="gone"), alone=True)

    (claim,) = bench.tick(_SIX + _MINUTE, wanted)

    assert (claim.attempt, claim.state, claim.error_kind) == (2, "error", "not_found")


def test_what_a_living_scheduler_runs_is_left_to_it(bench: Bench) -> None:
    bench.seen(entry())
    with Owner(bench.state.directory / OWNERS) as other:
        running = Claim(entry="a", scheduled_at=_SIX, owner=other.token)
        bench.state.claim(running, alone=True)

        assert bench.tick(_SIX + _DAY, entry()) == [running]
        assert bench.tick(_SIX + _DAY, entry(concurrency_policy="allow"))[1] == running

    assert bench.told[0].kind == "blocked"


def test_replace_asks_the_other_scheduler_and_waits(bench: Bench) -> None:
    wanted = entry(concurrency_policy="replace")
    bench.seen(wanted)
    clock = Clock.showing(_SIX + _DAY)
    with Owner(bench.state.directory / OWNERS) as other, bench.scheduler(clock) as scheduler:
        running = Claim(entry="a", scheduled_at=_SIX, owner=other.token)
        bench.state.claim(running, alone=True)
        scheduler.load([wanted])
        scheduler.turn(clock.now())
        assert not scheduler.idle
        (asked,) = bench.state.live()
        assert asked.ending == "the run that was due at 2026-03-02 06:00:00 UTC takes its place"

        ended = running.model_copy(update={"state": "error", "error_kind": "cancelled"})
        assert bench.state.change(running, ended)
        scheduler.turn(clock.now())
        scheduler.jobs.join()

    assert times(bench.state.claims()) == [_SIX + _DAY, _SIX]


def test_paused_and_suspended_entries_rest_and_do_not_catch_up(bench: Bench) -> None:
    for stop, go in ((bench.state.pause, bench.state.resume), (None, None)):
        name = "paused" if stop else "suspended"
        resting, awake = entry(name, suspend=not stop), entry(name)
        bench.seen(resting)
        if stop is not None:
            assert stop(name, _SIX - _MINUTE)
        assert bench.tick(_SIX, resting) == []
        if go is not None:
            assert go(name, _SIX + _MINUTE)
        assert bench.tick(_SIX + 2 * _MINUTE, awake) == []


def test_a_clock_that_was_put_back_runs_nothing_twice_and_goes_on(bench: Bench) -> None:
    bench.seen(entry())
    first = bench.tick(_SIX + 30 * _DAY, entry())
    assert times(first) == [_SIX + 30 * _DAY]

    assert bench.tick(_SIX + _MINUTE, entry()) == first
    assert times(bench.tick(_SIX + _DAY, entry())) == [_SIX + 30 * _DAY, _SIX + _DAY]
    assert times(bench.tick(_SIX + 30 * _DAY, entry())) == [_SIX + 30 * _DAY, _SIX + _DAY]


def test_an_entry_that_cannot_be_filled_in_fails_on_record(bench: Bench) -> None:
    wanted = entry(parameters={"x": "{{ nothing }}"})
    bench.seen(wanted)
    (claim,) = bench.tick(_SIX, wanted)

    assert (claim.state, claim.error_kind) == ("error", "invalid_parameters")
    assert claim.run_id is not None
    assert (bench.root / ".nbx/runs" / claim.run_id / "record.json").exists()


def test_a_run_by_hand_is_beside_the_due_times(bench: Bench) -> None:
    bench.seen(entry())
    assert bench.state.pause("a", _SIX)
    with bench.scheduler(Clock.showing(_SIX - _MINUTE)) as scheduler:
        assert run_by_hand(scheduler, entry(), Stop()) == []
    (claim,) = bench.state.claims()
    assert (claim.manual, claim.state) == (True, "error")
    assert bench.state.resume("a", _SIX - _MINUTE)
    assert times(bench.tick(_SIX, entry()))[0] == _SIX


def test_a_run_by_hand_yields_to_one_that_goes_on(bench: Bench) -> None:
    with Owner(bench.state.directory / OWNERS) as other:
        running = Claim(entry="a", scheduled_at=_SIX, owner=other.token)
        bench.state.claim(running, alone=True)
        with bench.scheduler(Clock.showing(_SIX)) as scheduler:
            assert run_by_hand(scheduler, entry(), Stop()) == [running]


def test_a_scheduler_asked_to_stop_begins_nothing(bench: Bench) -> None:
    stop = Stop()
    stop(15, None)
    clock = Clock.showing(_SIX)
    with bench.scheduler(clock) as scheduler:
        tick(scheduler, [], clock, stop)
    assert stop.signal == 15


def test_what_is_not_kept_is_removed(bench: Bench) -> None:
    wanted = entry(catch_up="all", keep={"success": 1, "failure": 2})
    bench.seen(wanted)
    claims = bench.tick(_SIX + 4 * _DAY, wanted)

    records = {path.name for path in (bench.root / ".nbx/runs").iterdir()}
    assert records == {claim.run_id for claim in claims[:2]}
    assert len(times(claims)) == 5


@pytest.mark.parametrize("there", [[], ["a.ipynb"], ["a.ipynb", "a-2.ipynb"]])
def test_a_free_path_is_found(tmp_path: Path, there: list[str]) -> None:
    for name in there:
        (tmp_path / name).symlink_to("nowhere")
    expected = ["a.ipynb", "a-2.ipynb", "a-3.ipynb"][len(there)]
    assert next(free_paths(tmp_path / "a.ipynb")).name == expected


def test_two_runs_that_begin_at_once_get_two_paths(bench: Bench) -> None:
    claims = [Claim(entry=name, scheduled_at=_SIX, owner="me") for name in "ab"]
    for claim in claims:
        bench.state.claim(claim, alone=True)
    placed = [
        bench.state.place(claim, str(number), iter(["x", "x-2"]))
        for number, claim in enumerate(claims)
    ]
    assert [claim.output_path for claim in placed] == ["x", "x-2"]
