"""How a run is asked to end, from any thread, in whatever it is doing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class RunCancelledError(Exception):
    """A run met its cancellation before a cell was running; never leaves ``execution``."""


class Cancellation:
    """Asks one run to end; the run looks at it between its steps, and is told while it waits."""

    def __init__(self) -> None:
        # Reentrant: a collected executor cancels its runs, and the collector may run in here.
        self._lock = threading.RLock()
        self._reason: str | None = None
        self._listeners: list[Callable[[], None]] = []

    @property
    def reason(self) -> str | None:
        """None as long as nobody has asked."""
        return self._reason

    @property
    def requested(self) -> bool:
        return self._reason is not None

    def cancel(self, reason: str) -> None:
        """Ask the run to end; returns at once. Of several reasons the first one counts."""
        with self._lock:
            if self._reason is not None:
                return
            self._reason = reason
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener()

    def check(self) -> None:
        """Go no further once the run is to end.

        Raises:
            RunCancelledError: It is.
        """
        if self.requested:
            raise RunCancelledError

    @contextmanager
    def told_to(self, listener: Callable[[], None]) -> Iterator[None]:
        """Within the block, call a listener on the cancellation; at once if it came before.

        The listener is called on the thread that cancels, and must return at once.
        """
        with self._lock:
            self._listeners.append(listener)
            requested = self.requested
        if requested:
            listener()
        try:
            yield
        finally:
            with self._lock:
                self._listeners.remove(listener)
