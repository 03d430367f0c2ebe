"""Which cell is running: calls belong to it, and end with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from notebook_executor.errors import ToolDeniedError
from notebook_executor.tools.budgets import Tally

_ENDED = "The cell that made the call has ended"
_NONE = "No cell is running"
_HINT = "Calls end with their cell: wait there for the threads and tasks that make them."


class Underway(Protocol):
    """A call that has not been answered yet."""

    def give_up(self, reason: str) -> None:
        """Answer it with an error, unless somebody was faster; then all is told of it, too."""


@dataclass
class RunningCell:
    """One execution of a cell.

    Attributes:
        message_id: Of the execute_request.
        deadline: On the monotonic clock; None for none.
        tally: What its calls have used.
    """

    message_id: str
    cell_id: str | None
    tally: Tally
    deadline: float | None = None
    calls: set[Underway] = field(default_factory=set)


class Cells:
    """The cell that is running, if one is, and the calls that belong to it.

    Args:
        new_tally: Makes what counts for one execution of a cell.
    """

    def __init__(self, new_tally: Callable[[], Tally]) -> None:
        self._new_tally = new_tally
        self._running: RunningCell | None = None

    def began(self, message_id: str, cell_id: str | None, deadline: float | None) -> None:
        self._running = RunningCell(message_id, cell_id, self._new_tally(), deadline)

    def ended(self, reason: str = _ENDED) -> None:
        """Give up the calls that are still under way, and let no others begin.

        When it returns, everything is on record that the cell has called.
        """
        running, self._running = self._running, None
        for call in running.calls.copy() if running is not None else ():
            call.give_up(reason)

    def enter(self, message_id: str | None, call: Underway) -> RunningCell:
        """From now on, until ``leave``, a call belongs to the running cell.

        Args:
            message_id: Of the cell that makes it; None where it cannot tell.
            call: Is given up when the cell ends.

        Raises:
            ToolDeniedError: No cell is running, or another one.
        """
        running = self._running
        if running is None:
            raise ToolDeniedError(_NONE, hint=_HINT)
        if message_id is not None and message_id != running.message_id:
            raise ToolDeniedError(_ENDED, hint=_HINT)
        running.calls.add(call)
        # Each step is one of the interpreter's own, so no lock: either ``ended`` has seen the
        # call, or this sees that the cell has ended.
        if self._running is not running:
            self.leave(running, call)
            raise ToolDeniedError(_ENDED, hint=_HINT)
        return running

    def leave(self, running: RunningCell, call: Underway) -> None:
        running.calls.discard(call)
