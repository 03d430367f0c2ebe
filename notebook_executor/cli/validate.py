"""``nbx validate``: is a file a valid notebook, and does it still put out what it did."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from notebook_executor.cli.exits import ExitCode, of_regression
from notebook_executor.cli.options import Seconds, json_option, root_option
from notebook_executor.cli.project import absolute, open_executor
from notebook_executor.cli.screen import Screen, write_json
from notebook_executor.cli.tool_options import policy_option

if TYPE_CHECKING:
    from notebook_executor.documents.validation import ValidationReport

# Of several notebooks, the first of these that one of them has.
_GRAVEST_FIRST = (
    ExitCode.INTERRUPTED,
    ExitCode.KERNEL,
    ExitCode.USAGE,
    ExitCode.TIMEOUT,
    ExitCode.NOTEBOOK_FAILED,
    ExitCode.DIFFERS,
    ExitCode.NOTHING_TO_COMPARE,
    ExitCode.SUCCESS,
)


@click.command(
    epilog="Exit code 2 when one of them is not valid; warnings do not count. With --regression "
    "also 1, 3 and 4 as nbx run has them, 5 when outputs differ, 6 when there was nothing to "
    "compare."
)
@click.argument("notebooks", metavar="NOTEBOOK...", nargs=-1, required=True)
@click.option("--fix", is_flag=True, help="Put right in the files what can be without guessing.")
@click.option("--upgrade", is_flag=True, help="Rewrite older formats as nbformat 4.5, and --fix.")
@click.option("--regression", is_flag=True, help="Run them, and compare their outputs.")
@click.option(
    "--reference",
    metavar="PATH|REV",
    help="An executed notebook, or a git revision [default: in runs/reference, else its outputs].",
)
@click.option("--accept", is_flag=True, help="Write what they put out as the new reference.")
@click.option("--lax", is_flag=True, help="Compare only cells marked # NBVAL_CHECK_OUTPUT.")
@click.option(
    "--sanitize-with", metavar="FILE", multiple=True, help="Rules that nbval reads; repeatable."
)
@click.option("--rtol", type=click.FloatRange(min=0), help="Relative tolerance of numbers [0].")
@click.option("--atol", type=click.FloatRange(min=0), help="Absolute tolerance of numbers [0].")
@click.option(
    "-p", "--parameters", nargs=2, multiple=True, metavar="NAME VALUE", help="As nbx run has it."
)
@click.option("--replay", is_flag=True, help="Answer its tool calls from <stem>.tools.jsonl.")
@policy_option
@click.option("--execution-timeout", type=Seconds(min=0), help="Seconds a cell may take [300].")
@json_option
@root_option
def validate(
    notebooks: tuple[str, ...],
    fix: bool,
    upgrade: bool,
    regression: bool,
    as_json: bool,
    root: str | None,
    policy: str | None,
    **options: Any,
) -> ExitCode:
    """Check notebook files: format, code, parameters, secrets; with --json, a line each.

    With --regression, run them and compare their outputs with a reference, by nbval's markers.
    """
    wanted = (policy, *options.values())
    if not regression and any(value not in (None, False, ()) for value in wanted):
        raise click.UsageError("Options of the comparison need --regression.")
    more = _regression(**options) if regression else {}
    codes = {ExitCode.SUCCESS}
    with open_executor(root, policy=policy and absolute(policy)) as executor:
        for notebook in notebooks:
            report = executor.validate(absolute(notebook), fix=fix, upgrade=upgrade, **more)
            codes.add(_exit_code(report))
            if as_json:
                write_json(sys.stdout, report)
            else:
                Screen(sys.stdout).line(str(report))
    return next(code for code in _GRAVEST_FIRST if code in codes)


def _exit_code(report: ValidationReport) -> ExitCode:
    if not report.valid:
        return ExitCode.USAGE
    return of_regression(report.regression) if report.regression else ExitCode.SUCCESS


def _regression(
    *,
    reference: str | None,
    accept: bool,
    lax: bool,
    sanitize_with: tuple[str, ...],
    rtol: float | None,
    atol: float | None,
    parameters: tuple[tuple[str, str], ...],
    replay: bool,
    execution_timeout: float | None,
) -> dict[str, Any]:
    """The arguments of ``NotebookExecutor.validate`` that the flags mean."""
    from notebook_executor.execution.parameter_sources import gather_parameters

    rules = {
        "lax": lax,
        "relative_tolerance": rtol or 0.0,
        "absolute_tolerance": atol or 0.0,
        "sanitize_with": tuple(map(absolute, sanitize_with)),
    }
    timeout = 300.0 if execution_timeout is None else execution_timeout or None
    return {
        "regression": rules,
        "reference": reference,
        "accept": accept,
        "parameters": gather_parameters(typed=parameters),
        "timeout": timeout,
        "replay": replay,
    }
