"""A result in a few words: bounded text for a context window, what matters most first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from notebook_executor.references import described, is_reference
from notebook_executor.text import clip, one_line, tail

if TYPE_CHECKING:
    from notebook_executor.models import ExecutionResult, FailedCell

_SCRAP = 200


def brief(result: ExecutionResult, max_chars: int) -> str:
    """The result in at most ``max_chars`` characters.

    In this order: status, failed cell with its line, hint, scraps, output tails, paths. A part
    that does not fit is clipped, head and tail, or left out when nothing useful would remain; the
    paths keep their room.
    """
    parts = [_status(result), _failed_cell(result), _hint(result), _scraps(result)]
    closing = clip(_paths(result), max_chars // 3)
    parts.append(_tails(result))
    parts.append(_warnings(result))
    left = max_chars - len(closing) - 1
    kept = []
    for part in parts:
        if part and left > 40:
            kept.append(clip(part, left))
            left -= len(kept[-1]) + 1
    return clip("\n".join([*kept, closing]), max_chars) if max_chars > 0 else ""


def _status(result: ExecutionResult) -> str:
    cells = f"{result.cells_executed} cell{'' if result.cells_executed == 1 else 's'}"
    counted = f"{cells} in {result.duration_seconds:.1f} s"
    if result.error is None:
        return f"success: {counted}"
    retry = ", retryable" if result.error.retryable else ""
    return f"error ({result.error.kind}{retry}): {result.error.message}\n{counted}"


def _failed_cell(result: ExecutionResult) -> str:
    cell = result.failed_cell
    if cell is None:
        return ""
    where = "injected parameters" if cell.index is None else str(cell.index)
    return f"cell {where} (id {cell.id}, hash {cell.hash}):\n{excerpt(cell)}"


def excerpt(cell: FailedCell) -> str:
    """The lines of the source around the one that raised, numbered, with a sign before it."""
    return "\n".join(
        f"{'>' if number == cell.line else ' '} {number:>3} {line}"
        for number, line in _around(cell.source.splitlines(), cell.line)
    )


def _around(source: list[str], line: int | None) -> list[tuple[int, str]]:
    numbered = list(enumerate(source, 1))
    if len(source) <= 12:
        return numbered
    middle = line or 1
    first = max(0, min(middle - 6, len(source) - 11))
    return numbered[first : first + 11]


def _hint(result: ExecutionResult) -> str:
    return f"hint: {result.error.hint}" if result.error and result.error.hint else ""


def _scraps(result: ExecutionResult) -> str:
    lines = [f"  {name} = {_value(value)}" for name, value in result.scraps.items()]
    return "\n".join(["scraps:", *lines]) if lines else ""


def _value(value: Any) -> str:
    if is_reference(value):
        return described(value, _SCRAP)
    return one_line(json.dumps(value, ensure_ascii=False, default=str), _SCRAP)


def _tails(result: ExecutionResult) -> str:
    if result.failed_cell is not None and result.failed_cell.output_tail.strip():
        return "output of the failed cell, its end:\n" + tail(
            result.failed_cell.output_tail.strip(), 2000
        )
    shown = [cell for cell in result.cells if cell.output_preview]
    if not shown:
        return ""
    lines = [f"  [{_index(cell.index)}] {cell.output_preview}" for cell in shown[-8:]]
    return "\n".join(["outputs:", *lines])


def _index(index: int | None) -> str:
    return "parameters" if index is None else str(index)


def _warnings(result: ExecutionResult) -> str:
    return "\n".join(f"warning: {warning}" for warning in result.warnings)


def _paths(result: ExecutionResult) -> str:
    return f"notebook: {result.output_path or 'not written'}\nrun: {result.run_id}"
