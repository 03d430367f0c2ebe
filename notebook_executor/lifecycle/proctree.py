"""Looking at processes through /proc, and ending whole trees of them with a proof."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable

_BATCH = 256
_START_TIME = 19
_PAUSE = 0.0005


def pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state (the third) on; empty when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            # The name, in parentheses, may itself hold anything.
            return file.read().rpartition(")")[2].split()
    except OSError:
        return []


def start_ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; with its pid this names it for good."""
    fields = stat_fields(pid)
    return int(fields[_START_TIME]) if fields else None


def descendants(
    root: int, spared: frozenset[int] = frozenset(), *, zombies: bool = False
) -> list[int]:
    """All living processes below ``root``; what is below the spared ones is left out with them.

    Zombies are no living ones, and are told when asked for: a process is one as soon as its first
    thread has ended, and others of it may go on for a moment.
    """
    return below([root], spared, zombies=zombies)


def below(
    roots: Iterable[int], spared: frozenset[int] = frozenset(), *, zombies: bool = False
) -> list[int]:
    """As ``descendants``, of several; one of them is among the answers if it is below another."""
    children: dict[int, list[int]] = {}
    for pid in pids():
        fields = stat_fields(pid)
        if fields and (zombies or fields[0] != "Z"):
            children.setdefault(int(fields[1]), []).append(pid)
    found: list[int] = []
    ahead = list(roots)
    while ahead:
        next_ones = [pid for pid in children.pop(ahead.pop(), ()) if pid not in spared]
        found += next_ones
        ahead += next_ones
    return found


def send(number: int, targets: list[int]) -> None:
    for pid in targets:
        try:
            os.kill(pid, number)
        except OSError:
            continue


def reap_some(statuses: dict[int, tuple[int, int]]) -> bool | None:
    """Collect exited children, at most a batch, so that a fork bomb cannot starve its caller.

    Args:
        statuses: Gets pid to (wait status, peak resident set in kilobytes).

    Returns:
        True when there are more, False when none is ready, None when there are no children left.
    """
    for _ in range(_BATCH):
        try:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return None
        if pid == 0:
            return False
        statuses[pid] = (status, usage.ru_maxrss)
    return True


def end_namespace(statuses: dict[int, tuple[int, int]], deadline: float) -> bool:
    """As init of a PID namespace: kill all else in it; True when nothing is left, which is proven.

    Every orphan becomes init's child, so that "no child" means "no process".
    """
    while time.monotonic() < deadline:
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        if not _settle(statuses):
            return True
    return False


def end_descendants(statuses: dict[int, tuple[int, int]], deadline: float) -> bool:
    """As a subreaper: stop, then kill all descendants; True when nothing is left, proven likewise.

    The pass of SIGSTOP comes first because a process that forks and dies is always one step ahead
    of whoever kills by list.
    """
    me = os.getpid()
    stopping = 2
    while time.monotonic() < deadline:
        if stopping:
            stopping -= 1
            send(signal.SIGSTOP, descendants(me))
        send(signal.SIGKILL, descendants(me))
        if not _settle(statuses):
            return True
    return False


def end_strangers(
    keepers: frozenset[int], statuses: dict[int, tuple[int, int]], deadline: float
) -> bool:
    """Kill every descendant that is neither a keeper nor below one; True when none is left."""
    me = os.getpid()
    while time.monotonic() < deadline:
        reap_some(statuses)
        strangers = descendants(me, keepers, zombies=True)
        if not strangers:
            return True
        send(signal.SIGSTOP, strangers)
        send(signal.SIGKILL, descendants(me, keepers))
        time.sleep(_PAUSE)
    return False


def _settle(statuses: dict[int, tuple[int, int]]) -> bool:
    """Collect what is dying for a few milliseconds; False when no child is left."""
    for _ in range(8):
        more = reap_some(statuses)
        if more is None:
            return False
        if more is False:
            time.sleep(_PAUSE)
    return True
