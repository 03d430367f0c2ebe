"""``nbx hub``: the Jupyter servers of all projects on this machine."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from notebook_executor.cli.exits import ExitCode
from notebook_executor.cli.options import json_option
from notebook_executor.cli.screen import Screen, write_json

if TYPE_CHECKING:
    from notebook_executor.lifecycle.project.hub import Machine

_project_argument = click.argument("project", required=False)


@click.group(
    epilog="A PROJECT is named by a folder of it (what has a slash, or .), or by its name."
)
def hub() -> None:
    """Look after the Jupyter servers of all projects on this machine."""


@hub.command("list")
@json_option
def list_projects(as_json: bool) -> None:
    """List projects and their servers; with --json, a line for each."""
    from notebook_executor.cli.hub_shown import project_fields, server_fields, show_projects

    machine = _survey()
    if not as_json:
        show_projects(Screen(sys.stdout), machine)
        return
    for project in machine.projects:
        write_json(sys.stdout, project_fields(project))
    for view in machine.strangers:
        write_json(sys.stdout, {"root": None, "servers": [server_fields(view)]})


@hub.command()
@json_option
def status(as_json: bool) -> None:
    """Show projects, who holds which of their ports, and what is left over; --json: one object."""
    from notebook_executor.cli.hub_shown import machine_fields, show_machine

    machine = _survey()
    if as_json:
        write_json(sys.stdout, machine_fields(machine))
    else:
        show_machine(Screen(sys.stdout), Screen(sys.stderr), machine)


@hub.command(epilog="Exit code 3 when a process would not go. What a service runs is left to it.")
@click.argument("project", metavar="PROJECT|:PORT")
@json_option
def stop(project: str, as_json: bool) -> ExitCode:
    """Stop the server of a project, or the one at a port: SIGTERM, ten seconds, SIGKILL."""
    from notebook_executor.cli.hub_shown import stopped_sentence
    from notebook_executor.lifecycle.project.hub_actions import find_target
    from notebook_executor.lifecycle.project.hub_actions import stop as stop_target

    stopped = stop_target(find_target(_survey(project), project))
    for server in stopped:
        if as_json:
            write_json(sys.stdout, asdict(server))
        else:
            Screen(sys.stdout).line(stopped_sentence(server))
    if not stopped:
        Screen(sys.stderr).line("No server of it runs.")
    return ExitCode.KERNEL if any(server.processes_left for server in stopped) else ExitCode.SUCCESS


@hub.command(epilog="Exit code 3 when a process or a file could not be removed.")
@_project_argument
@click.option("--dry-run", is_flag=True, help="Tell what would be done, and do nothing.")
@json_option
def reap(project: str | None, dry_run: bool, as_json: bool) -> ExitCode:
    """End kernels of projects, or of one, whose server is gone; with --json, a line each."""
    from notebook_executor.cli.hub_shown import orphan_fields, orphan_sentence
    from notebook_executor.cli.reap import fields_of, sentence_of
    from notebook_executor.lifecycle.project.hub_actions import (
        find_project,
        reap_leftovers,
        reap_orphans,
    )

    machine = _survey(project)
    projects = machine.projects if project is None else (find_project(machine, project),)
    orphans = reap_orphans(projects, dry_run=dry_run)
    leftovers = reap_leftovers(projects, dry_run=dry_run)
    screen = Screen(sys.stdout)
    for reaped in orphans:
        if as_json:
            write_json(sys.stdout, orphan_fields(reaped, dry_run=dry_run))
        else:
            screen.line(orphan_sentence(reaped, dry_run=dry_run))
    for leftover in leftovers:
        if as_json:
            write_json(sys.stdout, fields_of(leftover, dry_run=dry_run))
        else:
            screen.line(sentence_of(leftover, dry_run=dry_run))
    if not orphans and not leftovers:
        Screen(sys.stderr).line("Nothing is left over.")
    left = any(reaped.processes_left for reaped in orphans) and not dry_run
    failed = left or any(one.processes_left or one.files_left for one in leftovers)
    return ExitCode.KERNEL if failed else ExitCode.SUCCESS


def _survey(project: str | None = None) -> Machine:
    """Look; a folder that is named is looked at even if nobody has noted it."""
    from notebook_executor.lifecycle.project.hub import survey

    is_folder = project is not None and ("/" in project or project in (".", ".."))
    machine = survey([Path(os.path.realpath(project or ""))] if is_folder else [])
    for folder in machine.forgotten:
        Screen(sys.stderr).line(f"forgotten: {folder}, which is gone")
    return machine
