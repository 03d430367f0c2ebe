"""``nbx schedule tick``: run what is due, once."""

from __future__ import annotations

import click

from notebook_executor.cli.exits import ExitCode
from notebook_executor.cli.options import json_option, root_option
from notebook_executor.cli.schedule_options import (
    Project,
    Reporter,
    at_once_option,
    clock_of,
    exit_code,
    now_option,
    paths_argument,
    stopping,
)


@click.command(
    epilog="Exit code 1 when a run failed or was cut off, 2 when a file of entries has a mistake."
)
@paths_argument
@root_option
@at_once_option
@now_option
@click.option("--quiet", "-q", is_flag=True, help="Print nothing of what succeeds.")
@json_option
def tick(
    paths: tuple[str, ...],
    root: str | None,
    jobs: int | None,
    now: str | None,
    quiet: bool,
    as_json: bool,
) -> ExitCode:
    """Run the notebooks that are due, and wait for them; with --json, a line for each step.

    For cron, a systemd timer, or an agent's own scheduler to call, as often as every minute; ticks
    that overlap are safe. PATHs are files of entries and folders of them [default: schedules].
    """
    from notebook_executor.schedule.entry_files import EntryFiles
    from notebook_executor.schedule.places import open_state
    from notebook_executor.schedule.serving import tick as run_tick

    project = Project.of(root)
    clock, reporter = clock_of(now), Reporter(as_json=as_json, quiet=quiet)
    files = EntryFiles(project.paths(paths), reporter.complain)
    entries = files.changed() or []
    with (
        open_state(project.root, project.settings) as state,
        stopping() as stop,
        project.scheduler(state, clock, jobs, reporter) as scheduler,
    ):
        run_tick(scheduler, entries, clock, stop)
    code = exit_code(stop, reporter)
    return ExitCode.USAGE if reporter.mistakes and code == ExitCode.SUCCESS else code
