"""What guard, keepers and attendants have in common: they outlive signals, and listen.

Of the standard library alone, for single-threaded processes.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Sequence

from notebook_executor.lifecycle.wire import Wire

IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def catch_signals() -> int:
    """Ignore what would end a supervisor early; have exits of children wake its poll.

    Returns:
        A descriptor that becomes readable when a child has exited.
    """
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return reading


class Ears:
    """What a supervisor listens to: the host's words, exits of its children, and some deaths.

    Args:
        wire: To the host.
        wake: What ``catch_signals`` has returned.
        deaths: Descriptors that become readable when those are gone without whom it is to end.
    """

    def __init__(self, wire: Wire, wake: int, deaths: Sequence[int] = ()) -> None:
        self._wire = wire.fileno()
        self._wake = wake
        self._poll = select.poll()
        for descriptor in (self._wire, wake, *deaths):
            self._poll.register(descriptor, select.POLLIN)

    def listen(self, patience: int | None) -> tuple[bool, bool, bool]:
        """Block for that many milliseconds at most.

        Returns:
            Whether the host has spoken, a child has exited, and one of the others is gone.
        """
        heard = {descriptor for descriptor, _ in self._poll.poll(patience)}
        if self._wake in heard:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake, 4096)
        return self._wire in heard, self._wake in heard, bool(heard - {self._wire, self._wake})
