"""What is known of a call once it is over, with nothing secret left in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from notebook_executor.models import Record, ToolCall


class CallFailure(Record):
    """How a call failed, as the notebook was told."""

    kind: str  # "error", "denied", "replay_mismatch"
    message: str
    hint: str = ""


class FinishedCall(Record):
    """A call that was answered, after redaction.

    Attributes:
        at: When it began.
        call: What the result of the run tells of it.
        result: What the tool returned; None where it failed.
        failure: Why it failed.
        redacted: What was struck out of arguments and result: ``arguments.headers.token``,
            ``result.rows[3]``.
    """

    at: datetime
    call: ToolCall
    result: Any = None
    failure: CallFailure | None = None
    redacted: tuple[str, ...] = ()


AuditSink = Callable[[FinishedCall], None]
"""Is told of each call as it is over, one at a time and in that order; a recording is one."""


class Answers(Protocol):
    """What answers calls in place of tools and policy: the recording that is replayed."""

    def describe(self) -> list[dict[str, Any]]:
        """What ``hermes_runtime.tools()`` tells."""

    def answer(self, tool: str, arguments: dict[str, Any]) -> Any:
        """The recorded result; called by several threads at a time.

        Raises:
            ToolError: That was recorded, or a kind of it.
            ReplayMismatchError: There is no such call in the recording, or none is left.
        """
