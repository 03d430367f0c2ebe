"""The one place that maps outcomes to exit codes."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING

import click

from notebook_executor.cli.screen import Screen
from notebook_executor.cli.signals import Terminated
from notebook_executor.errors import NotebookExecutorError, UsageError

if TYPE_CHECKING:
    from notebook_executor.documents.regression import RegressionReport, Verdict
    from notebook_executor.models import ErrorKind, ExecutionResult
    from notebook_executor.review.models import Review


class ExitCode(IntEnum):
    """What ``nbx`` tells the shell."""

    SUCCESS = 0
    NOTEBOOK_FAILED = 1
    USAGE = 2  # or invalid input
    KERNEL = 3  # or resources, or a defect of ours
    TIMEOUT = 4
    DIFFERS = 5
    NOTHING_TO_COMPARE = 6
    INTERRUPTED = 130
    TERMINATED = 143


BY_KIND: dict[ErrorKind, ExitCode] = {
    "cell_error": ExitCode.NOTEBOOK_FAILED,
    "stdin_requested": ExitCode.NOTEBOOK_FAILED,
    "tool_denied": ExitCode.NOTEBOOK_FAILED,
    "replay_mismatch": ExitCode.NOTEBOOK_FAILED,
    "invalid_parameters": ExitCode.USAGE,
    "invalid_notebook": ExitCode.USAGE,
    "not_found": ExitCode.USAGE,
    "output_error": ExitCode.USAGE,
    "kernel_start": ExitCode.KERNEL,
    "kernel_died": ExitCode.KERNEL,
    "out_of_memory": ExitCode.KERNEL,
    "resource_limit": ExitCode.KERNEL,
    "internal": ExitCode.KERNEL,
    "cell_timeout": ExitCode.TIMEOUT,
    "run_timeout": ExitCode.TIMEOUT,
    "cancelled": ExitCode.INTERRUPTED,
}


_BY_VERDICT: dict[Verdict, ExitCode] = {
    "pass": ExitCode.SUCCESS,
    "differs": ExitCode.DIFFERS,
    "nothing_to_compare": ExitCode.NOTHING_TO_COMPARE,
}


def of_regression(report: RegressionReport) -> ExitCode:
    """Of one whose outputs were accepted, it does not matter what they were compared with."""
    if report.error is not None:
        return BY_KIND[report.error.kind]
    return ExitCode.SUCCESS if report.accepted else _BY_VERDICT[report.verdict]


def of_review(review: Review) -> ExitCode:
    """Of one that has accepted outputs, it does not matter what they were compared with."""
    if review.verdict == "fail":
        return ExitCode.NOTEBOOK_FAILED
    accepted = any(notebook.accepted for notebook in review.notebooks)
    return ExitCode.SUCCESS if accepted else _BY_VERDICT[review.verdict]


def of_result(result: ExecutionResult) -> ExitCode:
    return ExitCode.SUCCESS if result.error is None else BY_KIND[result.error.kind]


def guarded(command: Callable[[], int | None], *, debug: bool) -> int:
    """Call a command; whatever it raises is told on standard error and becomes an exit code.

    Args:
        command: Returns its exit code; None is success.
        debug: Print the traceback of an exception that is not one of ours.
    """
    try:
        return command() or ExitCode.SUCCESS
    except click.exceptions.Exit as asked:
        return asked.exit_code
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except (KeyboardInterrupt, click.Abort):
        return ExitCode.INTERRUPTED
    except Terminated as stop:
        return stop.exit_code
    except NotebookExecutorError as error:
        _tell(error.message, error.hint)
        return ExitCode.USAGE if isinstance(error, UsageError) else ExitCode.KERNEL
    except BrokenPipeError:
        # From click, which prints help by itself; everything else goes through Screen.
        return ExitCode.SUCCESS
    except OSError as error:
        _tell(str(error), "")
        return _traced(debug)
    except Exception as error:
        _tell(
            f"{type(error).__name__}: {error}",
            "" if debug else "This is a defect; nbx --debug, or NBX_DEBUG=1, shows where it is.",
        )
        return _traced(debug)


def _traced(debug: bool) -> ExitCode:
    if debug:
        traceback.print_exc()
    return ExitCode.KERNEL


def _tell(message: str, hint: str) -> None:
    screen = Screen(sys.stderr)
    screen.line(f"error: {message}", "bad")
    if hint:
        screen.line(f"hint: {hint}")
