"""Limits on what a kernel and all that it starts may use, and the watch that the keeper keeps.

What one process uses of files and descriptors is limited by the system (``setrlimit``). Memory,
CPU time and the number of processes are the sum of a whole tree, for which there is no rlimit
(RLIMIT_AS below 1 GiB keeps kernels from starting, RLIMIT_NPROC counts a user's threads): the
keeper looks at its descendants and ends what is over a limit. Where the kernel has a control group
of its own, the system counts for it, and keeps the limit on memory by itself.
"""

from __future__ import annotations

import math
import os
import resource
import signal
import time
from functools import cached_property
from typing import Literal, NamedTuple, Protocol

from notebook_executor.lifecycle import proctree

_PERIOD = 0.025  # seconds between two looks
_SHARE = 8  # the pause is so many times a look's length: /proc may hold very many processes
_BACKSTOP = 2  # CPU seconds that a process has beyond the limit, should nobody look
MOST_HITS = 50
_READINGS = 5  # of memory at most, while processes come and go
_PAGE = resource.getpagesize()
_TICKS = os.sysconf("SC_CLK_TCK")
# Fields of /proc/PID/stat, counted from the third.
_TIMES = slice(11, 15)
_STARTED = 19
_RESIDENT = 21


class ResourceLimits(NamedTuple):
    """What a kernel and all that it starts may use; None for no limit.

    Attributes:
        memory: Bytes that all of them hold together; shared pages count once.
        cpu_seconds: Of all of them together, start included.
        processes: At the same time, the kernel being one of them.
        file_size: Bytes of a file that any of them writes.
        open_files: Descriptors of any of them.
    """

    memory: int | None = None
    cpu_seconds: float | None = None
    processes: int | None = None
    file_size: int | None = None
    open_files: int | None = None

    @property
    def watched(self) -> bool:
        """Whether there is one that the keeper has to enforce."""
        return not (self.memory is self.cpu_seconds is self.processes is None)

    def rlimits(self) -> dict[str, tuple[int, int]]:
        """Soft and hard value of each rlimit to set; never higher than this process's own."""
        wanted: dict[str, tuple[int, int]] = {}
        if self.cpu_seconds is not None:
            last = math.ceil(self.cpu_seconds) + _BACKSTOP
            wanted["RLIMIT_CPU"] = (last, last + 1)
        if self.file_size is not None:
            wanted["RLIMIT_FSIZE"] = (self.file_size, self.file_size)
        if self.open_files is not None:
            wanted["RLIMIT_NOFILE"] = (self.open_files, self.open_files)
        return {name: _lowered(name, pair) for name, pair in wanted.items()}


NO_LIMITS = ResourceLimits()


def _lowered(name: str, wanted: tuple[int, int]) -> tuple[int, int]:
    present = resource.getrlimit(getattr(resource, name))
    soft, hard = (
        new if old == resource.RLIM_INFINITY else min(new, old)
        for new, old in zip(wanted, present, strict=True)
    )
    return soft, hard


class LimitHit(NamedTuple):
    """A limit that was exceeded, and what was ended for it.

    Attributes:
        limit: The name of the limit.
        used: What was counted: bytes, seconds or processes of the whole tree.
        process: The name of the process that was ended.
        kernel: Whether that was the kernel, and with it all it had started.
    """

    limit: Literal["memory", "cpu_seconds", "processes"]
    used: float
    process: str
    kernel: bool


class _Process(NamedTuple):
    pid: int
    started: int
    resident: int
    seconds: float


class Counter(Protocol):
    """What counts for a ``Watch``: this module, by /proc, or the system, by a control group."""

    @property
    def limits_memory(self) -> bool:
        """Whether the limit on memory is kept elsewhere."""
        ...

    def number(self, enough: int) -> int:
        """How many processes there are; exact where that is more than ``enough``."""
        ...

    def seconds(self) -> float:
        """CPU time of all of them, those that have ended included."""
        ...


class _Tree:
    """The descendants of this process, at one moment; nothing is read before it is asked for."""

    limits_memory = False

    @cached_property
    def living(self) -> list[_Process]:
        found = [_process(pid) for pid in proctree.descendants(os.getpid())]
        return [process for process in found if process is not None]

    def number(self, enough: int) -> int:
        return len(self.living)

    def seconds(self) -> float:
        return sum(process.seconds for process in self.living) + _collected_seconds()


class Watch:
    """Looks at a keeper's descendants, who are the kernel and all that it has started.

    Args:
        limits: What they may use.
        kernel: The kernel's pid.
        group: Counts them; None for looking at each.

    Attributes:
        due: When to look next, on the monotonic clock.
    """

    def __init__(self, limits: ResourceLimits, kernel: int, group: Counter | None = None) -> None:
        self._limits = limits
        self._kernel = kernel
        self._group = group
        self._killed: set[tuple[int, int]] = set()
        self._hits = 0
        self.due = time.monotonic() + _PERIOD

    def look(self) -> LimitHit | None:
        """Compare use with limits once, and kill the largest process where it is a child.

        Returns:
            What is to be told; one with ``kernel`` asks its caller to end everything. Of children
            only the first are told, so that a host that does not listen cannot block the keeper.
        """
        # Not by the clock on the wall: among very many processes it is others that take the time.
        began = time.process_time()
        hit = self._judge()
        self.due = time.monotonic() + max(_PERIOD, _SHARE * (time.process_time() - began))
        if hit is not None and not hit.kernel:
            self._hits += 1
            return hit if self._hits <= MOST_HITS else None
        return hit

    def _judge(self) -> LimitHit | None:
        limits, tree = self._limits, _Tree()
        counter = self._group or tree
        if limits.processes is not None:
            number = counter.number(limits.processes)
            if number > limits.processes:
                return LimitHit("processes", number, _name(self._kernel), True)
        if limits.cpu_seconds is not None:
            used = counter.seconds()
            if used > limits.cpu_seconds:
                return LimitHit("cpu_seconds", round(used, 2), _name(self._kernel), True)
        if limits.memory is not None and not counter.limits_memory:
            return self._judge_memory(tree.living, limits.memory)
        return None

    def _judge_memory(self, living: list[_Process], limit: int) -> LimitHit | None:
        # What has been killed gives its memory back by and by.
        counted = [item for item in living if (item.pid, item.started) not in self._killed]
        if sum(item.resident for item in counted) <= limit:
            return None
        # Shared pages are in the resident set of each process; only this count is exact, and slow.
        shares = _shares(counted)
        used = sum(shares.values())
        if used <= limit:
            return None
        largest = max(shares, key=shares.__getitem__)
        name = _name(largest.pid)
        if largest.pid == self._kernel:
            return LimitHit("memory", used, name, True)
        self._killed.add((largest.pid, largest.started))
        return LimitHit("memory", used, name, False) if _kill(largest) else None


def _process(pid: int) -> _Process | None:
    fields = proctree.stat_fields(pid)
    if not fields:
        return None
    # Children that were waited for are in their parent's times.
    seconds = sum(int(ticks) for ticks in fields[_TIMES]) / _TICKS
    return _Process(pid, int(fields[_STARTED]), int(fields[_RESIDENT]) * _PAGE, seconds)


def _collected_seconds() -> float:
    """CPU time of the orphans that this process has collected."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _shares(counted: list[_Process]) -> dict[_Process, int]:
    """Share of each, from one moment as far as that can be had.

    When one ends between two readings, its part of what it shared is counted again in the others.
    """
    for _ in range(_READINGS):
        shares = {item: _share(item) for item in counted}
        lasting = [item for item in counted if _holds_memory(item)]
        if len(lasting) == len(counted):
            break
        counted = lasting
    return shares


def _holds_memory(process: _Process) -> bool:
    again = _process(process.pid)
    return again is not None and again.started == process.started and again.resident > 0


def _share(process: _Process) -> int:
    """Resident bytes, those of shared pages divided among the processes that share them."""
    try:
        with open(f"/proc/{process.pid}/smaps_rollup", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) * 1024
    except (OSError, StopIteration):
        return process.resident


def _name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def _kill(process: _Process) -> bool:
    """Kill it by pidfd, after a second look: the pid may have become somebody else's."""
    try:
        handle = os.pidfd_open(process.pid)
    except OSError:
        return False
    try:
        again = _process(process.pid)
        if again is None or again.started != process.started:
            return False
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def oom_kills() -> int | None:
    """How many processes this machine has killed for lack of memory; None where it does not say."""
    try:
        with open("/proc/vmstat", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("oom_kill "))
    except (OSError, StopIteration):
        return None
