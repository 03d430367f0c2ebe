"""What becomes of a call: catalogue, policy, budgets, approval, the tool, redaction, the record."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from notebook_executor.errors import ReplayMismatchError, ToolDeniedError, ToolError
from notebook_executor.lifecycle.spawning import Spawn
from notebook_executor.text import one_line
from notebook_executor.tools.audit import Answers, AuditSink, CallFailure
from notebook_executor.tools.budgets import Spending
from notebook_executor.tools.catalogue import Catalogue
from notebook_executor.tools.cells import Cells, RunningCell
from notebook_executor.tools.policy import Policy
from notebook_executor.tools.redaction import Redactor
from notebook_executor.tools.tool import Call, Tool
from notebook_executor.tools.underway import Books, CallUnderway

RESULT_LIMIT = 16 << 20
_MESSAGE = 2000
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


@dataclass(frozen=True)
class Surroundings:
    """What a tool finds around it; the fields of ``Call`` that are the same for a whole run."""

    cwd: Path
    env: Mapping[str, str]
    spawn: Spawn
    spill: Path | None = None


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
        self.catalogue, self.policy = catalogue, policy
        self.books = Books(redactor, tuple(sinks), keeps_results, replays=answers is not None)
        self.spending = Spending(policy.limits)
        self.cells = Cells(self.spending.new_cell)
        self.surroundings: Surroundings | None = None
        self._answers = answers
        self._allowed: dict[str, Tool] = {}

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
                call.succeed(self.books.redactor.answer(self._answer(call, cell)))
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
            arguments, _ = self.books.redactor.arguments(call.arguments, ())
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
