"""``nbx validate``: is a file a valid notebook, and where is it not."""

from __future__ import annotations

import sys

import click

from notebook_executor.cli.exits import ExitCode
from notebook_executor.cli.options import json_option
from notebook_executor.cli.project import absolute, open_executor
from notebook_executor.cli.screen import Screen, write_json


@click.command(epilog="Exit code 2 when one of them is not valid.")
@click.argument("notebooks", metavar="NOTEBOOK...", nargs=-1, required=True)
@json_option
def validate(notebooks: tuple[str, ...], as_json: bool) -> ExitCode:
    """Check notebook files against the notebook format; with --json, a line each."""
    executor = open_executor(None)
    valid = True
    for notebook in notebooks:
        report = executor.validate(absolute(notebook))
        valid = valid and report.valid
        if as_json:
            write_json(sys.stdout, report)
        else:
            Screen(sys.stdout).line(str(report))
    return ExitCode.SUCCESS if valid else ExitCode.USAGE
