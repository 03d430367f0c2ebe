"""Which of many entries have something due: a look at it costs nothing while there is nothing."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from datetime import datetime

from notebook_executor.schedule.due import next_time
from notebook_executor.schedule.entry import Entry


class Agenda:
    """Entries in the order of their next times.

    Args:
        entries: Their names are unique.
        after: From when on times count.
    """

    def __init__(self, entries: Iterable[Entry], after: datetime) -> None:
        self._entries = {entry.name: entry for entry in entries}
        self._fill(after)

    def _fill(self, after: datetime) -> None:
        self._seen = after
        self._waiting: list[tuple[datetime, str]] = []
        for entry in self._entries.values():
            self._put(entry, after)

    def _put(self, entry: Entry, after: datetime) -> None:
        at = None if entry.suspend else next_time(entry, after)
        if at is not None:
            heapq.heappush(self._waiting, (at, entry.name))

    def next_time(self) -> datetime | None:
        """When something is due next, in UTC."""
        return self._waiting[0][0] if self._waiting else None

    def take(self, now: datetime) -> list[Entry]:
        """The entries that something is due of, once for each, however much it is.

        Where the clock has been put back, times count from there again.
        """
        if now < self._seen:
            self._fill(now)
        self._seen = now
        taken = []
        while self._waiting and self._waiting[0][0] <= now:
            _, name = heapq.heappop(self._waiting)
            taken.append(self._entries[name])
        for entry in taken:
            self._put(entry, now)
        return taken
