"""Many runs for a reader: as a table with their scraps, as CSV, and as a page."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notebook_executor.cli.project import absolute, shown_path
from notebook_executor.cli.screen import Screen
from notebook_executor.cli.summary import duration
from notebook_executor.text import one_line

if TYPE_CHECKING:
    from notebook_executor.execution.history import RunRow

_FIXED = (
    *("run_id", "schedule", "scheduled_at", "started_at", "status", "error_kind"),
    *("duration_seconds", "input_path", "output_path"),
)
_MOST_SCRAPS = 6
_VALUE = 24


def local_time(moment: datetime | None) -> str:
    """A time in the zone of who reads it."""
    return "" if moment is None else f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def schedule_table(rows: Sequence[RunRow]) -> tuple[list[str], list[list[str]]]:
    """The columns and lines of a schedule's runs: when each was due, and what came out."""
    names = list(
        dict.fromkeys(
            name
            for row in rows
            for name, value in row.scraps.items()
            if isinstance(value, str | int | float)
        )
    )[:_MOST_SCRAPS]
    lines = [
        [
            row.run_id,
            local_time(row.scheduled_at or row.started_at),
            row.error_kind or row.status,
            "" if row.duration_seconds is None else duration(row.duration_seconds),
            *(one_line(_text(row.scraps.get(name)), _VALUE) for name in names),
        ]
        for row in rows
    ]
    return ["run", "due", "status", "duration", *names], lines


def runs_as_csv(rows: Iterable[RunRow]) -> str:
    """CSV with a line for each run, and a column for each parameter and scrap that one has.

    Texts stand as they are, and so do numbers; what is neither stands as JSON, and of a table, an
    array or an image its file's path.
    """
    from notebook_executor.execution.history import spread

    rows = list(rows)
    records = [
        {name: row[name] for name in _FIXED} | spread("parameters", row) | spread("scraps", row)
        for row in rows
    ]
    groups = [spread(group, row) for group in ("parameters", "scraps") for row in rows]
    columns = [*_FIXED, *dict.fromkeys(name for group in groups for name in group)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_text(record.get(name)) for name in columns] for record in records)
    return out.getvalue()


def write_page(path: str, title: str, rows: Iterable[RunRow]) -> None:
    """Write the page, and say where it is."""
    from notebook_executor.documents.writing import write_bytes
    from notebook_executor.schedule.history_page import history_page

    target = Path(absolute(path))
    write_bytes(history_page(title, rows, target.parent).encode(), target)
    Screen(sys.stdout).line(f"page  {shown_path(str(target))}")


def _text(value: Any) -> str:
    from notebook_executor.references import is_reference

    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str):
        return value
    if is_reference(value):
        return str(value["path"] or "")
    return json.dumps(value, ensure_ascii=False, default=str)
