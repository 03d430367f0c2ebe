"""The events of a run that goes on, kept for whoever asks later; bounded, whatever the run does."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

from notebook_executor.models import Event
from notebook_executor.text import clip

_MOST_EVENTS = 10_000
_MOST_CHARACTERS = 4_000_000
_LONGEST = 20_000


class EventLog:
    """Appended to by one thread, read by any.

    Events are numbered from 0; a cursor is the number of the next one to read. The oldest go when
    there are too many, and of a long text its middle does.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._events: deque[Event] = deque()
        self._characters = 0
        self._dropped = 0
        self._closed = False

    def append(self, event: Event) -> None:
        event = _clipped(event)
        with self._changed:
            self._events.append(event)
            self._characters += _size(event)
            while len(self._events) > _MOST_EVENTS or self._characters > _MOST_CHARACTERS:
                self._characters -= _size(self._events.popleft())
                self._dropped += 1
            self._changed.notify_all()

    def since(self, cursor: int) -> tuple[tuple[Event, ...], int, int]:
        """What came from the cursor on, the cursor after it, and how many in between are gone."""
        with self._changed:
            end = self._dropped + len(self._events)
            start = min(max(cursor, self._dropped), end)
            fresh = tuple(self._events)[start - self._dropped :]
            return fresh, end, max(0, start - cursor)

    def wait(self, cursor: int, timeout: float | None = None) -> bool:
        """Block until there is something to read at the cursor, or nothing will come any more.

        Returns:
            True if there is something to read.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._has(cursor) or self._closed, timeout)
            return self._has(cursor)

    def _has(self, cursor: int) -> bool:
        return self._dropped + len(self._events) > cursor

    def close(self) -> None:
        """Nothing will come any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def _clipped(event: Event) -> Event:
    if _size(event) <= _LONGEST:
        return event
    data: dict[str, Any] = {
        name: clip(value, _LONGEST) if isinstance(value, str) else value
        for name, value in event.data.items()
    }
    return event.model_copy(update={"data": data})


def _size(event: Event) -> int:
    return sum(len(value) for value in event.data.values() if isinstance(value, str))
