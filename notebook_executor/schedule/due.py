"""When an entry is due, and what of that was missed: functions of the clock, without any state."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from pydantic import AwareDatetime

from notebook_executor.models import Record
from notebook_executor.schedule.entry import Entry
from notebook_executor.schedule.expression import Once

CATCH_UP_LIMIT = 100
_FIRST_LOOK = timedelta(hours=1)


class Due(Record):
    """A time at which an entry is to be run."""

    at: AwareDatetime  # in UTC
    late: bool  # it was missed, and is caught up with


class Assessment(Record):
    """What became of an entry's times since it was last looked at.

    Attributes:
        run: To be run now, oldest first.
        missed: Not run any more, oldest first; the last 100 of them at most.
        more_missed: There were others before.
    """

    run: tuple[Due, ...] = ()
    missed: tuple[AwareDatetime, ...] = ()
    more_missed: bool = False


def due_times(entry: Entry, after: datetime, until: datetime) -> Iterator[datetime]:
    """The times after the first instant, up to and including the second, in UTC."""
    return takewhile(lambda at: at <= until, entry.expression.after(after))


def next_time(entry: Entry, after: datetime) -> datetime | None:
    """The first time after an instant, in UTC."""
    return next(entry.expression.after(after), None)


def previous_time(entry: Entry, at: datetime) -> datetime | None:
    """The last time before an instant or at it, in UTC, since 1970."""
    return next(iter(last_times(entry, datetime.fromtimestamp(0, UTC), at, 1)), None)


def last_times(entry: Entry, after: datetime, until: datetime, count: int) -> list[datetime]:
    """The last ``count`` of the times that ``due_times`` has, at a cost that ``count`` bounds."""
    span = _FIRST_LOOK
    while True:
        start = max(after, until - span) if span < until - after else after
        found = list(due_times(entry, start, until))
        if len(found) >= count or start == after:
            return found[-count:]
        span *= 2


def first_seen(entry: Entry, now: datetime) -> datetime:
    """Since when the times of an entry count that nobody has seen before.

    From now on, so that a new entry does not catch up with its past; but a single instant still
    counts within its starting deadline.
    """
    if isinstance(entry.expression, Once):
        return now - timedelta(seconds=entry.starting_deadline)
    return now


def assess(entry: Entry, since: datetime, now: datetime) -> Assessment:
    """What is due of an entry, and what was missed.

    The newest time is run when it is no older than ``starting_deadline``, and otherwise by
    ``catch_up``; older ones only with ``catch_up: all``. Where the clock was put back, ``since``
    lies ahead of ``now`` and there is nothing to run: set it to ``now`` then, and let the claims of
    what has been run keep it from running twice.

    Args:
        since: Up to which instant all has been decided before.
        now: The clock.
    """
    if entry.suspend or since >= now:
        return Assessment()
    times = last_times(entry, since, now, CATCH_UP_LIMIT + 1)
    more, times = len(times) > CATCH_UP_LIMIT, times[-CATCH_UP_LIMIT:]
    if not times:
        return Assessment()
    deadline = timedelta(seconds=entry.starting_deadline)
    due = [Due(at=at, late=now - at > deadline) for at in times]
    run = due if entry.catch_up == "all" else due[-1:]
    if entry.catch_up == "none":
        run = [one for one in run if not one.late]
    missed = tuple(times[: len(times) - len(run)])
    return Assessment(run=tuple(run), missed=missed, more_missed=more)
