"""What becomes of a call: catalogue, policy, budgets, approval, the tool, redaction, the record."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from notebook_executor.errors import ReplayMismatchError, ToolDeniedError, ToolError
from notebook_executor.lifecycle.spawning import Spawn
from notebook_executor.text import one_line, storable
from notebook_executor.tools.audit import Answers, AuditSink, CallFailure, FinishedCall
from notebook_executor.tools.budgets import Spending
from notebook_executor.tools.catalogue import Catalogue
from notebook_executor.tools.cells import Cells, RunningCell
from notebook_executor.tools.policy import Policy
from notebook_executor.tools.redaction import Redactor
from notebook_executor.tools.tool import Call, Tool

RESULT_LIMIT = 16 << 20
_MESSAGE = 2000
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_WAIT_LONGER = "The tool may still be at work; its result will not be seen."


@dataclass(frozen=True)
class Surroundings:
    """What a tool finds around it; the fields of ``Call`` that are the same for a whole run."""

    cwd: Path
    env: Mapping[str, str]
    spawn: Spawn
    spill: Path | None = None


class Reply(NamedTuple):
    """What the notebook is told: the result as JSON text, or why there is none."""

    text: str
    failure: CallFailure | None
    tool: str
    abandoned: bool


class Desk:
    """Answers the calls of one run, several at a time.

    Args:
        catalogue: What there is to call.
        policy: What may be called; its paths are absolute.
        redactor: Strikes secrets out.
        sinks: Told of each call that is over, before it is answered.
        answers: A recording that answers in place of catalogue, policy and tools.
        keeps_results: Whether the sinks are told the results, too.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        policy: Policy,
        redactor: Redactor,
        sinks: Iterable[AuditSink] = (),
        answers: Answers | None = None,
        keeps_results: bool = False,
    ) -> None:
        self.catalogue, self.policy, self.redactor = catalogue, policy, redactor
        self.spending = Spending(policy.limits)
        self.cells = Cells(self.spending.new_cell)
        self.surroundings: Surroundings | None = None
        self._sinks = tuple(sinks)
        self.keeps_results = keeps_results
        self._answers = answers
        self._allowed: dict[str, Tool] = {}

    @property
    def replays(self) -> bool:
        return self._answers is not None

    def describe(self) -> list[dict[str, Any]]:
        """The tools that may be called."""
        if self._answers is not None:
            return self._answers.describe()
        return self.catalogue.describe(self.policy)

    def carry_out(self, call: CallUnderway, message_id: str | None) -> None:
        """See a call through, and answer it; blocks until its tool is done, and never raises.

        Args:
            call: The call.
            message_id: Of the cell that makes it; None where it cannot tell.
        """
        try:
            cell = call.cell = self.cells.enter(message_id, call)
            try:
                call.succeed(self.redactor.answer(self._answer(call, cell)))
            finally:
                self.cells.leave(cell, call)
        except ToolError as error:
            call.fail(_failure(error))
        except BaseException as error:
            message = one_line(f"{type(error).__name__}: {error}", _MESSAGE)
            call.fail(CallFailure(kind="error", message=f"It raised {message}"))

    def _answer(self, call: CallUnderway, cell: RunningCell) -> str:
        """The result as JSON text."""
        if self._answers is not None:
            # As they were recorded: a mismatch tells of them.
            arguments, _ = self.redactor.arguments(call.arguments, ())
            return _json(self._answers.answer(call.tool, arguments))
        tool = self._allowed.get(call.tool) or self._allow(call)
        call.secret = tool.secret_arguments
        if not self.spending.unlimited:
            seconds = self.spending.begin(cell.tally, call.size)
            if seconds is not None:
                call.deadline = time.monotonic() + seconds
        given = self._call(call, cell)
        if self.policy.approve is not None:
            self._approve(given, self.policy.approve)
        return self._run(tool, given, cell)

    def _allow(self, call: CallUnderway) -> Tool:
        tool = self.catalogue[call.tool]
        call.secret = tool.secret_arguments
        if not self.policy.allows(tool.name):
            raise ToolDeniedError(
                "The policy does not allow this tool",
                hint=f"Its allow-list is {', '.join(self.policy.allow) or 'empty'}.",
            )
        self._allowed[tool.name] = tool
        return tool

    def _call(self, call: CallUnderway, cell: RunningCell) -> Call:
        around = self.surroundings
        if around is None:
            raise ToolError("The run has not begun")
        deadline = cell.deadline
        if call.deadline is not None:
            deadline = call.deadline if deadline is None else min(deadline, call.deadline)
        return Call(
            call.tool,
            call.arguments,
            self.policy,
            around.cwd,
            around.env,
            around.spawn,
            call.cancelled,
            around.spill,
            deadline,
            cell.cell_id,
        )

    def _approve(self, call: Call, approve: Callable[[Call], bool]) -> None:
        try:
            approved, why = approve(call), ""
        except Exception as error:
            approved, why = False, f": {type(error).__name__}: {error}"
        if approved is not True:
            raise ToolDeniedError(one_line(f"The call was not approved{why}", _MESSAGE))

    def _run(self, tool: Tool, given: Call, cell: RunningCell) -> str:
        if self.spending.unlimited:
            return _json(tool.run(given))
        text, began = "", time.monotonic()
        try:
            text = _json(tool.run(given))
        finally:
            self.spending.end(cell.tally, len(text), time.monotonic() - began)
        return text

    def tell(self, finished: FinishedCall) -> None:
        """Told by a call that is over."""
        for sink in self._sinks:
            sink(finished)


class CallUnderway:
    """One call from its arrival to its answer, which it has exactly one of.

    Args:
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
        "_desk",
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
        desk: Desk,
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
        self._desk, self._reply = desk, reply
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
            self._desk.tell(self._finished(text, failure))
        finally:
            self._reply(Reply(text, failure, self.tool, abandoned))

    def _struck(self, failure: CallFailure) -> CallFailure:
        redactor = self._desk.redactor
        message, hint = redactor.message(failure.message), redactor.message(failure.hint)
        return CallFailure(kind=failure.kind, message=message, hint=hint)

    def _finished(self, text: str, failure: CallFailure | None) -> FinishedCall:
        desk = self._desk
        arguments, places = desk.redactor.arguments(self.arguments, self.secret)
        result, more = desk.redactor.result(text) if desk.keeps_results else (None, [])
        return FinishedCall(
            self._at,
            storable(self.tool),
            arguments,
            self.cell.cell_id if self.cell else None,
            self.size,
            desk.replays,
            round(time.monotonic() - self._began, 6),
            0 if failure else len(text),
            result,
            failure,
            (*places, *more),
        )


def _failure(error: ToolError) -> CallFailure:
    kind = "error"
    if isinstance(error, ToolDeniedError):
        kind = "denied"
    elif isinstance(error, ReplayMismatchError):
        kind = "replay_mismatch"
    return CallFailure(kind=kind, message=one_line(error.message, _MESSAGE), hint=error.hint)


def _json(result: Any) -> str:
    """A result as JSON text.

    Raises:
        ToolError: JSON cannot hold it, or it is too long.
    """
    try:
        text = _encode(result)
    except (TypeError, ValueError, RecursionError) as error:
        raise ToolError(
            f"It returned a {type(result).__name__} that JSON cannot hold: {error}",
            hint="This is for whoever has written the tool.",
        ) from error
    if len(text) > RESULT_LIMIT:
        raise ToolError(
            f"Its result has {len(text):,} bytes, and {RESULT_LIMIT:,} can be returned",
            hint="Ask for less at a time.",
        )
    return text
