"""``nbx show``: the cells of a notebook, with what an edit of them needs."""

from __future__ import annotations

import sys

import click

from notebook_executor.cli.options import (
    BriefCommand,
    json_option,
    llm_option,
    notebook_argument,
    refuse_together,
)
from notebook_executor.cli.project import absolute, open_executor
from notebook_executor.cli.screen import Screen, write, write_bytes, write_json


@click.command(cls=BriefCommand)
@notebook_argument
@click.argument("cells", metavar="[CELL]...", nargs=-1)
@json_option
@llm_option
@click.option("--textconv", is_flag=True, help="All of it as git diff is to compare it.")
def show(
    notebook: str, cells: tuple[str, ...], *, as_json: bool, llm: int | None, textconv: bool
) -> None:
    """Show a notebook's cells, or those named by id, tag:TAG or index.

    The first line of a cell: [index] id type hash #tags. With --json, a line for each cell.
    """
    refuse_together(json=as_json, llm=llm, textconv=textconv)
    if textconv:
        _convert(notebook, cells)
        return
    from notebook_executor.documents.outline import chosen, outline_text

    shown = chosen(open_executor(None).outline(absolute(notebook)), cells)
    if as_json:
        for cell in shown:
            write_json(sys.stdout, cell)
    elif llm is not None:
        write(sys.stdout, outline_text(shown, llm - 1) + "\n")
    else:
        Screen(sys.stdout).line(outline_text(shown))


def _convert(notebook: str, cells: tuple[str, ...]) -> None:
    from notebook_executor.documents.reading import read_file
    from notebook_executor.documents.textconv import as_text

    if cells:
        raise click.UsageError("--textconv shows all cells.")
    write_bytes(sys.stdout, as_text(read_file(absolute(notebook)), notebook))
