"""One case: ours, and the walk's."""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from datetime import datetime, timedelta

from notebook_executor.schedule.due import due_times, next_time, previous_time
from notebook_executor.schedule.entry import Entry

from .cron_words import CronWords
from .walking import Walk


def entry_of(expression: str, zone: str) -> Entry:
    return Entry(name="a", schedule=expression, timezone=zone, path="a.ipynb")


def compare(entry: Entry, walk: Walk, *, probes: int) -> int:
    """Compare the times of a walk, and what is next and previous seen from instants of chance.

    Returns:
        How many times there were.
    """
    expected = walk.due(CronWords(entry.schedule))
    end = walk.start + timedelta(minutes=len(walk.shown) - 1)
    found = list(due_times(entry, walk.start, end))
    case = f"{entry.schedule!r} in {entry.timezone}"
    assert found == expected, f"{case}: {_difference(found, expected)}"
    chance = random.Random(case)
    for _ in range(probes if expected else 0):
        at = walk.start + timedelta(seconds=chance.uniform(0, 60 * (len(walk.shown) - 1)))
        if chance.random() < 0.3:
            at = chance.choice(expected)
        _check_around(entry, at, expected)
    return len(expected)


def _check_around(entry: Entry, at: datetime, expected: list[datetime]) -> None:
    case = f"{entry.schedule!r} in {entry.timezone} at {at}"
    later = bisect_right(expected, at)
    if later < len(expected):
        assert next_time(entry, at) == expected[later], case
    if later:
        assert previous_time(entry, at) == expected[later - 1], case
        assert bisect_left(expected, at) in (later, later - 1)


def _difference(found: list[datetime], expected: list[datetime]) -> str:
    extra = sorted(set(found) - set(expected))[:5]
    missing = sorted(set(expected) - set(found))[:5]
    return f"extra {list(map(str, extra))}, missing {list(map(str, missing))}"
