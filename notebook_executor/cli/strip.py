"""``nbx strip``: take outputs, counts and volatile metadata out of notebooks."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from notebook_executor.cli.exits import ExitCode
from notebook_executor.cli.options import json_option
from notebook_executor.cli.project import absolute, open_executor, shown_path
from notebook_executor.cli.screen import Screen, write_bytes, write_json
from notebook_executor.errors import DocumentError, UsageError


@click.command(
    epilog="Exit code 5 when --check finds something to strip, 2 when a file is not a notebook."
)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option("--check", is_flag=True, help="Only tell which notebooks are not stripped.")
@json_option
def strip(paths: tuple[str, ...], check: bool, as_json: bool) -> ExitCode:
    """Strip notebooks and those below folders in place; without PATH, standard input to output.

    Cell ids stay, and so does what lies in a folder "runs" of the project. With --json, a line
    for each notebook.
    """
    if not paths:
        return _filter(check)
    from notebook_executor.documents.stripping import notebooks_to_strip

    given = [Path(absolute(path)) for path in paths]
    codes = {ExitCode.SUCCESS}
    for notebook in notebooks_to_strip(given, open_executor(None).root):
        codes.add(_strip(notebook, check, as_json))
    # A file that cannot be read weighs more than one that is not stripped.
    return ExitCode.USAGE if ExitCode.USAGE in codes else max(codes)


def _filter(check: bool) -> ExitCode:
    from notebook_executor.documents.stripping import strip_data

    if sys.stdin.isatty():
        raise UsageError("There is nothing to strip", hint="Name notebooks or folders.")
    data = sys.stdin.buffer.read()
    stripped = strip_data(data, "standard input")
    if check:
        return ExitCode.DIFFERS if stripped != data else ExitCode.SUCCESS
    write_bytes(sys.stdout, stripped)
    return ExitCode.SUCCESS


def _strip(notebook: Path, check: bool, as_json: bool) -> ExitCode:
    from notebook_executor.documents.stripping import strip_file

    problem = ""
    changed = False
    try:
        changed = strip_file(notebook, check=check)
    except DocumentError as error:
        problem = str(error)
    if as_json:
        told = {"path": str(notebook), "changed": changed, "error": problem or None}
        write_json(sys.stdout, told)
    elif problem:
        Screen(sys.stderr).line(f"error: {problem}", "bad")
    elif changed:
        Screen(sys.stdout).line(
            f"{'not stripped' if check else 'stripped'}: {shown_path(str(notebook))}"
        )
    if problem:
        return ExitCode.USAGE
    return ExitCode.DIFFERS if check and changed else ExitCode.SUCCESS
