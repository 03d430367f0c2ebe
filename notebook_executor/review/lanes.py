"""Several notebooks at a time: lanes that take one after the other, on the executor's threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from notebook_executor.execution.cancelling import Cancellation
from notebook_executor.execution.crew import Crew

_Task = TypeVar("_Task")
_Done = TypeVar("_Done")


class Lanes(Generic[_Task, _Done]):
    """What is to be done, and what is done; safe for many threads.

    Args:
        tasks: In the order in which they are begun.
        work: Does one of them; what it raises ends all.
        tell: Told of each that is done, one at a time; what it raises ends all, too.
        cancellation: By which those that are at it are ended, and no other is begun.
    """

    def __init__(
        self,
        tasks: Sequence[_Task],
        work: Callable[[_Task], _Done],
        tell: Callable[[_Done], None],
        cancellation: Cancellation,
    ) -> None:
        self._work = work
        self._tell = tell
        self._telling = threading.Lock()
        self._cancellation = cancellation
        self._waiting = deque(enumerate(tasks))
        self._done: dict[int, _Done] = {}
        self._error: BaseException | None = None
        self._open = 0
        self._changed = threading.Condition()

    def run(self, crew: Crew, width: int) -> list[_Done]:
        """Do all, so many at a time; blocks until no lane is open, whatever happens.

        Returns:
            What came of each task, in their order.
        """
        self._open = min(width, len(self._waiting))
        for _ in range(self._open):
            crew.begin(_Lane(self))
        try:
            self._wait()
        except BaseException:
            self._stop("the review was interrupted")
            self._wait()
            raise
        if self._error is not None:
            raise self._error
        return [self._done[number] for number in sorted(self._done)]

    def _wait(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._open == 0)

    def cancel(self, reason: str) -> None:
        """Have what runs end soon, and what has yet to run end at once."""
        self._cancellation.cancel(reason)

    def _stop(self, reason: str) -> None:
        with self._changed:
            self._waiting.clear()
        self.cancel(reason)

    def follow(self) -> None:
        """Do task after task, until there is none: one lane."""
        try:
            while (taken := self._take()) is not None:
                number, task = taken
                done = self._work(task)
                with self._changed:
                    self._done[number] = done
                with self._telling:
                    self._tell(done)
        except BaseException as error:
            self._error = self._error or error
            self._stop("another notebook's review failed")
        finally:
            with self._changed:
                self._open -= 1
                self._changed.notify_all()

    def _take(self) -> tuple[int, _Task] | None:
        with self._changed:
            return self._waiting.popleft() if self._waiting else None


class _Lane(Generic[_Task, _Done]):
    """One lane, as a crew carries it out."""

    def __init__(self, lanes: Lanes[_Task, _Done]) -> None:
        self._lanes = lanes

    def carry_out(self) -> None:
        self._lanes.follow()

    def cancel(self, reason: str) -> None:
        self._lanes.cancel(reason)
