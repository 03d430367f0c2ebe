"""Control groups (version 2): whether, and where, this process may make groups for its kernels.

Of the standard library alone, for the supervisors. A tree of groups has one manager: where systemd
runs, only what it has delegated is taken (``Delegate=yes``; it says so in an extended attribute),
elsewhere what can be written. As a group with processes in it cannot limit those below it, what
shares the delegated one with nobody but this host's processes is moved into a leaf of its own.
"""

from __future__ import annotations

import contextlib
import os
from typing import NamedTuple

from notebook_executor.lifecycle import proctree
from notebook_executor.lifecycle.directories import PREFIX

LEAF = f"{PREFIX}host"
CONTROLLERS = ("memory", "pids")
SYSTEMD = "/run/systemd/system"
_ATTRIBUTES = ("user.delegate", "trusted.delegate")
_ROUNDS = 5


class Place(NamedTuple):
    """Where groups for kernels may be made.

    Attributes:
        directory: Their parent.
        controllers: Which of ``CONTROLLERS`` they can have.
        missing: Those of them that the parent has yet to pass on.
        inmates: Processes that have to leave the parent before it can.
    """

    directory: str
    controllers: tuple[str, ...]
    missing: tuple[str, ...] = ()
    inmates: tuple[int, ...] = ()

    @property
    def ready(self) -> bool:
        return not self.missing


def find_place(host: int, proc: str = "/proc/self", systemd: str = SYSTEMD) -> Place | str:
    """Look where groups can be made, and change nothing.

    Args:
        host: The process whose descendants may be moved into a leaf.
        proc: The folder of this process.
        systemd: Exists where systemd manages the groups.

    Returns:
        The place, or why there is none.
    """
    own = own_group(proc)
    if own is None:
        return "there is no version 2 of them"
    parent, name = os.path.split(own)
    if name.startswith(PREFIX) and name != LEAF:
        return "this process is a run's own"
    reasons = []
    # What systemd calls DelegateSubgroup=, and our leaf, lie below the delegated one.
    for directory in [own, parent] if name != LEAF else [parent]:
        found = _judge(directory, host, proc, systemd)
        if isinstance(found, Place):
            return found
        reasons.append(found)
    return reasons[0]


def _judge(directory: str, host: int, proc: str, systemd: str) -> Place | str:
    files = [os.path.join(directory, f"cgroup.{name}") for name in ("procs", "subtree_control")]
    if not all(os.access(path, os.W_OK) for path in (directory, *files)):
        return f"{directory} cannot be written"
    if os.path.isdir(systemd) and not _is_delegated(directory):
        return f"systemd has not delegated {directory}"
    there = content(directory, "cgroup.controllers").split()
    controllers = tuple(name for name in CONTROLLERS if name in there)
    if not controllers:
        return f"{directory} has neither memory nor pids"
    passed_on = content(directory, "cgroup.subtree_control").split()
    missing = tuple(name for name in controllers if name not in passed_on)
    # The root of all has no type, and may have processes.
    if not missing or not os.path.exists(os.path.join(directory, "cgroup.type")):
        return Place(directory, controllers, missing)
    inmates = tuple(processes_in(directory))
    strangers = set(inmates) - _family(host)
    if strangers and _is_own(directory, proc):
        return f"in {directory} are processes of others, too"
    return Place(directory, controllers, missing, inmates) if not strangers else "others are in it"


def _is_own(directory: str, proc: str) -> bool:
    return directory == own_group(proc)


def _is_delegated(directory: str) -> bool:
    for name in _ATTRIBUTES:
        with contextlib.suppress(OSError):
            if os.getxattr(directory, name) == b"1":
                return True
    return False


def _family(host: int) -> set[int]:
    return {host, os.getpid(), *proctree.descendants(host, zombies=True)}


def take_place(host: int) -> Place | None:
    """Have the place, where there is one, pass its controllers on; None where that cannot be."""
    for _ in range(_ROUNDS):
        found = find_place(host)
        if isinstance(found, str) or found.ready:
            return None if isinstance(found, str) else found
        try:
            if found.inmates:
                _move(found.inmates, _made(os.path.join(found.directory, LEAF)))
            switch = " ".join(f"+{name}" for name in found.missing)
            put(found.directory, "cgroup.subtree_control", switch)
        except OSError:
            # The host has forked meanwhile, or nothing can be done: looking again tells.
            continue
    return None


def leave_place(place: Place, host: int) -> None:
    """Undo what ``take_place`` did, unless somebody else may need it; at the end of a guard."""
    leaf = os.path.join(place.directory, LEAF)
    if not set(processes_in(leaf)) <= {host, os.getpid()} or _groups_in(place.directory) != [LEAF]:
        return
    with contextlib.suppress(OSError):
        switch = " ".join(f"-{name}" for name in place.controllers)
        put(place.directory, "cgroup.subtree_control", switch)
        _move(processes_in(leaf), place.directory)
        os.rmdir(leaf)


def own_group(proc: str = "/proc/self") -> str | None:
    """The folder of the group that a process is in; None where it cannot be seen."""
    lines = _lines(os.path.join(proc, "cgroup"))
    path = next((line[3:] for line in lines if line.startswith("0::")), None)
    if path is None or "/.." in path:
        return None
    for line in _lines(os.path.join(proc, "mountinfo")):
        before, _, after = line.partition(" - ")
        if after.startswith("cgroup2 "):
            root, mount = before.split()[3:5]
            inner = os.path.relpath(path, root)
            return None if inner.startswith("..") else os.path.normpath(os.path.join(mount, inner))
    return None


def processes_in(directory: str) -> list[int]:
    """The processes of a group, those of the groups below it left out.

    Those outside of this process's PID namespace are all 0.
    """
    return [int(word) for word in content(directory, "cgroup.procs").split()]


def content(directory: str, name: str) -> str:
    """What a file of a group says; empty where there is none."""
    return "\n".join(_lines(os.path.join(directory, name)))


def put(directory: str, name: str, text: str) -> None:
    """Write to a file of a group.

    Raises:
        OSError: There is no such file, or what is asked for is refused.
    """
    # Not buffered, and never made: what is not there is another kernel's.
    descriptor = os.open(os.path.join(directory, name), os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _move(pids: tuple[int, ...] | list[int], directory: str) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            put(directory, "cgroup.procs", str(pid))


def _made(directory: str) -> str:
    with contextlib.suppress(FileExistsError):
        os.mkdir(directory)
    return directory


def _groups_in(directory: str) -> list[str]:
    try:
        return [entry.name for entry in os.scandir(directory) if entry.is_dir()]
    except OSError:
        return []


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()
    except OSError:
        return []
