"""What lives: the kernels of this user, each with its processes.

Read from lease files and from the marks that processes carry. Nothing is locked for longer than a
look takes, and what comes or goes meanwhile is in the answer or not, but never an error.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from notebook_executor.lifecycle.held import FIELD, find_held
from notebook_executor.lifecycle.leases import (
    Lease,
    is_newborn_name,
    marks_of,
    open_lease,
    private_directories,
)
from notebook_executor.lifecycle.marks import find_marked
from notebook_executor.lifecycle.proctree import descendants, start_ticks, stat_fields
from notebook_executor.lifecycle.workplace import PURPOSE

State = Literal["starting", "stand-by", "running", "ending", "left over"]

# Fields of /proc/PID/stat, counted from the third: parent, resident pages.
_PARENT, _RESIDENT = 1, 21
_COMMAND_CHARACTERS = 200


@dataclass(frozen=True)
class Process:
    """A process of a kernel, as this process sees it.

    Attributes:
        pid: In this process's PID namespace.
        parent: Its parent's pid.
        memory_bytes: Its resident set.
        command: Its command line, cut.
    """

    pid: int
    parent: int
    memory_bytes: int
    command: str


@dataclass(frozen=True)
class LiveKernel:
    """A kernel of this user's, or what is left of one.

    Attributes:
        directory: Its private directory.
        state: ``stand-by`` while it waits for a run; ``ending`` once the kernel itself has
            exited; ``left over`` when its keeper is gone, too: ``reap`` finishes that.
        kernel: The kernelspec's name.
        containment: The tier.
        name: What it is called besides: a Jupyter server's id of it, or a session's name.
        port: Where a session listens.
        run_id: The run that it was started for, if it was for one.
        notebook: What that one runs.
        started_at: When, in ISO 8601.
        age_seconds: How long ago that is.
        host_pid: The process that started it; None when that is gone, or cannot be seen.
        keeper_pid: Its keeper, when there is one that can be seen.
        kernel_pid: The kernel itself, likewise.
        memory_bytes: The resident sets of all its processes.
        processes: All that descend from it or carry its marks, the oldest first.
    """

    directory: Path
    state: State
    kernel: str | None
    containment: str | None
    name: str | None
    port: int | None
    run_id: str | None
    notebook: str | None
    started_at: str | None
    age_seconds: float | None
    host_pid: int | None
    keeper_pid: int | None
    kernel_pid: int | None
    memory_bytes: int
    processes: tuple[Process, ...]


def described(record: Mapping[str, Any], tier: str) -> dict[str, Any]:
    """A lease's record, for a kernel that this process is about to start in that tier."""
    return {
        **record,
        "tier": tier,
        "host_started": start_ticks(os.getpid()),
        "started_at": datetime.now(UTC).isoformat(),
    }


def live_kernels(bases: Iterable[Path]) -> list[LiveKernel]:
    """The kernels of this user below the bases, the oldest first."""
    found = []
    for directory in private_directories(bases):
        lease = None if is_newborn_name(directory.name) else open_lease(directory)
        if lease is None:
            continue
        with lease:
            if PURPOSE not in lease.read():
                found.append(_look(lease))
    return sorted(found, key=lambda kernel: kernel.started_at or "")


def pid_of(directory: Path) -> int | None:
    """What the process in a private directory is called here; None when it cannot be seen."""
    lease = open_lease(directory)
    if lease is None:
        return None
    with lease:
        record = lease.read()
        return _kernel_among(_marked(record), record.get("kernel_pid"))


def _look(lease: Lease) -> LiveKernel:
    held = lease.is_held()
    record = lease.read()
    marked = _marked(record) or _registered(record)
    kernel = _kernel_among(marked, record.get("kernel_pid"))
    kept = held and FIELD not in record
    keeper = _parent(kernel) if kernel is not None and kept else None
    pids = {*marked, *(descendants(keeper) if keeper is not None else ())}
    processes = tuple(filter(None, map(_process, sorted(pids, key=_age_order))))
    started_at = _text(record, "started_at")
    return LiveKernel(
        directory=lease.directory,
        state=_state(held, record, kernel),
        kernel=_text(record, "kernel"),
        containment=_text(record, "tier"),
        name=_text(record, "name"),
        port=port if isinstance(port := record.get("port"), int) else None,
        run_id=_text(record, "run_id"),
        notebook=_text(record, "notebook"),
        started_at=started_at,
        age_seconds=_age(started_at),
        host_pid=_host(record, keeper),
        keeper_pid=keeper,
        kernel_pid=kernel,
        memory_bytes=sum(process.memory_bytes for process in processes),
        processes=processes,
    )


def _state(held: bool, record: dict[str, Any], kernel: int | None) -> State:
    if not held:
        return "left over"
    if record.get("stand_by"):
        return "stand-by"
    if kernel is not None:
        return "running"
    return "ending" if "kernel_pid" in record else "starting"


def _marked(record: dict[str, Any]) -> list[int]:
    marks = marks_of(record)
    return sorted(find_marked(marks.carried_by), key=_age_order) if marks else []


def _registered(record: dict[str, Any]) -> list[int]:
    """A session that was registered, and what is seen below it."""
    tree = find_held(record)
    if tree is None:
        return []
    with contextlib.closing(tree):
        return sorted(tree.look(), key=_age_order)


def _age_order(pid: int) -> tuple[int, int]:
    return start_ticks(pid) or 0, pid


def _kernel_among(marked: list[int], own_pid: object) -> int | None:
    """The kernel, which knows itself by the pid that the record names, among its processes.

    The oldest of those that do: kernels inside of this one may have the same pid in theirs.
    """
    if own_pid is None:
        return None
    return next((pid for pid in marked if _own_pid(pid) == own_pid), None)


def _own_pid(pid: int) -> int | None:
    """What a process's own PID namespace calls it."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            line = next(line for line in file if line.startswith("NSpid:"))
    except (OSError, StopIteration):
        return None
    return int(line.split()[-1])


def _parent(pid: int) -> int | None:
    fields = stat_fields(pid)
    return int(fields[_PARENT]) if fields else None


def _host(record: dict[str, Any], keeper: int | None) -> int | None:
    """The host as seen from here: by its own pid, or, from outside its namespace, by descent."""
    guard = _parent(keeper) if keeper else None
    for candidate in (record.get("host_pid"), _parent(guard) if guard else None):
        if isinstance(candidate, int) and candidate > 0:
            started = start_ticks(candidate)
            if started is not None and started == record.get("host_started"):
                return candidate
    return None


def _process(pid: int) -> Process | None:
    fields = stat_fields(pid)
    if not fields or fields[0] == "Z":
        return None
    memory = int(fields[_RESIDENT]) * os.sysconf("SC_PAGE_SIZE")
    return Process(pid, int(fields[_PARENT]), memory, _command(pid))


def _command(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read(_COMMAND_CHARACTERS).split(b"\0")
    except OSError:
        return ""
    return b" ".join(words).decode("utf-8", "replace").strip()


def _text(record: dict[str, Any], name: str) -> str | None:
    value = record.get(name)
    return value if isinstance(value, str) else None


def _age(started_at: str | None) -> float | None:
    try:
        began = datetime.fromisoformat(started_at or "")
    except ValueError:
        return None
    return (datetime.now(UTC) - began).total_seconds() if began.tzinfo else None
