"""What becomes of a call: catalogue, policy, budgets, approval, the tool, redaction, the record."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from notebook_executor.errors import ReplayMismatchError, ToolDeniedError, ToolError
from notebook_executor.lifecycle.spawning import Spawn
from notebook_executor.models import ToolCall
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
_WAIT_LONGER = "The tool may still be at work; its result will not be seen."


@dataclass(frozen=True)
class Surroundings:
    """What a tool finds around it; the fields of ``Call`` that are the same for a whole run."""

    cwd: Path
    env: Mapping[str, str]
    spawn: Spawn
    spill: Path | None = None


@dataclass(frozen=True)
class Reply:
    """What the notebook is told: the result as JSON text, or why there is none."""

    text: str = "null"
    failure: CallFailure | None = None
    tool: str = ""
    abandoned: bool = False


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
        self._telling = threading.Lock()

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
            with self.cells.calling(message_id, call) as cell:
                call.cell = cell
                call.succeed(self.redactor.answer(self._answer(call, cell)))
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
        tool = self.catalogue[call.tool]
        call.secret = tool.secret_arguments
        if not self.policy.allows(tool.name):
            raise ToolDeniedError(
                "The policy does not allow this tool", hint=f"Its allow-list is {self._allowed()}."
            )
        seconds = self.spending.begin(cell.tally, call.size)
        if seconds is not None:
            call.deadline = time.monotonic() + seconds
        given = self._call(call, cell)
        self._approve(given)
        return self._run(tool, given, cell)

    def _allowed(self) -> str:
        return ", ".join(self.policy.allow) or "empty"

    def _call(self, call: CallUnderway, cell: RunningCell) -> Call:
        around = self.surroundings
        if around is None:
            raise ToolError("The run has not begun")
        ends = [at for at in (cell.deadline, call.deadline) if at is not None]
        return Call(
            tool=call.tool,
            arguments=call.arguments,
            policy=self.policy,
            cwd=around.cwd,
            env=around.env,
            spawn=around.spawn,
            spill=around.spill,
            deadline=min(ends, default=None),
            cancelled=call.cancelled,
            cell_id=cell.cell_id,
        )

    def _approve(self, call: Call) -> None:
        if self.policy.approve is None:
            return
        try:
            approved, why = self.policy.approve(call), ""
        except Exception as error:
            approved, why = False, f": {type(error).__name__}: {error}"
        if approved is not True:
            raise ToolDeniedError(one_line(f"The call was not approved{why}", _MESSAGE))

    def _run(self, tool: Tool, given: Call, cell: RunningCell) -> str:
        began = time.monotonic()
        text = ""
        try:
            text = _json(tool.run(given))
        finally:
            self.spending.end(cell.tally, len(text), time.monotonic() - began)
        return text

    def tell(self, finished: FinishedCall) -> None:
        """Told by a call that is over."""
        with self._telling:
            for sink in self._sinks:
                sink(finished)


@dataclass(eq=False)
class CallUnderway:
    """One call from its arrival to its answer, which it has exactly one of.

    Attributes:
        size: Of its frame, in bytes.
        reply: Sends the answer; called once, on whichever thread was first.
        deadline: On the monotonic clock, by its budgets; None for none.
    """

    desk: Desk
    tool: str
    arguments: Mapping[str, Any]
    size: int
    reply: Callable[[Reply], None]
    cancelled: threading.Event = field(default_factory=threading.Event)
    deadline: float | None = None
    secret: frozenset[str] = frozenset()
    cell: RunningCell | None = None
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    began: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _answered: bool = False
    _replied: threading.Event = field(default_factory=threading.Event)

    def succeed(self, text: str) -> None:
        """Answer with a result, as JSON text, unless somebody was faster."""
        self._finish(text, None, abandoned=False)

    def fail(self, failure: CallFailure) -> None:
        """Answer with an error, unless somebody was faster."""
        self._finish("null", failure, abandoned=False)

    def give_up(self, reason: str) -> None:
        """Answer with an error although the tool is still at work; any thread."""
        failure = CallFailure(kind="error", message=reason, hint=_WAIT_LONGER)
        self._finish("null", failure, abandoned=True)

    def _finish(self, text: str, failure: CallFailure | None, *, abandoned: bool) -> None:
        with self._lock:
            too_late, self._answered = self._answered, True
        if too_late:
            if not abandoned:
                # This thread closes the connection, which the other's answer has to get through.
                self._replied.wait()
            return
        if abandoned:
            self.cancelled.set()  # not before: the tool might answer at once, and be the faster
        try:
            self._answer(text, failure and self._struck(failure), abandoned)
        finally:
            self._replied.set()

    def _answer(self, text: str, failure: CallFailure | None, abandoned: bool) -> None:
        try:
            self.desk.tell(self._finished(text, failure))
        finally:
            self.reply(Reply(text, failure, self.tool, abandoned))

    def _struck(self, failure: CallFailure) -> CallFailure:
        redactor = self.desk.redactor
        message, hint = redactor.message(failure.message), redactor.message(failure.hint)
        return CallFailure(kind=failure.kind, message=message, hint=hint)

    def _finished(self, text: str, failure: CallFailure | None) -> FinishedCall:
        redactor = self.desk.redactor
        arguments, places = redactor.arguments(self.arguments, self.secret)
        result, more = redactor.result(text) if self.desk.keeps_results else (None, [])
        # Nothing to validate, and validating takes longer than the rest of a short call.
        return FinishedCall.model_construct(
            at=self.at,
            call=ToolCall.model_construct(
                cell_id=self.cell.cell_id if self.cell else None,
                tool=storable(self.tool),
                arguments=storable(arguments),
                outcome=_outcome(failure),
                replayed=self.desk.replays,
                duration_seconds=round(time.monotonic() - self.began, 6),
                bytes=0 if failure else len(text),
            ),
            result=result,
            failure=failure,
            redacted=(*places, *more),
        )


def _outcome(failure: CallFailure | None) -> Any:
    if failure is None:
        return "ok"
    return "denied" if failure.kind == "denied" else "error"


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
        text = json.dumps(result, separators=(",", ":"), allow_nan=False)
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
