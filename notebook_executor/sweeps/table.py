"""A sweep on one page: what varied, how each point went, and what came out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from notebook_executor.models import ExecutionResult
from notebook_executor.text import one_line

_VALUE = 24
_MOST_COLUMNS = 6
_ROWS = 50


def summary(points: Sequence[Mapping[str, Any]], states: Sequence[str]) -> str:
    """How many points went how, in a line.

    Args:
        points: Their parameters.
        states: Of each: an error's kind, or ``success``, ``skipped``, ``running``, ``waiting``.
    """
    counts = {state: states.count(state) for state in dict.fromkeys(states)}
    told = ", ".join(f"{count} {state}" for state, count in counts.items())
    return f"{len(points)} points" + (f": {told}" if told else "")


def columns_and_rows(
    points: Sequence[Mapping[str, Any]],
    results: Sequence[ExecutionResult | None],
    states: Sequence[str],
) -> tuple[list[str], list[list[str]]]:
    """The table of a sweep: its points' parameters that vary, state, time and single scraps."""
    varied = _varied(points)[:_MOST_COLUMNS]
    scraps = _scraps(results)[:_MOST_COLUMNS]
    rows = []
    for index, (point, result, state) in enumerate(zip(points, results, states, strict=True)):
        took = "" if result is None else f"{result.duration_seconds:.1f} s"
        found: Mapping[str, Any] = {} if result is None else result.scraps
        rows.append(
            [
                str(index),
                *(_shown(point, name) for name in varied),
                state,
                took,
                *(_shown(found, name) for name in scraps),
            ]
        )
    return ["point", *varied, "status", "time", *scraps], rows


def aligned(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The table as text, its first 50 rows."""
    lines = [columns, *rows[:_ROWS]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    if len(rows) > _ROWS:
        text.append(f"… {len(rows) - _ROWS} more")
    return "\n".join(text)


def _varied(points: Iterable[Mapping[str, Any]]) -> list[str]:
    seen: dict[str, set[str]] = {}
    points = list(points)
    for point in points:
        for name, value in point.items():
            seen.setdefault(name, set()).add(repr(value))
    return [
        name
        for name, values in seen.items()
        if len(values) > 1 or len(points) == 1 or any(name not in point for point in points)
    ]


def _scraps(results: Iterable[ExecutionResult | None]) -> list[str]:
    return list(
        dict.fromkeys(
            name
            for result in results
            if result is not None
            for name, value in result.scraps.items()
            if isinstance(value, str | int | float | bool | None)
        )
    )


def _shown(values: Mapping[str, Any], name: str) -> str:
    if name not in values:
        return ""
    value = values[name]
    text = value if isinstance(value, str) else json.dumps(value, default=repr, ensure_ascii=False)
    return one_line(text, _VALUE)
