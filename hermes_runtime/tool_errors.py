"""What a tool call that is not answered raises."""

from __future__ import annotations

from typing import Any


class ToolError(Exception):
    """A tool call failed.

    Attributes:
        tool: The tool's name; empty where it is of no tool.
        message: What was wrong.
        hint: What to do next; may be empty.
    """

    def __init__(self, message: str, *, tool: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.tool = tool
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.tool}: " if self.tool else ""
        return f"{place}{self.message}" + (f" ({self.hint})" if self.hint else "")

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.tool, self.hint)


def _rebuild(cls: type[ToolError], message: str, tool: str, hint: str) -> ToolError:
    return cls(message, tool=tool, hint=hint)


class ToolDeniedError(ToolError):
    """The run's policy does not allow the call, or its budget is used up."""


class ReplayMismatchError(ToolError):
    """The run is a replay, and the call is not in its recording."""


class ToolsUnavailableError(ToolError):
    """There is nobody to call: no run, a run without tools, or one that is over."""


KINDS = {
    "denied": ToolDeniedError,
    "replay_mismatch": ReplayMismatchError,
    "unavailable": ToolsUnavailableError,
}
