"""``nbx diff``: what changed from one notebook to another."""

from __future__ import annotations

import sys

import click

from notebook_executor.cli.exits import ExitCode
from notebook_executor.cli.options import json_option
from notebook_executor.cli.project import absolute, open_executor
from notebook_executor.cli.screen import Screen, write_json


@click.command(epilog="Exit code 5 when they differ.")
@click.argument("a")
@click.argument("b")
@json_option
def diff(a: str, b: str, as_json: bool) -> ExitCode:
    """Compare two notebooks; ids, execution counts and times do not count."""
    found = open_executor(None).diff_notebooks(absolute(a), absolute(b))
    if as_json:
        write_json(sys.stdout, found)
    else:
        Screen(sys.stdout).line(str(found))
    return ExitCode.SUCCESS if found.identical else ExitCode.DIFFERS
