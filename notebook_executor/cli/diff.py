"""``nbx diff``: what changed from one notebook to another."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from notebook_executor.cli.exits import ExitCode
from notebook_executor.cli.options import (
    BriefCommand,
    json_option,
    llm_option,
    refuse_together,
)
from notebook_executor.cli.project import absolute, open_executor
from notebook_executor.cli.screen import Screen, Style, write_json

if TYPE_CHECKING:
    from notebook_executor.documents.difference import NotebookDiff
    from notebook_executor.documents.difference_text import Kind

_STYLES: dict[Kind, Style] = {
    "title": "strong",
    "cell": "strong",
    "removed": "bad",
    "added": "good",
    "place": "faint",
    "name": "faint",
}


@click.command(cls=BriefCommand, epilog="Exit code 5 when they differ.")
@click.argument("a")
@click.argument("b")
@json_option
@llm_option
@click.option("--markdown", is_flag=True, help="Print Markdown, for a pull request.")
@click.option("--html", metavar="FILE", help="Write a page that shows both side by side.")
@click.option("--noise", is_flag=True, help="Ids, execution counts, times and the like do count.")
@click.option("--lossless", is_flag=True, help="Every byte counts; its JSON is an exact patch.")
def diff(
    a: str,
    b: str,
    *,
    as_json: bool,
    llm: int | None,
    markdown: bool,
    html: str | None,
    noise: bool,
    lossless: bool,
) -> ExitCode:
    """Compare two notebooks, apart from what differs between any two runs.

    The JSON can be applied to A: nbx merge --patch.
    """
    refuse_together(json=as_json, llm=llm, markdown=markdown)
    found = open_executor(None).diff_notebooks(
        absolute(a), absolute(b), noise=noise, lossless=lossless
    )
    if html is not None:
        _write_page(found, absolute(html))
    if as_json:
        write_json(sys.stdout, found)
    elif markdown:
        Screen(sys.stdout).line(found.to_markdown().rstrip("\n"))
    elif llm is not None:
        Screen(sys.stdout).line(found.for_llm(llm))
    else:
        _show(Screen(sys.stdout), found)
    return ExitCode.SUCCESS if found.identical else ExitCode.DIFFERS


def _write_page(found: NotebookDiff, path: str) -> None:
    from notebook_executor.documents.writing import write_bytes

    write_bytes(found.to_html().encode(), path)


def _show(screen: Screen, found: NotebookDiff) -> None:
    from notebook_executor.documents.difference_text import lines

    for line in lines(found):
        screen.line(line.text, _STYLES.get(line.kind))
