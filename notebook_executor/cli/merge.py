"""``nbx merge``: two versions of a notebook brought together, or a recorded change applied."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from notebook_executor.cli.exits import ExitCode
from notebook_executor.cli.options import BriefCommand, json_option, llm_option, refuse_together
from notebook_executor.cli.project import absolute, open_executor
from notebook_executor.cli.screen import Screen, write_json

if TYPE_CHECKING:
    from notebook_executor.documents.merge_report import NotebookMerge
    from notebook_executor.documents.patching import PatchReport


# git's own, in a merge of two branches. Where histories have crossed, it first makes one base of
# several, and asks for longer markers in it.
_MARKER_SIZE = 7


@click.command(
    cls=BriefCommand,
    epilog="Exit code 5 when there are conflicts. nbx doctor --fix makes it git's merge driver.",
)
@click.argument("notebooks", metavar="BASE OURS THEIRS", nargs=-1, required=True)
@click.option("-o", "--output", metavar="FILE", help="Where the result goes, conflicts or not.")
@click.option(
    "--patch",
    metavar="DIFF NOTEBOOK",
    help="Apply the JSON of nbx diff to one notebook instead, in place or to -o.",
)
@click.option(
    "--git",
    "name",
    metavar="NAME",
    help="As git's merge driver, for a file so called: the result goes into OURS.",
)
@click.option(
    "--marker-size",
    metavar="N",
    type=int,
    default=_MARKER_SIZE,
    help="With --git, as git gives it: above 7, only a base is made, and nothing is told.",
)
@json_option
@llm_option
def merge(
    notebooks: tuple[str, ...],
    *,
    output: str | None,
    patch: str | None,
    name: str | None,
    marker_size: int,
    as_json: bool,
    llm: int | None,
) -> ExitCode:
    """Merge the changes from BASE to OURS and to THEIRS; without -o, only tell how it would go."""
    refuse_together(json=as_json, llm=llm, git=name)
    refuse_together(output=output, git=name)
    refuse_together(patch=patch, git=name)
    wanted = 3 if patch is None else 1
    if len(notebooks) != wanted:
        names = "BASE, OURS and THEIRS" if patch is None else "one notebook beside the difference"
        raise click.UsageError(f"{len(notebooks)} notebooks were named; it takes {names}.")
    paths = [absolute(notebook) for notebook in notebooks]
    if name is not None:
        from notebook_executor.cli.merge_driver import merge_for_git

        return merge_for_git(name, *paths, tell=marker_size <= _MARKER_SIZE)
    target = None if output is None else absolute(output)
    executor = open_executor(None)
    if patch is not None:
        _show(executor.patch(paths[0], absolute(patch), target), as_json, llm)
        return ExitCode.SUCCESS
    base, ours, theirs = paths
    found = executor.merge(base, ours, theirs, target)
    _show(found, as_json, llm)
    return ExitCode.SUCCESS if found.clean else ExitCode.DIFFERS


def _show(found: NotebookMerge | PatchReport, as_json: bool, llm: int | None) -> None:
    if as_json:
        write_json(sys.stdout, found)
    else:
        Screen(sys.stdout).line(str(found) if llm is None else found.for_llm(llm))
