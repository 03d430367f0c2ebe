"""Answers from a recording, in place of tools: no network, no credentials, no clock."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from notebook_executor.errors import ReplayMismatchError, ToolDeniedError, ToolError
from notebook_executor.tools.callables import secret_arguments
from notebook_executor.tools.matching import (
    canonical,
    differences,
    likeness,
    matches,
    shown_call,
)
from notebook_executor.tools.recording import Ignored, RecordedCall, Recording, merged
from notebook_executor.tools.redaction import REDACTED

_HINT = "Record again, or have the argument ignored that changes from run to run."


@dataclass
class _Entry:
    call: RecordedCall
    arguments: dict[str, Any]
    answered: bool = False


class Replay:
    """The ``Answers`` of a recording.

    A call is answered by the first recorded one that has not answered yet, of the same tool with
    the same arguments, whatever cell it comes from. Safe to use from several threads.

    Args:
        recording: What was recorded.
        path: Its file, for messages.
        ignore: Arguments that do not count, besides those that the recording says.
    """

    def __init__(self, recording: Recording, path: Path, ignore: Ignored) -> None:
        self._recording, self._path = recording, path
        self._ignored = merged(recording.header.ignore, ignore)
        self._entries = [
            _Entry(call, self._canonical(call.tool, call.arguments)) for call in recording.calls
        ]
        self._lock = threading.Lock()

    def describe(self) -> list[dict[str, Any]]:
        return [
            {
                "name": tool.offers,
                "description": tool.description,
                "parameters": tool.parameters,
                "source": "recording",
            }
            for tool in self._recording.tools
        ]

    def answer(self, tool: str, arguments: dict[str, Any]) -> Any:
        """See ``Answers.answer``."""
        secret = secret_arguments(self._recording.parameters_of(tool))
        blanked = {name: REDACTED if name in secret else one for name, one in arguments.items()}
        given = self._canonical(tool, blanked)
        with self._lock:
            same = [entry for entry in self._entries if _is_same(entry, tool, given)]
            entry = next((entry for entry in same if not entry.answered), None)
            if entry is None:
                self._refuse(tool, given, len(same))
            entry.answered = True
        failure = entry.call.failure
        if failure is None:
            return entry.call.result
        raised = ToolDeniedError if failure.kind == "denied" else ToolError
        raise raised(failure.message, hint=failure.hint, tool=tool)

    def blanked(self) -> str:
        """What to say of the answers in which something was redacted; empty if there were none."""
        places = {
            f"{entry.call.tool}: {place}"
            for entry in self._entries
            for place in entry.call.redacted
            if entry.answered and place.startswith("result")
        }
        named = ", ".join(sorted(places))
        return f"Replayed results lacked what was redacted: {named}." if named else ""

    def unused(self) -> str:
        """What to say of recorded calls that were not made; empty if all were."""
        unused = Counter(entry.call.tool for entry in self._entries if not entry.answered)
        named = ", ".join(f"{tool} ({count})" for tool, count in sorted(unused.items()))
        return f"Recorded calls in {self._path.name} that were not made: {named}." if named else ""

    def _canonical(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        parameters = self._recording.parameters_of(tool)
        return canonical(arguments, parameters, self._ignored.get(tool, ()))

    def _refuse(self, tool: str, given: dict[str, Any], recorded: int) -> NoReturn:
        asked = f"{shown_call(tool, given)} is not in the recording {self._path.name}"
        if recorded:
            raise ReplayMismatchError(
                f"{asked} so often: it was recorded {recorded} times, and is called once more",
                hint=_HINT,
                tool=tool,
            )
        of_tool = [entry for entry in self._entries if entry.call.tool == tool]
        if not of_tool:
            names = ", ".join(sorted({entry.call.tool for entry in self._entries})) or "none"
            raise ReplayMismatchError(
                f"{asked}, which has no call of {tool} (it has calls of: {names})",
                hint=_HINT,
                tool=tool,
            )
        # One that has not answered yet is more likely to be meant.
        nearest = max(
            of_tool, key=lambda entry: (likeness(entry.arguments, given), not entry.answered)
        )
        raise ReplayMismatchError(
            f"{asked}; the nearest recorded call is {shown_call(tool, nearest.arguments)}: "
            f"{differences(nearest.arguments, given)}",
            hint=_HINT,
            tool=tool,
            nearest={"tool": tool, "arguments": nearest.arguments},
        )


def _is_same(entry: _Entry, tool: str, given: dict[str, Any]) -> bool:
    return entry.call.tool == tool and matches(entry.arguments, given)
