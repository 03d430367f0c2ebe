"""``nbx review``: what a change does to the project's notebooks."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from notebook_executor.cli.exits import ExitCode, of_review
from notebook_executor.cli.options import (
    BriefCommand,
    Seconds,
    json_option,
    llm_option,
    read_limits,
    refuse_together,
    root_option,
)
from notebook_executor.cli.project import absolute, open_executor
from notebook_executor.cli.screen import Screen, Style, is_terminal, write_bytes, write_json

if TYPE_CHECKING:
    from notebook_executor.review.models import NotebookReview, Review
    from notebook_executor.review.report_text import Kind

_PIPE = "-"
_STYLES: dict[Kind, Style] = {
    "notebook": "strong",
    "good": "good",
    "bad": "bad",
    "removed": "bad",
    "added": "good",
    "faint": "faint",
}


class ReviewCommand(BriefCommand):
    """A command whose paths come after ``--``, as git has it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        left = super().parse_args(ctx, args[:end])
        ctx.params["paths"] = tuple(args[end + 1 :])
        return left


@click.command(
    cls=ReviewCommand,
    options_metavar="[OPTIONS]",
    epilog="Exit codes: 0 all matches its reference, or was accepted; 1 a step failed; 5 an output "
    "differs; 6 there was nothing to compare; 2 usage; with --read always 0. Paths come last: "
    "-- PATH...",
)
@click.argument("base", default="main")
@click.argument("head", required=False)
@click.option("--index", "--cached", is_flag=True, help="Review what the next commit would have.")
@click.option("--rerun-base", is_flag=True, help="Also run what the base has.")
@click.option("--accept", is_flag=True, help="Write what they put out as the new references.")
@click.option("--execution-timeout", type=Seconds(min=0), help="Seconds a cell may take [300].")
@click.option("--run-timeout", type=Seconds(min=0), help="Seconds a run may take [no limit].")
@click.option("--limit", metavar="NAME=VALUE", multiple=True, help="As nbx run has it.")
@click.option(
    "--jobs",
    "-j",
    type=click.IntRange(min=1),
    help="Review so many notebooks at a time [default: as many as there are cores].",
)
@click.option("--markdown", metavar="FILE", help="Write Markdown, for a pull request's comment.")
@click.option("--html", metavar="FILE", help="Write a page that shows it all.")
@click.option(
    "--annotations",
    type=click.Choice(["github", "none"]),
    default="none",
    help="Also tell CI: annotations of the changed files' lines, and the step's summary.",
)
@click.option(
    "--comment",
    metavar="NUMBER",
    type=click.IntRange(min=1),
    help="Also write it into that pull request's comment, which each review renews.",
)
@click.option("--read", metavar="FILE", help="Make no review: tell of the one whose JSON this is.")
@json_option
@llm_option
@root_option
def review(
    base: str,
    head: str | None,
    paths: tuple[str, ...],
    as_json: bool,
    llm: int | None,
    markdown: str | None,
    html: str | None,
    annotations: str,
    comment: int | None,
    read: str | None,
    root: str | None,
    **options: Any,
) -> ExitCode:
    """Check, run and compare the notebooks that have changed since HEAD has left BASE.

    HEAD is a commit; without it, what lies in the working tree is reviewed. Nothing in it, in
    the index and in git's objects changes.
    """
    refuse_together(json=as_json, llm=llm)
    _refuse_crowd(as_json or llm, markdown == _PIPE, html == _PIPE)
    with open_executor(root) as executor:
        if read is None:
            places = tuple(map(absolute, paths))
            tell = _tell if is_terminal(sys.stderr) else None
            found = executor.review(
                base, head, paths=places, on_notebook=tell, **_arguments(**options)
            )
        else:
            found = _read(read, head, paths, options)
        if markdown is not None:
            _write(found.to_markdown(), markdown)
        if html is not None:
            _write(found.to_html(), html)
        with _for_ci(found, annotations, taken=as_json or _PIPE in (markdown, html)):
            if _PIPE not in (markdown, html):
                _show(found, as_json, llm)
        if comment is not None:
            _comment(found, comment, executor.root)
    return of_review(found) if read is None else ExitCode.SUCCESS


def _tell(one: NotebookReview) -> None:
    Screen(sys.stderr).line(f"{one.path}: {one.verdict.replace('_', ' ')}", "faint")


def _read(path: str, head: str | None, paths: tuple[str, ...], options: dict[str, Any]) -> Review:
    from notebook_executor.review.retelling import read_review

    if head or paths or any(options.values()):
        raise click.UsageError("With --read no review is made: HEAD, PATH and its flags are not.")
    return read_review(absolute(path))


def _comment(found: Review, number: int, root: Path) -> None:
    from notebook_executor.review.retelling import comment_on

    Screen(sys.stderr).line(f"comment: {comment_on(found, number, root)}")


def _for_ci(
    found: Review, annotations: str, *, taken: bool
) -> contextlib.AbstractContextManager[None]:
    """What is shown meanwhile is shown to CI, too, if it is to be told."""
    if annotations == "none":
        return contextlib.nullcontext()
    from notebook_executor.cli.review_annotating import annotating

    return annotating(found, taken=taken)


def _refuse_crowd(*wanting: object) -> None:
    if sum(map(bool, wanting)) > 1:
        raise click.UsageError("Only one can have standard output: --json, --llm, or a FILE -.")


def _arguments(
    *,
    execution_timeout: float | None,
    run_timeout: float | None,
    limit: tuple[str, ...],
    jobs: int | None,
    **same: bool,
) -> dict[str, Any]:
    """The arguments of ``NotebookExecutor.review`` that the flags mean."""
    return {
        "timeout": 300.0 if execution_timeout is None else execution_timeout or None,
        "run_timeout": run_timeout or None,
        "limits": read_limits(limit),
        "max_workers": jobs,
        **same,
    }


def _show(found: Review, as_json: bool, llm: int | None) -> None:
    if as_json:
        write_json(sys.stdout, found)
        return
    screen = Screen(sys.stdout)
    if llm is not None:
        screen.line(found.for_llm(llm))
        return
    from notebook_executor.review.report_text import lines

    for line in lines(found):
        screen.line(line.text, _STYLES.get(line.kind))


def _write(text: str, place: str) -> None:
    if place == _PIPE:
        write_bytes(sys.stdout, text.encode())
        return
    from notebook_executor.documents import writing

    writing.write_bytes(text.encode(), absolute(place))
