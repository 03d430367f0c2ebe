"""What ``schedule:`` may say, and the instants that it means.

Five-field cron is cronsim's, on the clock on the wall; the zone's changes are applied here, by the
rules of Debian's cron:

- Times of day (neither the minute nor the hour begins with ``*``) happen once a day: one that
  clocks going forward leave out happens when they have gone, one that comes twice at the first.
- All others follow the clock: what it leaves out does not happen, what it shows twice does twice.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

from notebook_executor.schedule.duration import FORM, to_seconds

if TYPE_CHECKING:
    from cronsim import CronSim

ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
FORMS = 'five fields of cron ("0 6 * * *"), "every 2h", an ISO instant, or @daily and friends'
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(9000, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


class Expression(Protocol):
    """When something happens."""

    def after(self, instant: datetime) -> Iterator[datetime]:
        """The instants after this one, in UTC, each later than the one before; maybe none."""


def parse_expression(text: str, zone: ZoneInfo) -> Expression:
    """What a schedule's text means in a zone.

    Raises:
        ValueError: It is none of the forms; the message says what is wrong with it.
    """
    text = " ".join(text.split())
    if text.startswith("@"):
        if text.lower() not in ALIASES:
            raise ValueError(f"must be {FORMS}: {', '.join(ALIASES)}; not {text!r:.50}")
        return Cron.parse(ALIASES[text.lower()], zone)
    if text.lower().startswith("every "):
        return Every.parse(text[6:])
    if len(text.split()) == 5:
        return Cron.parse(text, zone)
    return Once.parse(text, zone)


@dataclass(frozen=True)
class Once:
    """A single instant."""

    at: datetime

    @classmethod
    def parse(cls, text: str, zone: ZoneInfo) -> Once:
        """From ISO 8601; without an offset it is a time of the zone, the first if it comes twice.

        Raises:
            ValueError: It is not an instant.
        """
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"must be {FORMS}, not {text!r:.50}") from None
        if not {"T", "t", " "} & set(text):
            raise ValueError(f"has no time of day: {text!r}")
        if not _EPOCH.year <= at.year <= _LAST.year:
            raise ValueError(f"must be from {_EPOCH.year} to {_LAST.year}, not {text!r}")
        return cls((at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC))

    def after(self, instant: datetime) -> Iterator[datetime]:
        if self.at > instant:
            yield self.at


@dataclass(frozen=True)
class Every:
    """A steady beat of elapsed time, counted from 1970-01-01T00:00Z: the same on all machines."""

    seconds: int

    @classmethod
    def parse(cls, text: str) -> Every:
        """From a length of time.

        Raises:
            ValueError: It is not one, or not whole seconds.
        """
        try:
            seconds = to_seconds(text)
        except ValueError:
            raise ValueError(f"must have {FORM} after 'every', not {text!r:.50}") from None
        if seconds < 1 or seconds != int(seconds):
            raise ValueError(
                f"must be a whole number of seconds, at least one, not every {text:.50}"
            )
        return cls(int(seconds))

    def after(self, instant: datetime) -> Iterator[datetime]:
        step = timedelta(seconds=self.seconds)
        at = _EPOCH + ((instant - _EPOCH) // step + 1) * step
        while at < _LAST:
            yield at
            at += step


@dataclass(frozen=True)
class Cron:
    """Five fields, on the wall clock of a zone."""

    fields: str
    zone: ZoneInfo

    @classmethod
    def parse(cls, text: str, zone: ZoneInfo) -> Cron:
        """From five fields.

        Raises:
            ValueError: cronsim does not take them, or they never happen.
        """
        from cronsim import CronSimError

        cron = cls(text, zone)
        try:
            never = next(cron._wall(datetime(2000, 1, 1)), None) is None
        # Combinations of L, # and steps that it does not know end in an assertion of cronsim's.
        except (CronSimError, AssertionError, TypeError) as error:
            raise ValueError(f"is not cron: {text!r:.80}: {error}".rstrip(": ")) from None
        if never:
            raise ValueError(f"never happens: {text!r:.80}")
        return cron

    def after(self, instant: datetime) -> Iterator[datetime]:
        minute, hour, *_ = self.fields.split()
        follows = minute.startswith("*") or hour.startswith("*")
        found = self._following(instant) if follows else self._fixed(instant)
        last = instant
        for at in found:
            if at > last:
                last = at
                yield at

    def _wall(self, after: datetime) -> CronSim:
        """The times that the wall clock shows, after this one: no zone, no change of clocks."""
        from cronsim import CronSim

        return CronSim(self.fields, after)

    def _fixed(self, instant: datetime) -> Iterator[datetime]:
        for wall in self._wall(instant.astimezone(self.zone).replace(tzinfo=None)):
            yield self._instant(wall)

    def _instant(self, wall: datetime) -> datetime:
        """The first time that the clock shows this, or the end of the gap that this lies in."""
        while not (shown := self._shown(wall)):
            wall += _MINUTE
        return shown[0]

    def _following(self, instant: datetime) -> Iterator[datetime]:
        """Each time that the clock shows one of the times, in the order in which it does."""
        waiting: list[datetime] = []
        for wall in self._wall(self._start(instant)):
            shown = self._shown(wall)
            while waiting and shown and waiting[0] < shown[0]:
                yield heapq.heappop(waiting)
            yield from shown[:1]
            for second in shown[1:]:
                heapq.heappush(waiting, second)
        yield from sorted(waiting)

    def _start(self, instant: datetime) -> datetime:
        """What the clock shows now, or will when it has gone back within a day."""
        offsets = [at.astimezone(self.zone).utcoffset() for at in (instant, instant + _DAY)]
        offset = min(offset for offset in offsets if offset is not None)
        return instant.astimezone(UTC).replace(tzinfo=None) + offset

    def _shown(self, wall: datetime) -> list[datetime]:
        """The instants at which the clock shows this: one, none in a gap, two when it goes back."""
        local = wall.replace(tzinfo=self.zone)
        offset, other = local.utcoffset(), local.replace(fold=1).utcoffset()
        assert offset is not None
        assert other is not None
        utc = wall.replace(tzinfo=UTC)
        if offset == other:
            return [utc - offset]
        # The first offset is the one before the change: the larger one where the clock goes back.
        return [utc - offset, utc - other] if offset > other else []
