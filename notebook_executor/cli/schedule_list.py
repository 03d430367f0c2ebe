"""``nbx schedule list`` and ``next``: the entries there are, and when they are due."""

from __future__ import annotations

import heapq
import itertools
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from notebook_executor.cli.exits import ExitCode
from notebook_executor.cli.options import json_option, root_option
from notebook_executor.cli.schedule_options import (
    Project,
    clock_of,
    now_option,
    paths_argument,
)
from notebook_executor.cli.screen import Screen, write_json

if TYPE_CHECKING:
    from notebook_executor.schedule.claims import Claim
    from notebook_executor.schedule.entry import Entry

_SHOWN = 10


@click.command("list", epilog="Exit code 2 when a file of entries has a mistake.")
@paths_argument
@root_option
@now_option
@json_option
def list_entries(
    paths: tuple[str, ...], root: str | None, now: str | None, as_json: bool
) -> ExitCode:
    """List entries: when they run next, and how it went last; with --json, a line each.

    PATHs are files of entries and folders of them [default: schedules].
    """
    project = Project.of(root)
    loaded = project.load(paths)
    paused, last = project.known()
    at = clock_of(now).now()
    rows = []
    for entry in loaded.entries:
        due = _next(entry, at, paused)
        if as_json:
            write_json(sys.stdout, _as_json(entry, due, paused, last.get(entry.name)))
        else:
            rows.append(_row(entry, due, paused, last.get(entry.name)))
    if rows:
        columns = ["entry", "schedule", "zone", "next", "last", "notebook"]
        Screen(sys.stdout).table(columns, rows)
    elif not as_json:
        Screen(sys.stderr).line("There are no entries.")
    return ExitCode.USAGE if loaded.problems else ExitCode.SUCCESS


@click.command("next", epilog="Exit code 2 when a file of entries has a mistake.")
@paths_argument
@click.option("--entry", "names", metavar="NAME", multiple=True, help="Only this one; repeatable.")
@click.option(
    "--count", "-n", type=click.IntRange(min=1), default=_SHOWN, show_default=True, help="So many."
)
@root_option
@now_option
@json_option
def next_times(
    paths: tuple[str, ...],
    names: tuple[str, ...],
    count: int,
    root: str | None,
    now: str | None,
    as_json: bool,
) -> ExitCode:
    """Show the next due times of entries that are not suspended or paused; --json, a line each.

    PATHs are files of entries and folders of them [default: schedules].
    """
    project = Project.of(root)
    loaded = project.load(paths)
    paused, _ = project.known()
    entries = [loaded.entry(name) for name in dict.fromkeys(names)] or loaded.entries
    awake = [entry for entry in entries if not (entry.suspend or entry.name in paused)]
    at = clock_of(now).now()
    merged = heapq.merge(*(_times(entry, at) for entry in awake), key=lambda pair: pair[0])
    shown = list(itertools.islice(merged, count))
    if as_json:
        for due, entry in shown:
            write_json(sys.stdout, {"at": due, "local": entry.local(due), "entry": entry.name})
    elif shown:
        rows = [[_local(entry, due), entry.name] for due, entry in shown]
        Screen(sys.stdout).table(["due", "entry"], rows)
    else:
        Screen(sys.stderr).line("Nothing will be due.")
    return ExitCode.USAGE if loaded.problems else ExitCode.SUCCESS


def _times(entry: Entry, after: datetime) -> Iterator[tuple[datetime, Entry]]:
    return ((at, entry) for at in entry.expression.after(after))


def _next(entry: Entry, after: datetime, paused: dict[str, str]) -> datetime | None:
    from notebook_executor.schedule.due import next_time

    return None if entry.suspend or entry.name in paused else next_time(entry, after)


def _row(
    entry: Entry, due: datetime | None, paused: dict[str, str], last: Claim | None
) -> list[str]:
    if entry.suspend:
        when = "suspended"
    elif entry.name in paused:
        when = f"paused: {paused[entry.name]}" if paused[entry.name] else "paused"
    else:
        when = "never" if due is None else _local(entry, due)
    how = "" if last is None else f"{last.state}, {_local(entry, last.scheduled_at)}"
    return [entry.name, entry.schedule, entry.timezone, when, how, entry.path]


def _local(entry: Entry, at: datetime) -> str:
    local = entry.local(at)
    shown = f"{local:%Y-%m-%d %H:%M:%S}" if local.second else f"{local:%Y-%m-%d %H:%M}"
    return f"{shown} {local.tzname()}"


def _as_json(
    entry: Entry, due: datetime | None, paused: dict[str, str], last: Claim | None
) -> dict[str, object]:
    return {
        "name": entry.name,
        "schedule": entry.schedule,
        "timezone": entry.timezone,
        "path": entry.path,
        "next": due,
        "suspended": entry.suspend,
        "paused": paused.get(entry.name),  # the reason, or null
        "last": last,
    }
