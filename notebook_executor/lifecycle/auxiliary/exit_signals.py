"""Ending sessions when a signal ends the process, without taking signals from the application."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

# An interrupt that somebody handles is no end: kernels live on after KeyboardInterrupt.
_ENDING_IF_HANDLED = {signal.SIGTERM: True, signal.SIGHUP: True, signal.SIGINT: False}


class ExitSignals:
    """Handlers that call a function, and then do what would have been done without them.

    Args:
        function: Called in the main thread, in the middle of whatever that is doing, and told
            whether the process is sure to end afterwards.
    """

    def __init__(self, function: Callable[[bool], object]) -> None:
        self._function = function
        self._before: dict[int, Any] = {}
        self._dying = False

    def install(self) -> None:
        """Put the handlers in place, once; from another thread than the main one, nothing.

        A signal that is ignored stays ignored; what is handled outside of Python stays so.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        for number, ending in _ENDING_IF_HANDLED.items():
            present = signal.getsignal(number)
            ends = present == signal.SIG_DFL or (ending and callable(present))
            if number not in self._before and ends:
                self._before[number] = present
                signal.signal(number, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        before = self._before[number]
        if callable(before):
            self._function(False)
            before(number, frame)
        elif not self._dying:
            self._dying = True
            self._function(True)
            # So that whoever waits for this process sees what it died of.
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
