"""The tool calls of a run as its result, its notebook and its events tell of them."""

from __future__ import annotations

import json
import time
from collections import deque
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticSerializationError, to_json

from notebook_executor.execution.journal import line_of
from notebook_executor.models import ToolCall
from notebook_executor.text import clip

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from notebook_executor.execution.ledger import Events
    from notebook_executor.tools.audit import FinishedCall

_LONGEST = 500
_LARGE = 10_000
_MOST = 1000
_MOST_OF_CELL = 100


class CallLog:
    """An audit sink; what it is told on other threads, the run's thread takes.

    Long texts are clipped, and of very many calls the first are kept: all of it is in the
    record's ``tools.jsonl``.

    Attributes:
        left_out: How many calls ``kept`` does not have.
    """

    def __init__(self) -> None:
        self.left_out = 0
        self._kept: list[ToolCall] = []
        self._fresh: deque[FinishedCall] = deque()

    def __call__(self, finished: FinishedCall) -> None:
        # On the thread that answers the call: what takes time is left to ``take``.
        if finished.size > _LARGE:
            finished = replace(finished, arguments=_clipped(finished.arguments))
        self._fresh.append(finished)

    @property
    def kept(self) -> list[ToolCall]:
        """What the result tells; asked by the run's thread, when all calls are over."""
        self.take()
        return self._kept

    def take(self) -> list[ToolCall]:
        """The calls since this was asked last."""
        taken = []
        while self._fresh:
            taken.append(self._keep(_told(self._fresh.popleft())))
        return taken

    def _keep(self, call: ToolCall) -> ToolCall:
        if len(self._kept) < _MOST:
            self._kept.append(call)
        else:
            self.left_out += 1
        return call

    def read(self, path: Path) -> None:
        """Take in what a record's ``tools.jsonl`` tells, also one that was cut off."""
        try:
            lines = path.read_bytes().splitlines()
        except OSError:  # the run had no tools
            return
        for line in lines:
            try:
                loaded = json.loads(line)
                told = {name: loaded[name] for name in ToolCall.model_fields}
                told["arguments"] = _clipped(told["arguments"])
                self._keep(ToolCall.model_validate(told))
            except (ValueError, LookupError, TypeError):
                continue

    def warnings(self) -> list[str]:
        self.take()
        if not self.left_out:
            return []
        return [f"{self.left_out:,} more tool calls are in the record's tools.jsonl alone."]


def _told(finished: FinishedCall) -> ToolCall:
    # Nothing to validate, and validating takes longer than a short call.
    return ToolCall.model_construct(
        cell_id=finished.cell_id,
        tool=finished.tool,
        arguments=_clipped(finished.arguments),
        outcome=finished.outcome,
        replayed=finished.replayed,
        duration_seconds=finished.duration_seconds,
        bytes=finished.bytes,
    )


def audit_line(finished: FinishedCall) -> bytes:
    """A call's line in the record's ``tools.jsonl``."""
    second = int(finished.at)
    told = {
        "at": f"{_clock(second)}.{int((finished.at - second) * 1_000_000):06}Z",
        "cell_id": finished.cell_id,
        "tool": finished.tool,
        "arguments": finished.arguments,
        "outcome": finished.outcome,
        "replayed": finished.replayed,
        "duration_seconds": finished.duration_seconds,
        "bytes": finished.bytes,
        "failure": finished.failure,
        "redacted": finished.redacted,
    }
    try:
        # A notebook waits for its answer meanwhile, and this is the quickest there is.
        return to_json(told, inf_nan_mode="null") + b"\n"
    except PydanticSerializationError:  # it is nested more deeply than that can write
        failure = finished.failure and finished.failure.model_dump(mode="json")
        return line_of({**told, "failure": failure})


@lru_cache(16)
def _clock(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def _clipped(value: Any) -> Any:
    if isinstance(value, str):
        return clip(value, _LONGEST)
    if isinstance(value, dict):
        return {key: _clipped(item) for key, item in value.items()}
    return [_clipped(item) for item in value] if isinstance(value, list) else value


class CellCalls:
    """Passes the calls of the running cell on: to whoever listens, and to its metadata."""

    def __init__(self, log: CallLog, events: Events) -> None:
        self._log = log
        self._events = events
        self._of_cell: list[ToolCall] = []
        self._left_out = 0

    def pass_on(self, index: int | None, cell: NotebookNode) -> None:
        """Tell of what has been called since this was called last."""
        for call in self._log.take():
            if self._events.wanted:
                told = call.model_dump(mode="json")
                self._events.emit("tool_call", index=index, cell_id=told.pop("cell_id"), **told)
            if call.cell_id == cell.id and len(self._of_cell) < _MOST_OF_CELL:
                self._of_cell.append(call)
            elif call.cell_id == cell.id:
                self._left_out += 1

    def note(self, index: int | None, cell: NotebookNode) -> None:
        """Put what the cell has called into its metadata; the cell is over."""
        self.pass_on(index, cell)
        calls, left_out = self._of_cell, self._left_out
        self._of_cell, self._left_out = [], 0
        if not calls:
            return
        from nbformat import from_dict

        told: dict[str, Any] = {
            "tool_calls": [call.model_dump(mode="json", exclude={"cell_id"}) for call in calls]
        }
        if left_out:
            told["tool_calls_left_out"] = left_out
        kept = cell.metadata.get("nbx")
        cell.metadata["nbx"] = from_dict({**(kept if isinstance(kept, dict) else {}), **told})
