"""``nbx runs``: the runs that are recorded in a project."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import click

from notebook_executor.cli.options import (
    BriefCommand,
    json_option,
    llm_option,
    refuse_together,
    root_option,
)
from notebook_executor.cli.project import absolute, open_executor, shown_path
from notebook_executor.cli.screen import Screen, write_json
from notebook_executor.cli.summary import duration, show_result
from notebook_executor.text import clip

if TYPE_CHECKING:
    from notebook_executor.execution.records import RunRecord
    from notebook_executor.executor import NotebookExecutor

_COLUMNS = ["run", "started", "status", "error", "duration", "notebook"]
_SHOWN = 20
_CUT_OFF = "cut off"


@dataclass(frozen=True)
class RunRow:
    """A run in a list.

    Attributes:
        status: ``success`` or ``error``; ``running``; ``cut off`` where the process that ran it
            is gone and left no result; ``unreadable`` where its record is.
    """

    run_id: str
    started_at: str | None
    status: str
    error_kind: str | None
    duration_seconds: float | None
    input_path: str | None
    output_path: str | None

    def has(self, status: str) -> bool:
        if status == "interrupted":
            return self.status == _CUT_OFF or self.error_kind == "cancelled"
        return self.status == status


@click.group()
def runs() -> None:
    """List the project's runs, or show one."""


@runs.command("list")
@root_option
@json_option
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help=f"Show so many, the newest [default: {_SHOWN}; all with --json].",
)
@click.option(
    "--status",
    type=click.Choice(["success", "error", "running", "interrupted"]),
    help="Only these; interrupted are those that were cut off or cancelled.",
)
@click.option("--notebook", metavar="PATH", help="Only runs of this notebook.")
def list_runs(
    root: str | None, as_json: bool, limit: int | None, status: str | None, notebook: str | None
) -> None:
    """List runs, the newest first; with --json, a line each."""
    path = absolute(notebook) if notebook else None
    rows = (
        row
        for row in _rows(open_executor(root))
        if (status is None or row.has(status)) and (path is None or row.input_path == path)
    )
    if as_json:
        for row in itertools.islice(rows, limit):
            write_json(sys.stdout, asdict(row))
        return
    shown = list(itertools.islice(rows, limit or _SHOWN))
    if shown:
        Screen(sys.stdout).table(_COLUMNS, [_cells(row) for row in shown])
    else:
        Screen(sys.stderr).line("There are no such runs.")
    if limit is None and next(rows, None) is not None:
        Screen(sys.stderr).line(f"These are the newest {_SHOWN}; --limit N shows more.")


@runs.command("show", cls=BriefCommand)
@click.argument("run")
@root_option
@json_option
@llm_option
def show_run(run: str, root: str | None, as_json: bool, llm: int | None) -> None:
    """Show a run by its id, a prefix of it, or "last"."""
    from notebook_executor.execution.records import find_record

    refuse_together(json=as_json, llm=llm)
    executor = open_executor(root)
    record = find_record(executor.root, run, executor.settings.state_dir)
    result = record.read()
    if result is None:
        _show_unfinished(record, as_json, llm)
    elif as_json:
        write_json(sys.stdout, result)
    elif llm is not None:
        Screen(sys.stdout).line(result.for_llm(llm))
    else:
        show_result(Screen(sys.stdout), result)


def _show_unfinished(record: RunRecord, as_json: bool, llm: int | None) -> None:
    row = _row(record)
    if as_json:
        write_json(sys.stdout, asdict(row))
        return
    lines = [
        f"{row.status}: {_local(row.started_at)}",
        f"notebook  {shown_path(row.output_path or '-')}",
        f"cells     {shown_path(str(record.journal_file))}",
        f"run       {row.run_id}",
    ]
    text = "\n".join(lines)
    Screen(sys.stdout).line(text if llm is None else clip(text, llm))


def _rows(executor: NotebookExecutor) -> Iterator[RunRow]:
    from notebook_executor.execution.records import iter_records

    return map(_row, iter_records(executor.root, executor.settings.state_dir))


def _row(record: RunRecord) -> RunRow:
    from notebook_executor.errors import UsageError
    from notebook_executor.execution.records import is_running

    try:
        result = record.read()
    except UsageError:
        return RunRow(record.run_id, None, "unreadable", None, None, None, None)
    if result is None:
        header = record.header()
        return RunRow(
            record.run_id,
            header.get("started_at"),
            "running" if is_running(header) else _CUT_OFF,
            None,
            None,
            header.get("input_path"),
            header.get("output_path"),
        )
    return RunRow(
        result.run_id,
        result.started_at.isoformat(),
        result.status,
        result.error.kind if result.error else None,
        result.duration_seconds,
        result.input_path,
        result.output_path,
    )


def _cells(row: RunRow) -> list[str]:
    return [
        row.run_id,
        _local(row.started_at),
        row.status,
        row.error_kind or "",
        "" if row.duration_seconds is None else duration(row.duration_seconds),
        shown_path(row.input_path) if row.input_path else "",
    ]


def _local(started_at: str | None) -> str:
    """A time in the zone of who reads it."""
    if started_at is None:
        return ""
    return f"{datetime.fromisoformat(started_at).astimezone():%Y-%m-%d %H:%M:%S}"
