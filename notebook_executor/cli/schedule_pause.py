"""``nbx schedule pause`` and ``resume``: an entry that is not to run for a while."""

from __future__ import annotations

import sys
from functools import partial

import click

from notebook_executor.cli.options import json_option, root_option
from notebook_executor.cli.schedule_options import Project, paths_argument
from notebook_executor.cli.screen import Screen, write_json


@click.command()
@click.argument("name")
@paths_argument
@click.option("--reason", metavar="TEXT", default="", help="Shown by nbx schedule list.")
@root_option
@json_option
def pause(name: str, paths: tuple[str, ...], reason: str, root: str | None, as_json: bool) -> None:
    """Have the entry NAME not run by itself until it is resumed; what runs goes on.

    For good, and in git, say suspend: true in the entry.
    """
    _set(name, paths, root, as_json=as_json, paused=True, reason=reason)


@click.command()
@click.argument("name")
@paths_argument
@root_option
@json_option
def resume(name: str, paths: tuple[str, ...], root: str | None, as_json: bool) -> None:
    """Have the entry NAME run again; what was due meanwhile is not caught up with."""
    _set(name, paths, root, as_json=as_json, paused=False)


def _set(
    name: str,
    paths: tuple[str, ...],
    root: str | None,
    *,
    as_json: bool,
    paused: bool,
    reason: str = "",
) -> None:
    from notebook_executor.schedule.clock import Clock
    from notebook_executor.schedule.loading import load_entries
    from notebook_executor.schedule.places import open_state

    project = Project.of(root)
    entry = load_entries(project.paths(paths)).entry(name)
    now = Clock().now()
    with open_state(project.root, project.settings) as state:
        change = partial(state.pause, reason=reason) if paused else state.resume
        changed = change(entry.name, now)
    if as_json:
        write_json(sys.stdout, {"entry": name, "paused": paused, "changed": changed})
    else:
        how = "paused" if paused else "running"
        Screen(sys.stdout).line(f"{name} is {how}" if changed else f"{name} was {how} already")
