"""Recognising the processes of a kernel wherever they went.

Two marks are given to a kernel and inherited by what it starts: a variable of the environment,
which ``env -i`` loses, and a hard limit on POSIX message queues with a value of its own, which
means nothing to anybody and survives that too. As an ordinary user can lower a hard limit but not
raise it again, a kernel inside a kernel has a lower one than the outer.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from notebook_executor.lifecycle.proctree import pids, stat_fields

VARIABLE = "NBX_LEASE"
_LOWEST = 65536
_RANGE = 1 << 40
_PAUSE = 0.005
_START_TIME = 19  # the 22nd field of /proc/PID/stat, counted from the third


@dataclass(frozen=True)
class Marks:
    """What marks the processes of one kernel.

    Attributes:
        token: Stands in the value of ``NBX_LEASE``.
        limit: The hard limit on message queue bytes; 0 where none could be given.
        uid: Whose the processes are.
        since: None of them is older; in clock ticks since boot, as the kernel counts.
    """

    token: str
    limit: int
    uid: int
    since: int

    def variable(self, outer: str | None) -> str:
        """The value of ``NBX_LEASE``: a run inside a run's kernel carries both tokens."""
        return ",".join(filter(None, (outer, self.token)))

    def carried_by(self, pid: int) -> bool:
        """Whether a living process is marked, is the same user's, and is young enough."""
        fields = stat_fields(pid)
        if not fields or fields[0] == "Z" or int(fields[_START_TIME]) < self.since:
            return False
        return _owner(pid) == self.uid and (
            self.token in _variable(pid) or (self.limit != 0 and _hard_limit(pid) == self.limit)
        )


def new_marks() -> Marks:
    return Marks(os.urandom(12).hex(), _new_limit(), os.getuid(), _clock_ticks())


def _new_limit() -> int:
    highest = resource.getrlimit(resource.RLIMIT_MSGQUEUE)[1]
    if highest == resource.RLIM_INFINITY:
        return random.SystemRandom().randrange(_RANGE, 2 * _RANGE)
    if highest <= 2 * _LOWEST:
        return 0
    return random.SystemRandom().randrange(highest - (highest - _LOWEST) // 8, highest)


def _clock_ticks() -> int:
    seconds = time.clock_gettime(time.CLOCK_BOOTTIME)
    return int(seconds * os.sysconf("SC_CLK_TCK"))


def _owner(pid: int) -> int | None:
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None


def _variable(pid: int) -> str:
    # The environment of a zombie, or of another user's process, reads as nothing.
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            environment = file.read().split(b"\0")
    except OSError:
        return ""
    prefix = f"{VARIABLE}=".encode()
    return next((item.decode() for item in environment if item.startswith(prefix)), "")


def _hard_limit(pid: int) -> int | None:
    try:
        with open(f"/proc/{pid}/limits", encoding="ascii") as file:
            line = next(line for line in file if line.startswith("Max msgqueue size"))
    except (OSError, StopIteration):
        return None
    value = line.split()[4]
    return int(value) if value.isdigit() else None


def find_marked(marked: Callable[[int], bool]) -> list[int]:
    me = os.getpid()
    return [pid for pid in pids() if pid != me and marked(pid)]


def kill_marked(marks: Marks, seconds: float) -> tuple[int, int]:
    """Kill all marked processes, by pidfd and after a second look: no race for a pid.

    Returns:
        How many were found, and how many are left.
    """
    deadline = time.monotonic() + seconds
    seen: set[int] = set()
    found = find_marked(marks.carried_by)
    while found and time.monotonic() < deadline:
        seen.update(found)
        for pid in found:
            _kill(pid, marks)
        time.sleep(_PAUSE)
        found = find_marked(marks.carried_by)
    return len(seen), len(found)


def _kill(pid: int, marks: Marks) -> None:
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return
    try:
        if marks.carried_by(pid):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    except OSError:
        pass
    finally:
        os.close(handle)
