"""Being asked to end: at once while nothing is done yet, later when there is time."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any


class Asked(BaseException):
    """A signal has asked this process to end; a ``KeyboardInterrupt`` by another name."""


class StopSignals:
    """In its block, the first of some signals raises ``Asked``; after ``hold``, none does.

    A signal that is ignored, as nohup has it, stays ignored; a second one changes nothing.

    Attributes:
        asked: The first one's number.
    """

    def __init__(self, *numbers: signal.Signals) -> None:
        self.asked: int | None = None
        self._numbers = numbers
        self._held = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopSignals:
        for number in self._numbers:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def hold(self) -> None:
        """From here on only note a signal: what it would interrupt must not be lost."""
        self._held = True

    @property
    def exit_code(self) -> int:
        """What a shell is told; 0 when there was no signal."""
        return 128 + self.asked if self.asked else 0

    def _note(self, number: int, _: FrameType | None) -> None:
        if self.asked is None:
            self.asked = number
            if not self._held:
                raise Asked
