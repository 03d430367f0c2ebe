"""The tool calls of a run as its result, its notebook and its events tell of them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notebook_executor.models import ToolCall
from notebook_executor.text import clip

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from notebook_executor.tools.audit import FinishedCall

_LONGEST = 500
_MOST = 1000
_MOST_OF_CELL = 100


class CallLog:
    """An audit sink; what it is told on other threads, the run's thread takes.

    Long texts are clipped, and of very many calls the first are kept: all of it is in the
    record's ``tools.jsonl``.

    Attributes:
        kept: What the result tells.
        left_out: How many calls it does not.
    """

    def __init__(self) -> None:
        self.kept: list[ToolCall] = []
        self.left_out = 0
        self._fresh: list[ToolCall] = []
        self._lock = threading.Lock()

    def __call__(self, finished: FinishedCall) -> None:
        self._add(finished.call)

    def _add(self, call: ToolCall) -> None:
        call = call.model_copy(update={"arguments": _clipped(call.arguments)})
        with self._lock:
            self._fresh.append(call)
            if len(self.kept) < _MOST:
                self.kept.append(call)
            else:
                self.left_out += 1

    def take(self) -> list[ToolCall]:
        """The calls since this was asked last."""
        if not self._fresh:
            return []
        with self._lock:
            fresh, self._fresh = self._fresh, []
        return fresh

    def read(self, path: Path) -> None:
        """Take in what a record's ``tools.jsonl`` tells, also one that was cut off."""
        try:
            lines = path.read_bytes().splitlines()
        except OSError:  # the run had no tools
            return
        for line in lines:
            try:
                loaded = json.loads(line)
                call = ToolCall.model_validate(
                    {name: loaded[name] for name in ToolCall.model_fields}
                )
            except (ValueError, LookupError, TypeError):
                continue
            self._add(call)

    def warnings(self) -> list[str]:
        if not self.left_out:
            return []
        return [f"{self.left_out:,} more tool calls are in the record's tools.jsonl alone."]


def _clipped(value: Any) -> Any:
    if isinstance(value, str):
        return clip(value, _LONGEST)
    if isinstance(value, dict):
        return {key: _clipped(item) for key, item in value.items()}
    return [_clipped(item) for item in value] if isinstance(value, list) else value


class CellCalls:
    """Passes the calls of the running cell on: to whoever listens, and to its metadata."""

    def __init__(self, log: CallLog, emit: Callable[..., None]) -> None:
        self._log = log
        self._emit = emit
        self._of_cell: list[ToolCall] = []
        self._left_out = 0

    def pass_on(self, index: int | None, cell: NotebookNode) -> None:
        """Tell of what has been called since this was called last."""
        for call in self._log.take():
            told = call.model_dump(mode="json")
            self._emit("tool_call", index=index, cell_id=told.pop("cell_id"), **told)
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
