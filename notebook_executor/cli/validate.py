"""``nbx validate``: is a file a valid notebook, and where is it not."""

from __future__ import annotations

import sys

import click

from notebook_executor.cli.exits import ExitCode
from notebook_executor.cli.options import json_option
from notebook_executor.cli.project import absolute, open_executor
from notebook_executor.cli.screen import Screen, write_json


@click.command(epilog="Exit code 2 when one of them is not valid; warnings do not count.")
@click.argument("notebooks", metavar="NOTEBOOK...", nargs=-1, required=True)
@click.option("--fix", is_flag=True, help="Put right in the files what can be without guessing.")
@click.option("--upgrade", is_flag=True, help="Rewrite older formats as nbformat 4.5, and --fix.")
@json_option
def validate(notebooks: tuple[str, ...], fix: bool, upgrade: bool, as_json: bool) -> ExitCode:
    """Check notebook files: format, code, parameters, secrets; with --json, a line each."""
    executor = open_executor(None)
    valid = True
    for notebook in notebooks:
        report = executor.validate(absolute(notebook), fix=fix, upgrade=upgrade)
        valid = valid and report.valid
        if as_json:
            write_json(sys.stdout, report)
        else:
            Screen(sys.stdout).line(str(report))
    return ExitCode.SUCCESS if valid else ExitCode.USAGE
