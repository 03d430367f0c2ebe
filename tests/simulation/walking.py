"""What the clock on a wall shows, minute by minute, and what is due on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from .cron_words import CronWords

DAY = 1440
_MINUTE = timedelta(minutes=1)


class Walk:
    """Every minute from an instant on, and what a zone's clock shows then.

    Attributes:
        shown: For each minute, what the clock shows, in minutes since the first day of year 1.
    """

    def __init__(self, zone: str, start: datetime, minutes: int) -> None:
        self.start = start
        wall = ZoneInfo(zone)
        self.shown = [
            _shown((start + number * _MINUTE).astimezone(wall)) for number in range(minutes)
        ]

    def due(self, cron: CronWords) -> list[datetime]:
        """The minutes at which it happens, the first one of the walk aside."""
        days: dict[int, bool] = {}
        minutes = cron.minutes()

        def meant(shown: int) -> bool:
            day, minute = divmod(shown, DAY)
            if minute not in minutes:
                return False
            if day not in days:
                days[day] = cron.means_day(day)
            return days[day]

        find = self._following if cron.follows_the_clock else self._once
        return [self.start + number * _MINUTE for number in find(meant) if number]

    def _following(self, meant: Callable[[int], bool]) -> list[int]:
        return [number for number, shown in enumerate(self.shown) if meant(shown)]

    def _once(self, meant: Callable[[int], bool]) -> list[int]:
        """What a jump has left out happens after it, what has been shown before does not."""
        found = []
        latest = self.shown[0] - 1
        for number, shown in enumerate(self.shown):
            if any(meant(minute) for minute in range(latest + 1, shown + 1)):
                found.append(number)
            latest = max(latest, shown)
        return found


def _shown(local: datetime) -> int:
    return local.toordinal() * DAY + local.hour * 60 + local.minute


def changes(zone: str, start: datetime, days: int) -> list[datetime]:
    """The days, at midnight in UTC, during which a zone's clock changes."""
    wall = ZoneInfo(zone)
    at = [start + timedelta(days=number) for number in range(days + 1)]
    offsets = [one.astimezone(wall).utcoffset() for one in at]
    return [at[number] for number in range(days) if offsets[number] != offsets[number + 1]]


def utc(year: int, month: int = 1, day: int = 1) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)
