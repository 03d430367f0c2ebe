"""``nbx schedule run``: run an entry now."""

from __future__ import annotations

import click

from notebook_executor.cli.exits import ExitCode
from notebook_executor.cli.options import json_option, root_option
from notebook_executor.cli.schedule_options import (
    Project,
    Reporter,
    exit_code,
    paths_argument,
    stopping,
)


@click.command(epilog="Exit code 1 when the run failed.")
@click.argument("name")
@paths_argument
@root_option
@json_option
def run(name: str, paths: tuple[str, ...], root: str | None, as_json: bool) -> ExitCode:
    """Run the entry NAME now, beside its due times and also while it is paused.

    Templates take now for the scheduled time. Retries, alerts, commits and notifications are those
    of the entry; with --json, a line for each step.
    """
    from notebook_executor.errors import UsageError
    from notebook_executor.schedule.clock import Clock
    from notebook_executor.schedule.loading import load_entries
    from notebook_executor.schedule.places import open_state
    from notebook_executor.schedule.serving import run_by_hand

    project = Project.of(root)
    reporter = Reporter(as_json=as_json, quiet=False)
    entry = load_entries(project.paths(paths)).entry(name)
    with (
        open_state(project.root, project.settings) as state,
        stopping() as stop,
        project.scheduler(state, Clock(), None, reporter) as scheduler,
    ):
        blocking = run_by_hand(scheduler, entry, stop)
    if blocking:
        raise UsageError(
            f"{name} is running already: {blocking[0].run_id or 'its run is about to begin'}",
            hint="Wait for it, or let the entry's concurrency_policy be allow or replace.",
        )
    return exit_code(stop, reporter)
