"""``nbx reap``: finish what killed runs have left behind."""

from __future__ import annotations

import sys

import click

from notebook_executor.cli.exits import ExitCode
from notebook_executor.cli.options import json_option
from notebook_executor.cli.screen import Screen, write_json
from notebook_executor.lifecycle.directories import bases
from notebook_executor.lifecycle.reaper import Leftover
from notebook_executor.lifecycle.reaper import reap as reap_leftovers


@click.command(epilog="Exit code 3 when a process or a file could not be removed.")
@click.option("--dry-run", is_flag=True, help="Tell what would be done, and do nothing.")
@json_option
def reap(dry_run: bool, as_json: bool) -> ExitCode:
    """End processes and remove files that killed runs of yours left; with --json, a line each.

    Living runs, and those of others, are not touched.
    """
    leftovers = reap_leftovers(bases(), dry_run=dry_run)
    for leftover in leftovers:
        if as_json:
            write_json(sys.stdout, fields_of(leftover, dry_run=dry_run))
        else:
            Screen(sys.stdout).line(sentence_of(leftover, dry_run=dry_run))
    if not leftovers:
        Screen(sys.stderr).line("Nothing is left over.")
    failed = any(leftover.processes_left or leftover.files_left for leftover in leftovers)
    return ExitCode.KERNEL if failed else ExitCode.SUCCESS


def fields_of(leftover: Leftover, *, dry_run: bool) -> dict[str, object]:
    return {
        "directory": leftover.directory,
        "run_id": leftover.record.get("run_id"),
        "notebook": leftover.record.get("notebook"),
        "dry_run": dry_run,
        "processes": leftover.processes,
        "processes_left": leftover.processes_left,
        "files_left": leftover.files_left,
    }


def sentence_of(leftover: Leftover, *, dry_run: bool) -> str:
    run = leftover.record.get("run_id")
    what = str(leftover.directory) + (f" of run {run}" if isinstance(run, str) else "")
    pids = ", ".join(map(str, leftover.processes))
    processes = f"process{'es' * (len(leftover.processes) > 1)} {pids}"
    if dry_run:
        return f"would remove {what}" + (f" and end {processes}" if pids else "")
    done = what + (f", ended {processes}" if pids else "")
    if not leftover.processes_left and not leftover.files_left:
        return f"removed {done}"
    left = f"{leftover.processes_left} processes, {leftover.files_left} files"
    return f"could not remove all of {done}; still there: {left}"
