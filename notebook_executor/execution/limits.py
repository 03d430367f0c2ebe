"""Limits in a run's result: what they ended, told from the facts of the kernel's end."""

from __future__ import annotations

import re
import signal
from dataclasses import replace

from notebook_executor.config import Limits
from notebook_executor.execution.failures import CellFailure, Failure
from notebook_executor.lifecycle.kernel import KernelEnd
from notebook_executor.lifecycle.limits import LimitHit, ResourceLimits
from notebook_executor.models import ErrorKind

_ENDINGS = ("kernel_died", "kernel_start")
_ERRNO = re.compile(r"\[Errno (24|27|28|122)\]")
_NO_DESCRIPTORS = "Too many open files"
_USED = {
    "memory": "held {}",
    "cpu_seconds": "had used {} of CPU time",
    "processes": "were {} processes",
}
_UNITS = ("GiB", "MiB", "KiB")


def resource_limits(limits: Limits | None) -> ResourceLimits:
    """The limits as the kernel's keeper takes them."""
    return ResourceLimits(**limits.model_dump()) if limits else ResourceLimits()


def with_cause(
    failure: Failure | None, end: KernelEnd | None, limits: Limits | None
) -> Failure | None:
    """The failure, renamed where a limit or the lack of memory ended the kernel."""
    if failure is None or end is None or failure.kind not in _ENDINGS:
        return failure
    kind = _cause(end, limits or Limits())
    if kind is None:
        return _with_doubt(failure, limits)
    by_system = kind == "out_of_memory" and _ending(end) is None
    return replace(failure, kind=kind, message="", hint="", retryable=by_system)


def _with_doubt(failure: Failure, limits: Limits | None) -> Failure:
    """A kernel without descriptors may as well hang, and say nothing."""
    if failure.kind != "kernel_start" or limits is None or limits.open_files is None:
        return failure
    doubt = (
        f"The limit {_said('open_files', limits)} may be too low: a Python kernel needs some 70."
    )
    return replace(failure, hint=f"{doubt} {failure.hint}")


def _cause(end: KernelEnd, limits: Limits) -> ErrorKind | None:
    hit = _ending(end)
    if hit is not None:
        return "out_of_memory" if hit.limit == "memory" else "resource_limit"
    if _rlimit(end, limits) is not None:
        return "resource_limit"
    return "out_of_memory" if end.exit_code == -signal.SIGKILL and end.oom_kills else None


def _ending(end: KernelEnd) -> LimitHit | None:
    return next((hit for hit in end.limit_hits if hit.kernel), None)


def _rlimit(end: KernelEnd, limits: Limits) -> str | None:
    """Which of the limits that the system enforces has ended the kernel."""
    if limits.cpu_seconds and end.exit_code == -signal.SIGXCPU:
        return "cpu_seconds"
    if limits.file_size and end.exit_code == -signal.SIGXFSZ:
        return "file_size"
    if limits.open_files and end.exit_code and _NO_DESCRIPTORS in end.stderr_tail:
        return "open_files"
    return None


def explain_ending(
    where: str | None, end: KernelEnd | None, limits: Limits | None
) -> tuple[str, str]:
    """Message and hint where ``with_cause`` has found one."""
    end, limits = end or KernelEnd(), limits or Limits()
    running = f"{where} was running" if where else "The kernel was starting"
    hit = _ending(end)
    if hit is not None:
        return _over(running, hit, limits)
    name = _rlimit(end, limits)
    if name is not None:
        return (
            f"{running} when the kernel ended by the limit {_said(name, limits)}",
            f"Raise the limit {name}, or have the notebook use less.",
        )
    return (
        f"{running} when the system killed the kernel: the machine, or its container, ran out of "
        f"memory. The kernel held up to {_amount('memory', end.peak_memory_bytes)}",
        "Run it where there is more memory, run fewer at a time, or have it use less.",
    )


def _over(running: str, hit: LimitHit, limits: Limits) -> tuple[str, str]:
    used = _USED[hit.limit].format(_amount(hit.limit, hit.used))
    return (
        f"{running} when the limit {_said(hit.limit, limits)} was exceeded: the kernel and what "
        f"it had started {used}",
        f"Raise the limit {hit.limit}, or have the notebook use less.",
    )


def _said(name: str, limits: Limits) -> str:
    return f"{name}={_amount(name, getattr(limits, name))}"


def _amount(name: str, number: float) -> str:
    if name == "cpu_seconds":
        return f"{number:g} s"
    if name not in ("memory", "file_size"):
        return f"{number:.0f}"
    for power, unit in zip((3, 2, 1), _UNITS, strict=True):
        if number >= 1024**power:
            return f"{number / 1024**power:.4g} {unit}"
    return f"{number:.0f} bytes"


def cell_hint(cell: CellFailure, end: KernelEnd | None, limits: Limits | None) -> str | None:
    """What to do about a cell that failed, where a limit or a full disk is the reason."""
    found = _ERRNO.search(cell.evalue) or _ERRNO.search(cell.traceback)
    limits = limits or Limits()
    match found and found[1]:
        case "24" if limits.open_files:
            return f"The limit {_said('open_files', limits)} was reached; raise it, or close files."
        case "27" if limits.file_size:
            return f"The limit {_said('file_size', limits)} was reached; raise it, or write less."
        case "28":
            return "The disk is full: make room where the notebook writes, and run again."
        case "122":
            return "The disk quota is used up: make room where the notebook writes, and run again."
    killed = killed_children(end, limits)
    return f"{killed} Raise the limit, or have the notebook use less." if killed else None


def killed_children(end: KernelEnd | None, limits: Limits | None) -> str | None:
    """A sentence on children that were killed for the memory limit while the kernel lived."""
    hits = [hit for hit in end.limit_hits if not hit.kernel] if end else []
    if not hits or limits is None:
        return None
    # Who it was that the system has killed, it does not say.
    names = ", ".join(sorted({repr(hit.process) for hit in hits if hit.process}))
    number = "a process" if len(hits) == 1 else f"{len(hits)} processes"
    used = _amount("memory", max(hit.used for hit in hits))
    return (
        f"The limit {_said('memory', limits)} was exceeded ({used} in all), and {number} that the "
        f"kernel had started{f' ({names})' if names else ''} had to be killed."
    )


def limit_warnings(
    failure: Failure | None, end: KernelEnd | None, limits: Limits | None
) -> list[str]:
    """What a result warns of though no cell was ended by it."""
    warnings = [killed_children(end, limits)]
    hit = _ending(end) if end is not None and failure is None else None
    if hit is not None:
        said = _said(hit.limit, limits or Limits())
        warnings.append(
            f"The limit {said} was exceeded after the last cell: the kernel was killed."
        )
    if end is not None and end.oom_kills and end.exit_code != -signal.SIGKILL:
        warnings.append(
            "The machine, or its container, ran out of memory during the run: the system killed "
            f"{end.oom_kills} of its processes."
        )
    return [warning for warning in warnings if warning]
