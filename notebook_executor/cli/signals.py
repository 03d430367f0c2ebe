"""Ctrl-C, SIGTERM and a closed terminal: each ends the command once, and in an orderly way."""

from __future__ import annotations

import os
import signal
from types import FrameType

_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STOPPING = b"\nnbx: stopping already: the kernel is being ended, and what is done is being saved\n"


class Terminated(BaseException):
    """SIGTERM or SIGHUP came; a ``KeyboardInterrupt`` by another name."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


class StopOnce:
    """A signal handler that raises in the main thread, for the first signal only.

    What a run does after that (ending its kernel, saving) takes a few seconds at most; raised in
    the midst of it, a second Ctrl-C would leave the kernel behind.
    """

    def __init__(self) -> None:
        self._stopping = False

    def install(self) -> None:
        """Take over the signals; one that the parent process had ignored (nohup) stays ignored."""
        for number in _STOPS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self)

    def retire(self) -> None:
        """Ignore the signals: all is done, and only the exit code is still to be told.

        The interpreter would give them back their default meaning before it exits.
        """
        for number in _STOPS:
            signal.signal(number, signal.SIG_IGN)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self._stopping:
            os.write(2, _STOPPING)
            return
        self._stopping = True
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise Terminated(number)
