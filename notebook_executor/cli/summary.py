"""A run that is over, for a person: status, failed cell, scraps, warnings, places."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from notebook_executor.cli.project import shown_path
from notebook_executor.references import described, is_reference
from notebook_executor.text import one_line, plain

if TYPE_CHECKING:
    from notebook_executor.cli.screen import Screen
    from notebook_executor.models import ExecutionResult, FailedCell

_AROUND = 4
_TAIL = 8
_VALUE = 200
_ROWS = 20


def show_result(screen: Screen, result: ExecutionResult) -> None:
    _show_status(screen, result)
    if result.failed_cell is not None:
        _show_failed_cell(screen, result.failed_cell)
    if result.error is not None and result.error.hint:
        screen.line(f"hint: {result.error.hint}")
    if result.scraps:
        screen.line("scraps")
        show_scraps(screen, result.scraps, indent=2)
    for warning in result.warnings:
        screen.line(f"warning: {warning}")
    if result.output_path is not None:
        screen.line(f"notebook  {shown_path(result.output_path)}")
    screen.line(f"run       {result.run_id}")


def duration(seconds: float) -> str:
    """Seconds as a person reads them."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def mebibytes(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"


def _show_status(screen: Screen, result: ExecutionResult) -> None:
    to_run = sum(cell.status != "skipped" for cell in result.cells)
    counted = f"{result.cells_executed} of {to_run} cells in {duration(result.duration_seconds)}"
    if result.error is None:
        screen.line(f"success: {counted}", "good")
    else:
        screen.line(f"error ({result.error.kind}): {result.error.message}", "bad")
        if result.cells:
            screen.line(counted)


def _show_failed_cell(screen: Screen, cell: FailedCell) -> None:
    where = "the injected parameters" if cell.index is None else f"cell {cell.index}"
    screen.line(f"{where} (id {cell.id}):", "strong")
    for number, text in _around(cell.source.splitlines(), cell.line):
        failing = number == cell.line
        mark = ">" if failing else " "
        screen.line(f"  {mark} {number:>3}  {text}", "bad" if failing else None)
    # The error itself has been told already.
    printed = plain(cell.output_tail).rstrip().removesuffix(f"{cell.ename}: {cell.evalue}")
    tail = printed.rstrip().splitlines()
    if tail:
        screen.line("its output, at the end:", "strong")
    for text in tail[-_TAIL:]:
        screen.line(f"  {text}")


def _around(source: list[str], line: int | None) -> list[tuple[int, str]]:
    """The lines of a source with their numbers; of a long one, those near the line in question."""
    middle = min(line or 1, len(source))
    first = max(0, min(middle - 1 - _AROUND, len(source) - 2 * _AROUND - 1))
    return list(enumerate(source, 1))[first : first + 2 * _AROUND + 1]


def show_scraps(screen: Screen, scraps: Mapping[str, Any], *, indent: int = 0) -> None:
    """Single values as an aligned list, then each list of objects as a table."""
    tables = {name: value for name, value in scraps.items() if _is_table(value)}
    singles = {name: value for name, value in scraps.items() if name not in tables}
    width = max(map(len, singles), default=0)
    for name, value in singles.items():
        screen.line(f"{' ' * indent}{name:<{width}}  {_shown(value)}")
    for name, rows in tables.items():
        count = f"{len(rows)} rows" if len(rows) != 1 else "1 row"
        cut = f", the first {_ROWS} of them" if len(rows) > _ROWS else ""
        screen.line(f"{' ' * indent}{name}: {count}{cut}")
        columns = list({str(column): None for row in rows for column in row})
        cells = [[_shown(row.get(column, "")) for column in columns] for row in rows[:_ROWS]]
        screen.table(columns, cells, indent=indent + 2)


def _is_table(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(row, dict) and row for row in value)
    )


def _shown(value: Any) -> str:
    if is_reference(value):
        return described(value, _VALUE)
    if isinstance(value, str):
        return one_line(value, _VALUE)
    if value is None:
        return "-"
    return one_line(json.dumps(value, ensure_ascii=False, default=str), _VALUE)
