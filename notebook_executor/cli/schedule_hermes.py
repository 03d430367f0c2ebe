"""``nbx schedule hermes``: entries as jobs of the Hermes agent's cron."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from notebook_executor.cli.exits import ExitCode
from notebook_executor.cli.options import json_option, root_option
from notebook_executor.cli.project import absolute, shown_path
from notebook_executor.cli.schedule_options import Project, paths_argument, stopping
from notebook_executor.cli.screen import Screen, write_json
from notebook_executor.errors import UsageError

if TYPE_CHECKING:
    from notebook_executor.schedule.entry import Entry
    from notebook_executor.schedule.happening import Happening
    from notebook_executor.schedule.hermes import HermesJob

_REPORT = 4000  # characters
zone_option = click.option(
    "--timezone",
    "zone",
    metavar="ZONE",
    help="The zone of the agent's clock [default: $HERMES_TIMEZONE, else the machine's].",
)
entry_option = click.option(
    "--entry", "names", metavar="NAME", multiple=True, help="Only this one; repeatable."
)


@click.group()
def hermes() -> None:
    """Have the Hermes agent's cron run entries, as scripts without a model."""


@hermes.command("list", epilog="Exit code 2 when an entry has a mistake, or cannot be a job.")
@paths_argument
@entry_option
@zone_option
@root_option
@json_option
def list_jobs(
    paths: tuple[str, ...],
    names: tuple[str, ...],
    zone: str | None,
    root: str | None,
    as_json: bool,
) -> ExitCode:
    """List entries as the agent's jobs; with --json, a line each, as the agent keeps them."""
    project = Project.of(root)
    jobs, complete = _jobs(project, paths, names, zone)
    if as_json:
        for job in jobs:
            write_json(sys.stdout, job)
    elif jobs:
        rows = [
            [job.id, job.name, job.schedule_display, job.next_run_at or "never", job.script]
            for job in jobs
        ]
        Screen(sys.stdout).table(["job", "entry", "schedule", "next", "script"], rows)
    return ExitCode.SUCCESS if complete else ExitCode.USAGE


@hermes.command(epilog="Exit code 2 when an entry has a mistake, or cannot be a job.")
@paths_argument
@entry_option
@zone_option
@click.option(
    "--home", metavar="DIR", help="The agent's home [default: $HERMES_HOME, else ~/.hermes]."
)
@root_option
def install(
    paths: tuple[str, ...],
    names: tuple[str, ...],
    zone: str | None,
    home: str | None,
    root: str | None,
) -> ExitCode:
    """Write the scripts of entries below the agent's home, and print what creates its jobs."""
    from notebook_executor.schedule.hermes import create_command, install_script

    project = Project.of(root)
    jobs, complete = _jobs(project, paths, names, zone)
    place = Path(absolute(home)) if home else _home()
    for job in jobs:
        given = [Path(absolute(path)) for path in paths]
        script = install_script(job.name, project.root, place, given)
        Screen(sys.stderr).line(f"script  {shown_path(str(script))}")
    for job in jobs:
        Screen(sys.stdout).line(create_command(job))
    return ExitCode.SUCCESS if complete else ExitCode.USAGE


@hermes.command(epilog="Exit code 1 when the run failed.")
@click.argument("name")
@paths_argument
@root_option
def run(name: str, paths: tuple[str, ...], root: str | None) -> ExitCode:
    """Run the entry NAME as the agent's scripts do: silently, unless there is something to tell.

    What is printed is delivered: of a run that failed an account of at most 4,000 characters, of
    one that succeeded the alert that it raises.
    """
    from notebook_executor.schedule.clock import Clock
    from notebook_executor.schedule.places import open_state
    from notebook_executor.schedule.serving import run_by_hand

    project = Project.of(root)
    entry = project.load(paths).entry(name)
    telling = _Telling(entry)
    with (
        open_state(project.root, project.settings) as state,
        stopping() as stop,
        project.scheduler(state, Clock(), None, telling) as scheduler,
    ):
        blocking = run_by_hand(scheduler, entry, stop)
    if blocking:
        # The agent would alert; that the run before still goes on is what was asked for.
        Screen(sys.stderr).line(f"{name} is running already: {blocking[0].run_id or 'soon'}")
        return ExitCode.SUCCESS
    if stop.signal is not None:
        return ExitCode.TERMINATED
    return ExitCode.NOTEBOOK_FAILED if telling.failed else ExitCode.SUCCESS


class _Telling:
    """Prints what the agent is to deliver."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self._alert = ""
        self.failed = False

    def __call__(self, happening: Happening) -> None:
        if happening.kind == "problem":
            Screen(sys.stderr).line(happening.message)
        elif happening.kind == "alert":
            self._alert = happening.message
        elif happening.kind == "finished" and (happening.failed or self._alert):
            self.failed = happening.failed
            how = "failed" if self.failed else f"raises an alert: {self._alert}"
            head = f"{self._entry.name} {how}"
            result, claim = happening.result, happening.claim
            told = claim.message if claim is not None else ""
            if result is not None:
                told = result.for_llm(_REPORT - len(head) - 1)
            Screen(sys.stdout).line(f"{head}\n{told}")


def _home() -> Path:
    return Path(os.environ.get("HERMES_HOME") or Path("~/.hermes").expanduser())


def _jobs(
    project: Project, paths: tuple[str, ...], names: tuple[str, ...], zone: str | None
) -> tuple[list[HermesJob], bool]:
    """The entries as jobs, and whether none of them was left out; why is told."""
    from notebook_executor.schedule.clock import Clock
    from notebook_executor.schedule.hermes import hermes_job

    loaded = project.load(paths)
    paused, last = project.known()
    entries = [loaded.entry(name) for name in dict.fromkeys(names)] or loaded.entries
    now, jobs = Clock().now(), []
    for entry in entries:
        try:
            job = hermes_job(
                entry,
                project.root,
                now,
                zone=zone,
                paused=paused.get(entry.name),
                last=last.get(entry.name),
            )
        except UsageError as error:
            Screen(sys.stderr).line(f"{error.message}\nhint: {error.hint}", "bad")
        else:
            jobs.append(job)
    return jobs, len(jobs) == len(entries) and not loaded.problems
