"""``nbx schedule serve``: run what is due, when it is, for good."""

from __future__ import annotations

import click

from notebook_executor.cli.exits import ExitCode
from notebook_executor.cli.options import Seconds, json_option, root_option
from notebook_executor.cli.schedule_options import (
    Project,
    Reporter,
    at_once_option,
    paths_argument,
    stopping,
)

_GRACE = 30.0


@click.command()
@paths_argument
@root_option
@at_once_option
@click.option(
    "--grace",
    type=Seconds(min=0),
    default=_GRACE,
    show_default=True,
    help="Seconds that running notebooks have when this is to stop.",
)
@click.option("--clock", metavar="START,SPEED[,SINCE]", hidden=True, help="A simulated clock.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing of what succeeds.")
@json_option
def serve(
    paths: tuple[str, ...],
    root: str | None,
    jobs: int | None,
    grace: float,
    clock: str | None,
    quiet: bool,
    as_json: bool,
) -> ExitCode:
    """Run notebooks when they are due, until SIGTERM or Ctrl-C; with --json, a line a step.

    PATHs are files of entries and folders of them [default: schedules], read again when they
    change. Asked to stop, it begins nothing more, and waits for what runs; asked again, or when the
    grace is over, it cancels that, and what it had done by then is saved.
    """
    from notebook_executor.schedule.clock import Clock
    from notebook_executor.schedule.entry_files import EntryFiles
    from notebook_executor.schedule.places import open_state
    from notebook_executor.schedule.serving import serve as run_server
    from notebook_executor.schedule.systemd import ServiceManager

    manager = ServiceManager()
    project = Project.of(root)
    reporter = Reporter(as_json=as_json, quiet=quiet)
    time = Clock.parse(clock) if clock else Clock()
    files = EntryFiles(project.paths(paths), reporter.complain)
    with (
        open_state(project.root, project.settings) as state,
        stopping() as stop,
        project.scheduler(state, time, jobs, reporter) as scheduler,
    ):
        run_server(scheduler, files, time, stop, manager, grace)
    return ExitCode.SUCCESS
