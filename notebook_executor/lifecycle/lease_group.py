"""The control group of one lease: of a kernel and all that it starts.

Its keeper makes it below the place that the guard has found, and removes it; it has the name of
the lease's private directory, whose record names it for whoever has to finish that. The supervisors
are not in it. Of the standard library alone.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from notebook_executor.lifecycle.cgroups import content, find_place, processes_in, put
from notebook_executor.lifecycle.limits import MOST_HITS, LimitHit, ResourceLimits

FIELD = "group"
_PAUSE = 0.0005
_END_SECONDS = 2.0
# What ``pids`` counts is threads, of which a kernel has some twenty: this is there to have a fork
# bomb end, and the keeper counts processes.
_THREADS = 64
_FEWEST_THREADS = 1024


class Kills(NamedTuple):
    """How many processes of a group were killed for lack of memory.

    Attributes:
        number: All of them.
        by_limit: Whether that was for the group's own limit; else a larger group, or the machine,
            had no more.
    """

    number: int
    by_limit: bool


class LeaseGroup:
    """A group that exists.

    Args:
        path: Its folder.
        controllers: What can be limited in it.
    """

    def __init__(self, path: str, controllers: tuple[str, ...]) -> None:
        self.path = path
        self._controllers = controllers
        self._memory: int | None = None

    @property
    def limits_memory(self) -> bool:
        """Whether the system keeps the limit on memory, so that nobody need look."""
        return self._memory is not None

    @property
    def counts_kills(self) -> bool:
        return "memory" in self._controllers

    def limit(self, limits: ResourceLimits) -> None:
        """Have the system enforce what it can of these."""
        if limits.memory is not None and "memory" in self._controllers:
            with contextlib.suppress(OSError):
                put(self.path, "memory.swap.max", "0")
            with contextlib.suppress(OSError):
                put(self.path, "memory.max", str(limits.memory))
                self._memory = limits.memory
        if limits.processes is not None and "pids" in self._controllers:
            most = max(_FEWEST_THREADS, limits.processes * _THREADS)
            with contextlib.suppress(OSError):
                put(self.path, "pids.max", str(most))

    def number(self, enough: int) -> int:
        """How many processes there are; those of threads where it is fewer than ``enough``."""
        threads = content(self.path, "pids.current")
        if threads and int(threads) <= enough:
            return int(threads)
        return len(members(self.path))

    def seconds(self) -> float:
        """CPU time of all that ever were in it."""
        return _counted(self.path, "cpu.stat").get("usage_usec", 0) / 1e6

    def peak(self) -> int | None:
        """The most bytes of memory that they held; None where the system does not say."""
        text = content(self.path, "memory.peak")
        return int(text) if text.isdigit() else None

    def kills(self) -> Kills:
        """What was killed so far. Complete as soon as the process that was has exited."""
        own = _counted(self.path, "memory.events.local")
        return Kills(_counted(self.path, "memory.events").get("oom_kill", 0), own.get("oom", 0) > 0)

    def memory_hits(self, kernel: bool) -> list[LimitHit]:
        """What was killed for the group's own limit; of children only the first.

        Args:
            kernel: Whether the kernel, which has exited, was killed by none of us.
        """
        kills = self.kills()
        if not kills.number or not kills.by_limit:
            return []
        used = self.peak() or self._memory or 0
        children = min(kills.number - kernel, MOST_HITS)
        hits = [LimitHit("memory", used, "", False)] * children
        return [*hits, LimitHit("memory", used, "", True)] if kernel else hits

    def kill(self) -> None:
        """As ``kill_group``."""
        kill_group(self.path)

    def end(self) -> bool:
        """As ``end_group``."""
        return end_group(self.path)


def make_group(directory: str, note: Callable[[str], None]) -> LeaseGroup | None:
    """Make the group of a private directory.

    Args:
        directory: Its path.
        note: Called with the group's before that is made, to write it into the lease's record.

    Returns:
        None where there is no place for one.
    """
    place = find_place(os.getpid())
    if isinstance(place, str) or not place.ready:
        return None
    path = os.path.join(place.directory, os.path.basename(directory))
    note(path)
    try:
        os.mkdir(path)
    except OSError:
        return None
    return LeaseGroup(path, place.controllers)


def join(path: str) -> None:
    """Put this process into a group; what it starts is born there.

    Raises:
        OSError: There is no such group, or it may not.
    """
    put(path, "cgroup.procs", "0")


def recorded_group(record: dict[str, Any], directory: str) -> str | None:
    """The group that a lease's record names, while it is there and is named as that is."""
    path = record.get(FIELD)
    name = os.path.basename(directory).lstrip(".")
    if not isinstance(path, str) or os.path.basename(path) != name:
        return None
    return path if os.path.exists(os.path.join(path, "cgroup.procs")) else None


def end_recorded(record: dict[str, Any], directory: str) -> bool:
    """``end_group`` for the one that a lease's record names, if it does."""
    path = recorded_group(record, directory)
    return path is None or end_group(path)


def kill_group(path: str) -> None:
    """Kill all that is in it, at once and whatever it forks meanwhile.

    Before Linux 5.14 nothing: those who call this go on to kill what they find.
    """
    with contextlib.suppress(OSError):
        put(path, "cgroup.kill", "1")


def end_group(path: str) -> bool:
    """Kill all that is in it, wait for that, and remove it; False when somebody is left."""
    deadline = time.monotonic() + _END_SECONDS
    kill_group(path)
    while not _remove(path):
        if time.monotonic() >= deadline:
            return False
        kill_group(path)
        time.sleep(_PAUSE)
    return True


def _remove(path: str) -> bool:
    """Remove it with all below it, which only goes while nobody is in any of them."""
    for folder, _, _ in os.walk(path, topdown=False):
        try:
            os.rmdir(folder)
        except FileNotFoundError:
            continue
        except OSError:
            return False
    return True


def members(path: str) -> list[int]:
    """The processes in a group and below it."""
    return [pid for folder, _, _ in os.walk(path) for pid in processes_in(folder)]


def _counted(path: str, name: str) -> dict[str, int]:
    pairs = (line.split() for line in content(path, name).splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}
