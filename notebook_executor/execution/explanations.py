"""Failures in words: what happened, where, and what to do next."""

from __future__ import annotations

import signal
from collections.abc import Collection

from notebook_executor.execution.failures import CellFailure, Failure
from notebook_executor.execution.limits import cell_hint, explain_ending, killed_children
from notebook_executor.execution.request import RunRequest
from notebook_executor.lifecycle.kernel import KernelEnd
from notebook_executor.text import one_line

_HOW = {
    "live": "The kernel gave up the cell on an interrupt.",
    "lost": "The kernel did not survive its end.",
}
_DEATHS = ("kernel_died", "out_of_memory", "resource_limit")
_HINTS = {
    "ModuleNotFoundError": "Install the module for the kernel's interpreter (kernel.python), or "
    "run another.",
    "NameError": "A cell that defines the name was skipped, or stands further down.",
    "FileNotFoundError": "Relative paths start at the notebook's folder, or at the cwd passed.",
    "ToolDeniedError": "The policy says what may be called; the notebook's code can do without.",
    "ReplayMismatchError": "Record the calls again (record=), if the notebook is to make this one.",
    "SystemExit": "The notebook ended itself; with status 0 that would have been a success.",
}


def explain(
    failure: Failure,
    request: RunRequest,
    end: KernelEnd | None,
    where: str | None,
    withheld: Collection[str] = (),
) -> tuple[str, str]:
    """Message and hint of a failure.

    Args:
        failure: What went wrong; one that brings its own message keeps it.
        request: What was asked for.
        end: How the kernel ended.
        where: The cell, as a subject; None where no cell was running.
        withheld: Names of variables that the kernel was not given.
    """
    if failure.message:
        return failure.message, failure.hint
    cell = failure.cell or CellFailure(0, "", "")
    match failure.kind:
        case "stdin_requested":
            return _stdin(where or "The notebook")
        case "cell_timeout" | "run_timeout":
            killed = killed_children(end, request.limits)
            message, hint = _timeout(failure, request, where)
            return message, " ".join(filter(None, (killed, hint)))
        case "cancelled":
            return _cancelled(where, failure)
        case "kernel_died":
            return _death(where or "No cell", end)
        case "out_of_memory" | "resource_limit":
            return explain_ending(where, end, request.limits)
        case _:
            message, hint = _cell_error(where or "A cell", cell, withheld)
            return message, cell_hint(cell, end, request.limits) or hint


def _timeout(failure: Failure, request: RunRequest, where: str | None) -> tuple[str, str]:
    if failure.kind == "cell_timeout":
        return _cell_timeout(where or "A cell", request.timeout or 0, failure)
    return _run_timeout(where, request.run_timeout or 0, failure)


def ending_signal(failure: Failure, end: KernelEnd | None) -> str | None:
    """The signal that ended the cell, or else the one that the kernel died of."""
    if failure.signal is not None or failure.kind not in _DEATHS:
        return failure.signal
    code = end.exit_code if end else None
    return _signal_name(code) if code is not None and code < 0 else None


def _signal_name(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:  # real-time signals have numbers only
        return f"signal {-code}"


def _cell_error(where: str, cell: CellFailure, withheld: Collection[str]) -> tuple[str, str]:
    line = f", line {cell.line}" if cell.line else ""
    raised = one_line(f"{cell.ename}: {cell.evalue}", 500)
    hint = _HINTS.get(cell.ename)
    missing = cell.evalue.strip("'\"")
    if cell.ename == "KeyError" and missing in withheld:
        hint = f"The variable was withheld from the kernel: pass_env=[{missing!r}] lets it through."
    return (
        f"{where}{line} raised {raised}",
        hint or "Correct the cell and run again; the outputs up to it are in the notebook.",
    )


def _stdin(where: str) -> tuple[str, str]:
    return (
        f"{where} asked for input, and nobody is there to answer",
        "Replace input() with a parameter of the notebook.",
    )


def _cell_timeout(where: str, timeout: float, failure: Failure) -> tuple[str, str]:
    how = _HOW[failure.state]
    return (
        f"{where} ran longer than its timeout of {timeout:g} s. {how}",
        "Raise timeout, or make the cell do less; what it printed is in the notebook.",
    )


def _run_timeout(where: str | None, timeout: float, failure: Failure) -> tuple[str, str]:
    how = "No cell was running."
    if where is not None:
        how = f"{where} was running. {_HOW[failure.state]}"
    return (
        f"The run took longer than its run_timeout of {timeout:g} s. {how}",
        "Raise run_timeout, or run fewer cells; what had finished is in the notebook.",
    )


def _cancelled(where: str | None, failure: Failure) -> tuple[str, str]:
    how = "No cell was running." if where is None else f"{where} was running."
    return (
        f"The run was cancelled: {one_line(failure.reason, 500)}. {how}",
        "Run it again when it is wanted; what had finished is in the notebook.",
    )


def _death(where: str, end: KernelEnd | None) -> tuple[str, str]:
    code = end.exit_code if end else None
    if code is None:
        how, hint = "for a reason that could not be read", "Look at kernel.stderr_tail."
    elif code == -signal.SIGKILL and end and end.oom_kills == 0:
        how = "by SIGKILL, sent neither by this run nor by the system for lack of memory"
        hint = "Another program, or the notebook itself, has killed it."
    elif code == -signal.SIGKILL:
        how = "by SIGKILL"
        hint = "It was killed from outside; memory that ran out is the usual reason."
    elif code < 0:
        how = f"by {_signal_name(code)}"
        hint = "A native library crashed; faulthandler.enable() in the first cell shows where."
    else:
        how = f"with exit code {code}"
        hint = "The notebook ended its own process (os._exit, or a library that did)."
    written = end.stderr_tail.splitlines() if end else []
    last = f" It wrote last: {one_line(written[-1], 300)}" if written else ""
    return f"{where} was running when the kernel ended {how}.{last}", hint
