"""``nbx runs``: the runs that are recorded in a project."""

from __future__ import annotations

import itertools
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from notebook_executor.cli.options import (
    BriefCommand,
    json_option,
    llm_option,
    moment,
    refuse_together,
    root_option,
)
from notebook_executor.cli.project import absolute, open_executor, shown_path
from notebook_executor.cli.run_ending import cancel_run, wait_for_run
from notebook_executor.cli.run_lists import local_time, runs_as_csv, schedule_table, write_page
from notebook_executor.cli.screen import Screen, write_bytes, write_json
from notebook_executor.cli.summary import duration, show_result
from notebook_executor.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from notebook_executor.execution.history import RunRow, StatusFilter
    from notebook_executor.execution.records import RunRecord
    from notebook_executor.execution.recovery import Recovery

_COLUMNS = ["run", "started", "status", "error", "duration", "notebook"]
_SHOWN = 20


@click.group()
def runs() -> None:
    """List the project's runs, show one, wait for one or end it, or rebuild its notebook."""


runs.add_command(wait_for_run)
runs.add_command(cancel_run)


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
@click.option(
    "--since",
    metavar="WHEN",
    callback=moment,
    help="Only newer ones: 90m, 2h, 3d ago, or since an ISO time.",
)
@click.option("--sweep", metavar="NAME", help="Only runs of this sweep.")
@click.option("--schedule", metavar="NAME", help="Only runs of this entry of a schedule.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, with all parameters and scraps.")
@click.option("--html", metavar="FILE", help="Write a page with scraps over time as plots.")
def list_recorded(
    root: str | None,
    as_json: bool,
    limit: int | None,
    status: StatusFilter | None,
    notebook: str | None,
    since: datetime | None,
    sweep: str | None,
    schedule: str | None,
    as_csv: bool,
    html: str | None,
) -> None:
    """List runs, the newest first; with --json, a line each."""
    from notebook_executor.execution.history import list_runs

    refuse_together(json=as_json, csv=as_csv, html=html)
    executor = open_executor(root)
    rows = list_runs(
        executor.root,
        executor.settings.state_dir,
        notebook=Path(absolute(notebook)) if notebook else None,
        since=since,
        status=status,
        sweep=sweep,
        schedule=schedule,
    )
    if as_json:
        for row in itertools.islice(rows, limit):
            write_json(sys.stdout, row)
    elif as_csv:
        write_bytes(sys.stdout, runs_as_csv(itertools.islice(rows, limit)).encode())
    elif html is not None:
        title = schedule or sweep or (Path(notebook).name if notebook else executor.root.name)
        write_page(html, title, itertools.islice(rows, limit))
    else:
        _show_table(rows, limit, of_schedule=schedule is not None)


def _show_table(rows: Iterator[RunRow], limit: int | None, *, of_schedule: bool) -> None:
    shown = list(itertools.islice(rows, limit or _SHOWN))
    if not shown:
        Screen(sys.stderr).line("There are no such runs.")
    elif of_schedule:
        Screen(sys.stdout).table(*schedule_table(shown))
    else:
        Screen(sys.stdout).table(_COLUMNS, [_cells(row) for row in shown])
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


@runs.command("recover")
@click.argument("run")
@root_option
@json_option
@click.option("--output", metavar="PATH", help="Write the notebook there, replacing what is there.")
def recover_run(run: str, root: str | None, as_json: bool, output: str | None) -> None:
    """Rebuild the notebook of a run that was cut off, from its journal.

    It goes where the run would have written it, and the run is recorded as cancelled. Outputs come
    back, variables do not. With --output, also of a run that goes on, or that has finished.
    """
    from notebook_executor.execution.records import find_record
    from notebook_executor.execution.recovery import recover

    executor = open_executor(root)
    record = find_record(executor.root, run, executor.settings.state_dir)
    recovery = recover(record, Path(absolute(output)) if output else None)
    if as_json:
        write_json(sys.stdout, recovery)
    else:
        _show_recovery(Screen(sys.stdout), recovery)


def _show_recovery(screen: Screen, recovery: Recovery) -> None:
    if recovery.output_path is None:
        screen.line("The run was cut off before its notebook was ready: there is none to rebuild.")
    else:
        told = "so far" if recovery.running else "recovered"
        count = f"{recovery.cells_restored} of {recovery.cells_to_run} cells"
        screen.line(f"{told}: {count} with all that they had put out", "good")
    if recovery.interrupted_cell is not None:
        doing = "is running" if recovery.running else "was running; what of it was on disk is there"
        screen.line(f"cell {recovery.interrupted_cell!r} {doing}")
    if not recovery.running:
        screen.line("The kernel's variables are gone: run the notebook again for the rest.")
    if recovery.output_path is not None:
        screen.line(f"notebook  {shown_path(recovery.output_path)}")
    screen.line(f"run       {recovery.run_id}")


def _show_unfinished(record: RunRecord, as_json: bool, llm: int | None) -> None:
    from notebook_executor.execution.history import row_of

    row = row_of(record)
    if as_json:
        write_json(sys.stdout, row)
        return
    lines = [
        f"{row.status}: {local_time(row.started_at)}",
        f"notebook  {shown_path(row.output_path or '-')}",
        f"cells     {shown_path(str(record.journal_file))}",
        f"run       {row.run_id}",
    ]
    if row.status == "cut off":
        lines.append(f"hint: nbx runs recover {row.run_id} rebuilds its notebook.")
    text = "\n".join(lines)
    Screen(sys.stdout).line(text if llm is None else clip(text, llm))


def _cells(row: RunRow) -> list[str]:
    return [
        row.run_id,
        local_time(row.started_at),
        row.status,
        row.error_kind or "",
        "" if row.duration_seconds is None else duration(row.duration_seconds),
        shown_path(row.input_path) if row.input_path else "",
    ]
