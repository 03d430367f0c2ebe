"""Which days and which minutes of a day five fields of cron mean; read without a cron library."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]


@dataclass(frozen=True)
class CronWords:
    """The fields as they are written."""

    text: str

    @property
    def words(self) -> list[str]:
        return self.text.lower().split()

    @property
    def follows_the_clock(self) -> bool:
        minute, hour, *_ = self.words
        return minute.startswith("*") or hour.startswith("*")

    def minutes(self) -> set[int]:
        """The minutes of a day."""
        minute, hour, *_ = self.words
        hours = [h for h in range(24) if _matches(hour, h, 0, 23)]
        return {60 * h + m for h in hours for m in range(60) if _matches(minute, m, 0, 59)}

    def means_day(self, ordinal: int) -> bool:
        day = date.fromordinal(ordinal)
        _, _, of_month, month, of_week = self.words
        if not _matches(month, day.month, 1, 12, _MONTHS, 1):
            return False
        by_month = any(_day_of_month(part, day) for part in of_month.split(","))
        by_week = any(_day_of_week(part, day) for part in of_week.split(","))
        if of_month.startswith("*") or of_week.startswith("*"):
            return by_month and by_week
        return by_month or by_week


def _day_of_month(part: str, day: date) -> bool:
    last = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    if part == "l":
        return day.day == last.day
    if part == "lw":
        working = [last - timedelta(days=back) for back in range(3)]
        return day == next(one for one in working if one.isoweekday() < 6)
    return _matches(part, day.day, 1, 31)


def _day_of_week(part: str, day: date) -> bool:
    number = day.isoweekday() % 7
    if part.endswith("l"):
        return int(part[:-1]) % 7 == number and (day + timedelta(days=7)).month != day.month
    if "#" in part:
        which, count = part.split("#")
        return _number(which, _DAYS, 0) % 7 == number and (day.day - 1) // 7 + 1 == int(count)
    return any(_matches(part, as_, 0, 7, _DAYS) for as_ in {number, number or 7})


def _number(word: str, names: list[str], first: int) -> int:
    return names.index(word) + first if word in names else int(word)


@lru_cache(maxsize=100_000)
def _allowed(word: str, low: int, high: int, names: tuple[str, ...], first: int) -> frozenset[int]:
    found: set[int] = set()
    for part in word.split(","):
        span, _, step = part.partition("/")
        begin, dash, end = span.partition("-")
        if span == "*":
            start, stop = low, high
        else:
            start = _number(begin, list(names), first)
            stop = _number(end, list(names), first) if dash else (high if step else start)
        found.update(range(start, stop + 1, int(step or 1)))
    return frozenset(found)


def _matches(
    word: str, value: int, low: int, high: int, names: list[str] | None = None, first: int = 0
) -> bool:
    return value in _allowed(word, low, high, tuple(names or ()), first)
