"""``nbx strip``: take outputs, counts and volatile metadata out of notebooks."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from notebook_executor.cli.exits import ExitCode
from notebook_executor.cli.options import json_option, refuse_together
from notebook_executor.cli.project import absolute, open_executor, shown_path
from notebook_executor.cli.strip_outcome import heaviest, tell_outcome

_STDIN = "-"


@click.command(
    epilog="Exit code 5 when --check finds something to strip, 2 when a file is not a notebook, "
    "6 when --check finds that no notebook is to be stripped."
)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option(
    "--check",
    is_flag=True,
    help="Only tell which notebooks are not stripped; without PATH, those that git tracks.",
)
@click.option(
    "--filter", "one", metavar="NAME", help="As git's clean filter, for a file so called."
)
@click.option(
    "--filter-process", "many", is_flag=True, help="The same, for all files of a command."
)
@json_option
def strip(
    paths: tuple[str, ...], *, check: bool, one: str | None, many: bool, as_json: bool
) -> ExitCode:
    """Strip notebooks and those below folders in place; without PATH, standard input to output.

    Cell ids stay, and so does what lies in a folder "runs" of the project. PATH "-" is standard
    input, too. With --json, a line for each notebook.
    """
    refuse_together(check=check, filter=one is not None, filter_process=many)
    if one is not None or many:
        return _filter(paths, one)
    if paths == (_STDIN,) or not (paths or check):
        from notebook_executor.cli.strip_filter import strip_stdin

        return strip_stdin(check=check)
    if not paths:
        from notebook_executor.cli.strip_check import check_tracked

        return check_tracked(as_json)
    return _strip_files(paths, check=check, as_json=as_json)


def _filter(paths: tuple[str, ...], name: str | None) -> ExitCode:
    from notebook_executor.cli.strip_filter import clean_for_git, clean_stdin

    if paths:
        raise click.UsageError("A filter of git's is given no paths.")
    return clean_for_git() if name is None else clean_stdin(name)


def _strip_files(paths: tuple[str, ...], *, check: bool, as_json: bool) -> ExitCode:
    from notebook_executor.documents.stripping import notebooks_to_strip, strip_file

    given = [Path(absolute(path)) for path in paths]
    return heaviest(
        tell_outcome(
            str(notebook),
            partial(strip_file, notebook, check=check),
            shown=shown_path(str(notebook)),
            check=check,
            as_json=as_json,
        )
        for notebook in notebooks_to_strip(given, open_executor(None).root)
    )
