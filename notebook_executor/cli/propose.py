"""``nbx propose``: make edits of a notebook a pull request."""

from __future__ import annotations

import sys
from typing import Any

import click

from notebook_executor.cli.batches import read_batch
from notebook_executor.cli.exits import ExitCode
from notebook_executor.cli.options import (
    BriefCommand,
    Seconds,
    json_option,
    llm_option,
    notebook_argument,
    read_limits,
    refuse_together,
    root_option,
)
from notebook_executor.cli.project import absolute, open_executor
from notebook_executor.cli.screen import Screen, write, write_json


@click.command(
    cls=BriefCommand,
    epilog="Exit codes: 0 there is a pull request; 1 a step of the review failed, and without "
    "--allow-failing nothing was pushed; 2 it cannot be proposed like this; 3 git or the forge "
    "refused. The token is NBX_FORGE_TOKEN, GITEA_TOKEN or GH_TOKEN, or git's credential helper's.",
)
@notebook_argument
@click.option("--edits", metavar="FILE", help="A batch of edits as JSON [standard input].")
@click.option("--title", metavar="TEXT", required=True, help="Of the pull request and the commit.")
@click.option("--body", metavar="TEXT", help="The text above the report.")
@click.option("--base", metavar="BRANCH", default="main", help="What it is for [main].")
@click.option("--branch", metavar="BRANCH", help="What it is on [named by path and title].")
@click.option(
    "-p", "--parameters", nargs=2, multiple=True, metavar="NAME VALUE", help="As nbx run has it."
)
@click.option("--allow-failing", is_flag=True, help="Propose it even if it does not execute.")
@click.option("--attach/--no-attach", default=True, help="Keep the executed notebook [attach].")
@click.option("--rerun-base", is_flag=True, help="Also run what the base has.")
@click.option("--execution-timeout", type=Seconds(min=0), help="Seconds a cell may take [300].")
@click.option("--run-timeout", type=Seconds(min=0), help="Seconds a run may take [no limit].")
@click.option("--limit", metavar="NAME=VALUE", multiple=True, help="As nbx run has it.")
@json_option
@llm_option
@root_option
def propose(
    notebook: str,
    edits: str | None,
    as_json: bool,
    llm: int | None,
    root: str | None,
    **options: Any,
) -> ExitCode:
    """Edit the remote's notebook, execute it, push a branch, and open or renew a pull request.

    The checkout, the index and this clone's branches stay as they are.
    """
    refuse_together(json=as_json, llm=llm)
    batch = read_batch(edits)
    with open_executor(root) as executor:
        made = executor.propose(absolute(notebook), batch, **_arguments(**options))
    if as_json:
        write_json(sys.stdout, made)
    elif llm is not None:
        write(sys.stdout, made.for_llm(llm - 1) + "\n")
    else:
        Screen(sys.stdout).line(str(made))
    return ExitCode.NOTEBOOK_FAILED if made.review.verdict == "fail" else ExitCode.SUCCESS


def _arguments(
    *,
    parameters: tuple[tuple[str, str], ...],
    execution_timeout: float | None,
    run_timeout: float | None,
    limit: tuple[str, ...],
    **same: Any,
) -> dict[str, Any]:
    """The arguments of ``NotebookExecutor.propose`` that the flags mean."""
    from notebook_executor.execution.parameter_sources import gather_parameters

    return {
        "parameters": gather_parameters(typed=parameters) if parameters else None,
        "timeout": 300.0 if execution_timeout is None else execution_timeout or None,
        "run_timeout": run_timeout or None,
        "limits": read_limits(limit),
        **same,
    }
