"""Due times: against a walk through every minute, and what is due and missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from notebook_executor.schedule.agenda import Agenda
from notebook_executor.schedule.due import (
    CATCH_UP_LIMIT,
    assess,
    due_times,
    first_seen,
    last_times,
    next_time,
    previous_time,
)
from notebook_executor.schedule.entry import Entry
from tests.simulation.cases import EXPRESSIONS, ZONES
from tests.simulation.comparing import compare, entry_of
from tests.simulation.walking import DAY, Walk, changes, utc

NOW = datetime(2026, 11, 20, 6, 0, 30, tzinfo=UTC)


def _entry(schedule: str = "0 6 * * *", **fields: Any) -> Entry:
    return Entry.model_validate({"name": "a", "schedule": schedule, "path": "a.ipynb", **fields})


def _ago(**units: float) -> datetime:
    return NOW - timedelta(**units)


def _minute(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize("zone", ZONES)
def test_around_changes_of_clocks_times_are_those_of_a_walk_through_each_minute(zone: str) -> None:
    # A quiet day stands for those that never change.
    days = changes(zone, utc(2026), 365) or [utc(2026, 5, 30)]
    for day in days:
        walk = Walk(zone, day - timedelta(hours=30), 3 * DAY)
        assert sum(compare(entry_of(text, zone), walk, probes=3) for text in EXPRESSIONS)


def test_a_day_that_a_zone_leaves_out_is_made_up_for_when_it_has_gone() -> None:
    walk = Walk("Pacific/Apia", utc(2011, 12, 28), 4 * DAY)
    for text in ("0 6 * * *", "0 * * * *", "0 6 30 12 *"):
        compare(entry_of(text, "Pacific/Apia"), walk, probes=20)
    (made_up,) = due_times(_entry("0 6 30 12 *", timezone="Pacific/Apia"), utc(2011), utc(2012))
    assert made_up == _minute("2011-12-30T10:00")


def test_times_of_day_happen_once_and_others_follow_the_clock() -> None:
    def local(schedule: str, day: str) -> list[str]:
        entry = _entry(schedule, timezone="Europe/Berlin")
        start = datetime.fromisoformat(day).replace(tzinfo=entry.zone).astimezone(UTC)
        found = due_times(entry, start, start + timedelta(hours=6))
        return [f"{entry.local(at):%H:%M%z}" for at in found]

    assert local("30 2 * * *", "2026-03-29") == ["03:00+0200"]
    assert local("30 2 * * *", "2026-10-25") == ["02:30+0200"]
    assert local("30 * * * *", "2026-10-25")[1:5] == [
        *("01:30+0200", "02:30+0200", "02:30+0100", "03:30+0100"),
    ]
    assert local("0 */2 * * *", "2026-03-29") == ["04:00+0200", "06:00+0200"]


@pytest.mark.parametrize(
    ("schedule", "times"),
    [
        ("every 2h", ["2026-11-20T08:00", "2026-11-20T10:00"]),
        ("every 90m", ["2026-11-20T07:30", "2026-11-20T09:00"]),
        ("every  1d", ["2026-11-21T00:00", "2026-11-22T00:00"]),
        ("@daily", ["2026-11-20T23:00", "2026-11-21T23:00"]),
        ("@Weekly", ["2026-11-21T23:00", "2026-11-28T23:00"]),
        ("@hourly", ["2026-11-20T07:00", "2026-11-20T08:00"]),
        ("2026-12-24T18:00", ["2026-12-24T17:00"]),
        ("2026-12-24T18:00:00-05:00", ["2026-12-24T23:00"]),
        ("20261224T1800Z", ["2026-12-24T18:00"]),
        ("2026-12-24 18:00Z", ["2026-12-24T18:00"]),
        ("2026-11-20T07:00", []),
        ("2027-03-28T02:30", ["2027-03-28T01:30"]),
        ("2027-10-31T02:30", ["2027-10-31T00:30"]),
        ("0 0 29 2 *", ["2028-02-28T23:00", "2032-02-28T23:00"]),
    ],
)
def test_beats_aliases_and_instants(schedule: str, times: list[str]) -> None:
    entry = _entry(schedule, timezone="Europe/Berlin")
    assert list(islice(entry.expression.after(NOW), 2)) == list(map(_minute, times))


def test_next_and_previous_are_on_either_side() -> None:
    entry = _entry("0 6 * * *")
    at = _minute("2026-11-20T06:00")
    assert next_time(entry, at) == at + timedelta(days=1)
    assert previous_time(entry, at) == at
    assert previous_time(entry, at - timedelta(seconds=1)) == at - timedelta(days=1)
    assert previous_time(_entry("2030-01-01T00:00"), NOW) is None
    assert next_time(_entry("2020-01-01T00:00"), NOW) is None


def test_the_last_times_are_those_of_all() -> None:
    for schedule in ("* * * * *", "0 6 * * 1", "every 7s", "2026-11-20T06:00"):
        entry = _entry(schedule)
        start = _ago(hours=3) if schedule == "every 7s" else _ago(days=40)
        everything = list(due_times(entry, start, NOW))
        assert last_times(entry, start, NOW, 7) == everything[-7:]


@pytest.mark.parametrize("catch_up", ["none", "last", "all"])
def test_what_is_on_time_is_run_and_an_instant_is_decided_once(catch_up: str) -> None:
    entry = _entry(catch_up=catch_up)
    at = _minute("2026-11-20T06:00")
    found = assess(entry, _ago(minutes=1), NOW)
    assert [(due.at, due.late) for due in found.run] == [(at, False)]
    assert found.missed == ()
    assert assess(entry, at, NOW).run == ()
    assert assess(entry, NOW, NOW).run == ()


@pytest.mark.parametrize(
    ("catch_up", "run", "missed"), [("none", 0, 3), ("last", 1, 2), ("all", 3, 0)]
)
def test_what_was_missed_is_caught_up_with_as_the_entry_says(
    catch_up: str, run: int, missed: int
) -> None:
    now = _minute("2026-11-20T08:00")
    found = assess(_entry(catch_up=catch_up), now - timedelta(days=3), now)
    times = [_minute(f"2026-11-{day}T06:00") for day in (18, 19, 20)]
    assert [due.at for due in found.run] == times[3 - run :]
    assert all(due.late for due in found.run)
    assert list(found.missed) == times[:missed]
    assert not found.more_missed


def test_the_starting_deadline_is_the_end_of_being_on_time() -> None:
    at = _minute("2026-11-20T06:00")
    for seconds, late in ((600, False), (601, True)):
        now = at + timedelta(seconds=seconds)
        (due,) = assess(_entry(), at - timedelta(minutes=1), now).run
        assert due.late is late
        none = assess(_entry(catch_up="none"), at - timedelta(minutes=1), now)
        assert (none.run, none.missed) == (((), (at,)) if late else ((due,), ()))


def test_a_long_absence_is_caught_up_with_in_bounds() -> None:
    entry = _entry("every 10s", catch_up="all")
    found = assess(entry, _ago(days=3000), NOW)
    assert len(found.run) == CATCH_UP_LIMIT
    assert found.run[-1].at == NOW
    assert found.more_missed


def test_a_clock_that_was_put_back_has_nothing_due_until_it_is_told() -> None:
    entry = _entry("* * * * *")
    ahead = NOW + timedelta(days=3650)
    assert assess(entry, ahead, NOW).run == ()
    assert [due.at for due in assess(entry, min(ahead, NOW), NOW + timedelta(minutes=1)).run] == [
        _minute("2026-11-20T06:01")
    ]


def test_a_clock_that_was_put_forward_by_years_makes_one_late_run() -> None:
    found = assess(_entry("* * * * *"), datetime(1970, 1, 1, tzinfo=UTC), NOW)
    assert [due.at for due in found.run] == [_minute("2026-11-20T06:00")]
    assert found.more_missed


def test_a_suspended_entry_has_nothing_due_and_misses_nothing() -> None:
    found = assess(_entry("* * * * *", suspend=True), _ago(days=1), NOW)
    assert found.run == found.missed == ()


def test_a_new_entry_does_not_catch_up_with_its_past() -> None:
    assert first_seen(_entry("* * * * *"), NOW) == NOW
    once = _entry("2026-11-20T06:00")
    assert [due.at for due in assess(once, first_seen(once, NOW), NOW).run] == [
        _minute("2026-11-20T06:00")
    ]
    past = _entry("2026-11-20T05:00")
    assert assess(past, first_seen(past, NOW), NOW).run == ()


def test_an_agenda_gives_each_entry_when_it_is_due_and_once_for_all_of_its_times() -> None:
    entries = [
        _entry("*/5 * * * *").model_copy(update={"name": "often"}),
        _entry("0 7 * * *").model_copy(update={"name": "daily"}),
        _entry("2026-11-20T06:07").model_copy(update={"name": "once"}),
        _entry("* * * * *", suspend=True).model_copy(update={"name": "never"}),
    ]
    agenda = Agenda(entries, NOW)
    assert agenda.next_time() == _minute("2026-11-20T06:05")
    assert agenda.take(_minute("2026-11-20T06:04")) == []
    assert [entry.name for entry in agenda.take(_minute("2026-11-20T06:20"))] == ["often", "once"]
    assert agenda.next_time() == _minute("2026-11-20T06:25")
    assert [entry.name for entry in agenda.take(_minute("2026-11-20T07:00"))] == ["often", "daily"]


def test_an_agenda_follows_a_clock_that_is_put_back() -> None:
    agenda = Agenda([_entry("* * * * *")], NOW + timedelta(days=3650))
    agenda.take(NOW)
    assert agenda.next_time() == _minute("2026-11-20T06:01")
    assert Agenda([], NOW).next_time() is None
