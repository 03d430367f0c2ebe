"""``nbx runs wait`` and ``nbx runs cancel``: runs that go on in other processes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from notebook_executor.cli.exits import ExitCode, of_result
from notebook_executor.cli.options import json_option, root_option
from notebook_executor.cli.project import open_executor
from notebook_executor.cli.screen import Screen, write_json
from notebook_executor.cli.summary import show_result

if TYPE_CHECKING:
    from notebook_executor.execution.records import RunRecord
    from notebook_executor.models import ExecutionResult

# Longer than all graces that a kernel has for its end.
_PATIENCE = 60.0

_run_argument = click.argument("run")


@click.command("wait", epilog="The exit code is that of the run; 4 when it still goes on.")
@_run_argument
@root_option
@json_option
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    help="Wait no longer than this [default: as long as it takes].",
)
def wait_for_run(run: str, root: str | None, as_json: bool, timeout: float | None) -> ExitCode:
    """Wait for a run of any process of yours, and show it."""
    record = _find(run, root)
    result = _awaited(record, timeout, as_json)
    return ExitCode.TIMEOUT if result is None else of_result(result)


@click.command("cancel", epilog="Exit code 0 when it is over, 4 when it still goes on.")
@_run_argument
@root_option
@json_option
@click.option("--reason", metavar="TEXT", default="", help="Goes into the run's error.")
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    default=_PATIENCE,
    show_default=True,
    help="Wait no longer than this for its end.",
)
def cancel_run(run: str, root: str | None, as_json: bool, reason: str, timeout: float) -> ExitCode:
    """End a run of any process of yours: its cell is interrupted, then killed.

    What it has computed is saved. A run that is over already is only shown.
    """
    from notebook_executor.execution.cancel_requests import request_cancel
    from notebook_executor.execution.run_waiting import wait_for_result

    record = _find(run, root)
    if wait_for_result(record, 0) is None:
        request_cancel(record, reason)
    result = _awaited(record, timeout, as_json)
    return ExitCode.TIMEOUT if result is None else ExitCode.SUCCESS


def _find(run: str, root: str | None) -> RunRecord:
    from notebook_executor.execution.records import find_record

    executor = open_executor(root)
    return find_record(executor.root, run, executor.settings.state_dir)


def _awaited(record: RunRecord, timeout: float | None, as_json: bool) -> ExecutionResult | None:
    from notebook_executor.execution.run_waiting import wait_for_result

    result = wait_for_result(record, timeout)
    if result is None:
        Screen(sys.stderr).line(f"The run {record.run_id} still goes on.")
    elif as_json:
        write_json(sys.stdout, result)
    else:
        show_result(Screen(sys.stdout), result)
    return result
