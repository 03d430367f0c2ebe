"""What is known of a call once it is over, with nothing secret left in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from notebook_executor.models import Record


class CallFailure(Record):
    """How a call failed, as the notebook was told."""

    kind: str  # "error", "denied", "replay_mismatch"
    message: str
    hint: str = ""


@dataclass(slots=True)
class FinishedCall:
    """A call that was answered, after redaction; not to be changed.

    Attributes:
        at: When it began, in seconds since 1970.
        cell_id: Of the cell that made it.
        size: Of the request, in bytes.
        bytes: Of the result, as JSON text.
        result: What the tool returned, where somebody keeps results; None where it failed.
        failure: Why it failed.
        redacted: What was struck out of arguments and result: ``arguments.headers.token``,
            ``result.rows[3]``.
    """

    at: float
    tool: str
    arguments: dict[str, Any]
    cell_id: str | None = None
    size: int = 0
    replayed: bool = False
    duration_seconds: float = 0.0
    bytes: int = 0
    result: Any = None
    failure: CallFailure | None = None
    redacted: tuple[str, ...] = ()

    @property
    def outcome(self) -> Literal["ok", "error", "denied"]:
        if self.failure is None:
            return "ok"
        return "denied" if self.failure.kind == "denied" else "error"


AuditSink = Callable[[FinishedCall], None]
"""Is told of each call as it is over, on whichever thread; a recording is one."""


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
