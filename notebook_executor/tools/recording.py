"""Recordings of tool calls: a file that a run writes, and that another run answers from.

One JSON object a line: first what the file is, then the tools that the notebook could call, then
its calls in the order in which they were made. There is no time and no run id in it, so that
recording the same again changes nothing; secrets were taken out before it was written.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from notebook_executor.documents.writing import write_bytes
from notebook_executor.errors import DocumentError, UsageError
from notebook_executor.models import Record
from notebook_executor.tools.audit import CallFailure, FinishedCall

Ignored = Mapping[str, Iterable[str]]
_NOTHING: Ignored = {}


class ToolRecording(os.PathLike[str]):
    """The path of a recording, and what does not count in it: for ``record=`` and ``replay=``.

    Args:
        path: The file.
        ignore: For each tool the arguments that change from run to run. What the file itself
            ignores is ignored as well; recorded with this, it does so from then on.
    """

    def __init__(self, path: str | os.PathLike[str], ignore: Ignored = _NOTHING) -> None:
        self._path = os.fspath(path)
        self.ignore = {tool: _names(tool, names) for tool, names in ignore.items()}

    def __fspath__(self) -> str:
        return self._path

    def __repr__(self) -> str:
        return f"ToolRecording({self._path!r}, ignore={self.ignore!r})"


def _names(tool: str, names: Iterable[str]) -> tuple[str, ...]:
    if isinstance(names, str):
        raise UsageError(
            f"ignore: {tool!r} has the text {names!r} in place of a list",
            hint=f"ignore={{{tool!r}: [{names!r}]}}",
        )
    return tuple(names)


def ignored_of(path: str | os.PathLike[str] | bool | None) -> Ignored:
    """What a caller's ``record`` or ``replay`` says is to be ignored."""
    return path.ignore if isinstance(path, ToolRecording) else _NOTHING


class RecordingHeader(Record):
    """The first line.

    Attributes:
        ignore: For each tool the arguments that do not count when a call is looked up; they are
            not in the file either.
    """

    nbx_tools: Literal[1] = 1
    ignore: dict[str, tuple[str, ...]] = Field(default_factory=dict)


class RecordedTool(Record):
    """A tool that the notebook could call, as ``hermes_runtime.tools()`` showed it."""

    offers: str
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)


class RecordedCall(Record):
    """One call and its answer.

    Attributes:
        arguments: Without those that are ignored.
        result: What the tool returned; None where it failed.
        failure: Why it failed.
        redacted: Where something secret was taken out: ``arguments.token``, ``result.rows[3]``.
    """

    tool: str
    arguments: dict[str, Any]
    result: Any = None
    failure: CallFailure | None = None
    redacted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recording:
    """What a file of recorded calls holds."""

    header: RecordingHeader = field(default_factory=RecordingHeader)
    tools: tuple[RecordedTool, ...] = ()
    calls: tuple[RecordedCall, ...] = ()

    def parameters_of(self, tool: str) -> Mapping[str, Any]:
        """The JSON Schema of a tool's arguments as it was; empty if the file has none."""
        return next((one.parameters for one in self.tools if one.offers == tool), {})

    def write(self, path: Path) -> None:
        """Replace or make the file at once.

        Raises:
            DocumentError: It cannot be written.
        """
        lines = (self.header, *self.tools, *self.calls)
        write_bytes("".join(map(_line, lines)).encode(), path)


def read_recording(path: Path) -> Recording:
    """Read a file of recorded calls.

    Raises:
        DocumentError: There is no such file, or it is not a recording; the line is named.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError as error:
        raise DocumentError(
            f"There is no recording {path}", hint="Make it by a run with record=.", kind="not_found"
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise DocumentError(
            f"The recording {path} cannot be read: {reason}", kind="not_found"
        ) from error
    header, tools, calls = RecordingHeader(), [], []
    # Not splitlines: U+2028 may stand in a JSON text.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        read = _read_line(line, number, path)
        if isinstance(read, RecordingHeader):
            header = read
        elif isinstance(read, RecordedTool):
            tools.append(read)
        else:
            calls.append(read)
    return Recording(header, tuple(tools), tuple(calls))


class Recorder:
    """An audit sink that keeps the calls of a run; ``write`` makes a recording of them.

    Args:
        path: Where; an existing folder.
        ignore: For each tool the arguments that do not count, besides those that the recording
            which is there already ignores.

    Raises:
        DocumentError: There is something else than a recording; it is not overwritten.
    """

    def __init__(self, path: Path, ignore: Ignored = _NOTHING) -> None:
        self.path = path
        before = read_recording(path).header.ignore if path.exists() else {}
        self._header = RecordingHeader(ignore=merged(before, ignore))
        self._finished: list[FinishedCall] = []

    def __call__(self, finished: FinishedCall) -> None:
        self._finished.append(finished)

    def write(self, described: Iterable[Mapping[str, Any]]) -> None:
        """Replace or make the file at once.

        Args:
            described: The tools, as a catalogue describes them.

        Raises:
            DocumentError: It cannot be written.
        """
        tools = tuple(_offered(one) for one in described)
        # In the order in which they were made: a later call may be over before an earlier one.
        made = sorted(self._finished, key=lambda finished: finished.at)
        Recording(self._header, tools, tuple(map(self._recorded, made))).write(self.path)

    def _recorded(self, finished: FinishedCall) -> RecordedCall:
        tool, ignored = finished.tool, self._header.ignore.get(finished.tool, ())
        arguments = finished.arguments.items()
        return RecordedCall(
            tool=tool,
            arguments={name: value for name, value in arguments if name not in ignored},
            result=finished.result,
            failure=finished.failure,
            redacted=tuple(place for place in finished.redacted if not _is_of(place, ignored)),
        )


def merged(one: Ignored, other: Ignored) -> dict[str, tuple[str, ...]]:
    """The arguments, tool by tool, that either says are ignored."""
    tools = sorted(one.keys() | other.keys())
    return {tool: tuple(sorted({*one.get(tool, ()), *other.get(tool, ())})) for tool in tools}


def _is_of(place: str, arguments: Iterable[str]) -> bool:
    return any(re.match(rf"arguments\.{re.escape(name)}(?![\w])", place) for name in arguments)


def _offered(described: Mapping[str, Any]) -> RecordedTool:
    return RecordedTool(
        offers=described["name"],
        description=described["description"],
        parameters=described["parameters"],
    )


def _read_line(line: str, number: int, path: Path) -> RecordingHeader | RecordedTool | RecordedCall:
    try:
        loaded = json.loads(line)
        if not isinstance(loaded, dict):
            raise ValueError("it is not a JSON object")
        if (number == 1) != ("nbx_tools" in loaded):
            raise ValueError('the first line, and no other, must have "nbx_tools"')
        if "nbx_tools" in loaded:
            return RecordingHeader.model_validate(loaded)
        if "offers" in loaded:
            return RecordedTool.model_validate(loaded)
        return RecordedCall.model_validate(loaded)
    except (ValueError, RecursionError) as error:
        raise DocumentError(
            f"{path}, line {number}, is not a line of a recording: {_reason(error)}",
            hint="Record again, or restore the file from version control.",
            kind="replay_mismatch",
        ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error)


def _line(entry: Record) -> str:
    brief = not isinstance(entry, RecordingHeader)
    told = entry.model_dump(mode="json", exclude_defaults=brief)
    return json.dumps(told, ensure_ascii=False) + "\n"
