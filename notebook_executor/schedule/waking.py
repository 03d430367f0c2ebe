"""How the main thread of a scheduler waits: for runs that end, for signals, or for a time."""

from __future__ import annotations

import contextlib
import os
import select


class Wakeup:
    """A pipe, because a signal handler may write to it whatever it has interrupted.

    (``threading.Event.set`` in a handler can lock up with the ``wait`` that it interrupts.)
    """

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def close(self) -> None:
        """Nobody may call ``wake`` any more."""
        os.close(self._read)
        os.close(self._write)

    def wake(self) -> None:
        """End the present ``wait``, or the next one; from any thread, and from a handler."""
        with contextlib.suppress(BlockingIOError):  # so many have woken it already
            os.write(self._write, b"!")

    def wait(self, seconds: float) -> None:
        """Block for so many seconds, or until ``wake``."""
        if select.select([self._read], [], [], seconds)[0]:
            os.read(self._read, 4096)
