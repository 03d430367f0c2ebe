"""A call while it is under way, and what is written down of it once it is over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from notebook_executor.text import storable
from notebook_executor.tools.audit import AuditSink, CallFailure, FinishedCall
from notebook_executor.tools.cells import RunningCell
from notebook_executor.tools.redaction import Redactor

_WAIT_LONGER = "The tool may still be at work; its result will not be seen."


class Reply(NamedTuple):
    """What the notebook is told: the result as JSON text, or why there is none."""

    text: str
    failure: CallFailure | None
    tool: str
    abandoned: bool


@dataclass(frozen=True)
class Books:
    """What is written down of a run's calls.

    Attributes:
        redactor: Strikes secrets out.
        sinks: Told of each call that is over, before it is answered.
        keeps_results: Whether they are told the results, too.
        replays: Whether a recording answers.
    """

    redactor: Redactor
    sinks: tuple[AuditSink, ...]
    keeps_results: bool
    replays: bool

    def tell(self, finished: FinishedCall) -> None:
        for sink in self.sinks:
            sink(finished)


class CallUnderway:
    """One call from its arrival to its answer, which it has exactly one of.

    Args:
        books: What is written down of it.
        size: Of its frame, in bytes.
        reply: Sends the answer; called once, on whichever thread was first; returns at once.
        cancelled: Not set yet; is when the call is given up.

    Attributes:
        deadline: On the monotonic clock, by its budgets; None for none.
    """

    __slots__ = (
        "_answered",
        "_answering",
        "_at",
        "_began",
        "_books",
        "_reply",
        "arguments",
        "cancelled",
        "cell",
        "deadline",
        "secret",
        "size",
        "tool",
    )

    def __init__(
        self,
        books: Books,
        tool: str,
        arguments: Mapping[str, Any],
        size: int,
        reply: Callable[[Reply], None],
        cancelled: threading.Event,
    ) -> None:
        self.tool, self.arguments, self.size = tool, arguments, size
        self.cancelled = cancelled
        self.deadline: float | None = None
        self.secret: frozenset[str] = frozenset()
        self.cell: RunningCell | None = None
        self._books, self._reply = books, reply
        self._at, self._began = time.time(), time.monotonic()
        self._answering = threading.Lock()
        self._answered = False

    def succeed(self, text: str) -> None:
        """Answer with a result, as JSON text, unless somebody was faster."""
        with self._answering:
            if not self._answered:
                self._finish(text, None, abandoned=False)

    def fail(self, failure: CallFailure) -> None:
        """Answer with an error, unless somebody was faster."""
        # Who was faster is waited for: this thread closes the connection that its answer takes.
        with self._answering:
            if not self._answered:
                self._finish("null", self._struck(failure), abandoned=False)

    def give_up(self, reason: str) -> None:
        """Answer with an error although the tool is still at work, unless somebody was faster.

        Any thread; when it returns, the sinks have been told.
        """
        with self._answering:
            if not self._answered:
                failure = CallFailure(kind="error", message=reason, hint=_WAIT_LONGER)
                self._finish("null", self._struck(failure), abandoned=True)

    def _finish(self, text: str, failure: CallFailure | None, *, abandoned: bool) -> None:
        self._answered = True
        if abandoned:
            self.cancelled.set()
        try:
            self._books.tell(self._finished(text, failure))
        finally:
            self._reply(Reply(text, failure, self.tool, abandoned))

    def _struck(self, failure: CallFailure) -> CallFailure:
        redactor = self._books.redactor
        message, hint = redactor.message(failure.message), redactor.message(failure.hint)
        return CallFailure(kind=failure.kind, message=message, hint=hint)

    def _finished(self, text: str, failure: CallFailure | None) -> FinishedCall:
        books = self._books
        arguments, places = books.redactor.arguments(self.arguments, self.secret)
        result, more = books.redactor.result(text) if books.keeps_results else (None, [])
        return FinishedCall(
            self._at,
            storable(self.tool),
            arguments,
            self.cell.cell_id if self.cell else None,
            self.size,
            books.replays,
            round(time.monotonic() - self._began, 6),
            0 if failure else len(text),
            result,
            failure,
            (*places, *more),
        )
