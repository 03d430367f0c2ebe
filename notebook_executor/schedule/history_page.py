"""Runs on one page: what came out over time, and where each executed notebook is.

Nothing on it runs, and nothing is fetched.
"""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from notebook_executor.execution.history import RunRow
from notebook_executor.html_page import html_page, style_of
from notebook_executor.references import described, is_reference
from notebook_executor.schedule.plots import LARGEST, Point, plot
from notebook_executor.text import one_line, readable

_MOST_PLOTS = 40
_MOST_COLUMNS = 8
_VALUE = 60
_CLASSES = {"success": "good", "running": "open"}


class _Run(NamedTuple):
    row: RunRow
    at: datetime
    title: str


def history_page(title: str, rows: Iterable[RunRow], folder: Path) -> str:
    """The page.

    Args:
        title: Whose runs these are.
        rows: In any order.
        folder: Where the page will be: links to notebooks are relative to it.
    """
    runs = sorted(rows, key=lambda row: (_at(row) is not None, _at(row) or 0, row.run_id))
    timed = [_Run(row, at, _title(row, at)) for row in runs if (at := _at(row)) is not None]
    body = [
        f"<header><h1>{escape(title)}</h1>{_summary(runs)}{_strip(timed)}</header>\n<main>\n",
        *_plots(timed),
        *_table(runs[::-1], folder),
        "</main>",
    ]
    return html_page(title, body, style_of(__package__, "history_page.css"))


def _at(row: RunRow) -> datetime | None:
    """When it was due, or else begun, on the clock of who makes the page."""
    moment = row.scheduled_at or row.started_at
    return None if moment is None else moment.astimezone()


def _shown(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M}"


def _summary(runs: Sequence[RunRow]) -> str:
    if not runs:
        return "<p>There are no such runs.</p>"
    over = [row for row in runs if row.status != "running"]
    good = sum(row.status == "success" for row in over)
    share = f"{good} of {len(over)} succeeded" if over else "none is over"
    took = [row.duration_seconds for row in over if row.duration_seconds is not None]
    usual = f" · usually {statistics.median(took):.1f} s" if took else ""
    first, last = _shown(_at(runs[0])), _shown(_at(runs[-1]))
    zone = datetime.now().astimezone().tzname() or ""
    count = f"{len(runs)} runs" if len(runs) > 1 else "1 run"
    return f"<p>{count} · {share}{usual} · {first} – {last} {escape(zone)}</p>"


def _strip(runs: Sequence[_Run]) -> str:
    """How each run ended, in a row of coloured bars."""
    bars = "".join(
        f'<i class="{_CLASSES.get(run.row.status, "bad")}" title="{escape(run.title)}"></i>'
        for run in runs[-400:]
    )
    return f'<div class="strip">{bars}</div>'


def _title(row: RunRow, at: datetime) -> str:
    return f"{_shown(at)} {row.error_kind or row.status}"


def _plots(runs: Sequence[_Run]) -> Iterator[str]:
    names = _names((run.row for run in runs), _number)
    yield '<div class="plots">'
    for name in names[:_MOST_PLOTS]:
        yield _figure(name, runs, [_number(run.row.scraps.get(name)) for run in runs])
    took = [run.row.duration_seconds for run in runs]
    if any(seconds is not None for seconds in took):
        yield _figure("duration in seconds", runs, took)
    yield "</div>\n"
    if len(names) > _MOST_PLOTS:
        yield f'<p class="faint">{len(names) - _MOST_PLOTS} scraps more are not drawn.</p>\n'


def _figure(name: str, runs: Sequence[_Run], values: Sequence[float | None]) -> str:
    """A plot, in which runs that left no such value appear where they failed."""
    points = [
        Point(run.at, value, run.title if value is None else f"{run.title}: {readable(value)}")
        for run, value in zip(runs, values, strict=True)
        if value is not None or run.row.status not in _CLASSES
    ]
    latest = next(point.value for point in reversed(points) if point.value is not None)
    caption = f"<figcaption><span>{escape(name)}</span><b>{readable(latest)}</b></figcaption>"
    drawing = plot(points, name, runs[0].at, runs[-1].at)
    return f"<figure>{caption}{drawing}</figure>"


def _number(value: Any) -> float | None:
    """A value that can be drawn."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if -LARGEST < value < LARGEST else None


def _single(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool) else None


def _names(runs: Iterable[RunRow], kind: Any) -> list[str]:
    """The scraps that some run has a value of this kind for, in their order of appearance."""
    return list(
        dict.fromkeys(
            name for row in runs for name, value in row.scraps.items() if kind(value) is not None
        )
    )


def _table(runs: Sequence[RunRow], folder: Path) -> Iterator[str]:
    if not runs:
        return
    names = _names(runs, _single)[:_MOST_COLUMNS]
    drawn = set(_names(runs, _number))
    yield '<table><thead><tr><th>due</th><th>status</th><th class="number">seconds</th>'
    for name in names:
        kind = ' class="number"' if name in drawn else ""
        yield f"<th{kind}>{escape(name)}</th>"
    yield "<th>executed notebook</th></tr></thead><tbody>\n"
    for row in runs:
        yield f"<tr>{''.join(_cells(row, names, folder))}</tr>\n"
    yield "</tbody></table>\n"


def _cells(row: RunRow, names: Iterable[str], folder: Path) -> Iterator[str]:
    yield f"<td>{_shown(_at(row))}</td>"
    status = escape(row.error_kind or row.status)
    yield f'<td class="{_CLASSES.get(row.status, "bad")}">{status}</td>'
    took = row.duration_seconds
    yield f'<td class="number">{"" if took is None else f"{took:.1f}"}</td>'
    for name in names:
        yield _cell(row.scraps, name)
    yield f"<td>{_link(row, folder)}</td>"


def _cell(scraps: Mapping[str, Any], name: str) -> str:
    value = scraps.get(name)
    if value is None:
        return "<td></td>"
    if _number(value) is not None:
        return f'<td class="number">{readable(value)}</td>'
    if is_reference(value):
        text = described(value, _VALUE)
    elif isinstance(value, str):
        text = one_line(value, _VALUE)
    else:
        text = one_line(json.dumps(value, ensure_ascii=False, default=str), _VALUE)
    return f"<td>{escape(text)}</td>"


def _link(row: RunRow, folder: Path) -> str:
    if row.output_path is None:
        return escape(row.run_id)
    name = escape(Path(row.output_path).name)
    if not Path(row.output_path).exists():
        return f'<span class="faint">{name} (gone)</span>'
    address = quote(os.fsencode(os.path.relpath(row.output_path, folder)))
    return f'<a href="{address}">{name}</a>'
