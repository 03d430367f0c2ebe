"""Kernels and servers of a project that nobody looks after any more."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

import psutil

from notebook_executor.lifecycle import marks
from notebook_executor.lifecycle.project.pid_file import start_time
from notebook_executor.lifecycle.project.settings import Project

_SERVERS = ("jupyterlab", "jupyter-lab", "jupyter_server", "jupyter-server", "jupyter-notebook")
_KERNELS = ("ipykernel", "connection.json", "kernel-")
_COMMAND_CHARACTERS = 200

Kind = Literal["kernel", "server"]


@dataclass(frozen=True)
class Orphan:
    """A process of a project whose server, or whatever had started it, is gone.

    Attributes:
        pid: The process.
        start_time: When it started, as PID files have it.
        kind: What it is, or came from.
        memory_bytes: Its resident set.
        command: Its command line, cut.
    """

    pid: int
    start_time: int
    kind: Kind
    memory_bytes: int
    command: str


@dataclass(frozen=True)
class _Member:
    """A living process of this user's with the project's variables in its environment."""

    process: psutil.Process
    parent: int
    words: list[str]
    contained: bool

    @property
    def kind(self) -> Kind | None:
        if any(name in word for word in self.words[:4] for name in _SERVERS):
            return "server"
        if self.contained or any(name in word for word in self.words for name in _KERNELS):
            return "kernel"
        return None


def find_orphans(project: Project, servers: Collection[int]) -> list[Orphan]:
    """The kernels of a project that have no host any more, and servers that nothing names.

    A process is a project's by its ``JUPYTER_RUNTIME_DIR``. One with a living parent in the same
    project has somebody who looks after it: a server, a run, a terminal.

    Args:
        project: Whose.
        servers: Pids of its servers that are known.
    """
    members = {member.process.pid: member for member in _members(project)}
    found = []
    for pid, member in sorted(members.items()):
        kind = member.kind
        if kind is None or pid in servers or _is_looked_after(member, members):
            continue
        if kind == "kernel" or _parent_is_init(member):
            found.append(_described(member, kind))
    return [orphan for orphan in found if orphan is not None]


def _is_looked_after(member: _Member, members: dict[int, _Member]) -> bool:
    """Whether there is, above it, something of the project that is no kernel itself."""
    parent = members.get(member.parent)
    while parent is not None:
        if parent.kind != "kernel":
            return True
        parent = members.get(parent.parent)
    return False


def _parent_is_init(member: _Member) -> bool:
    """Whether it was left to the system, or to the user's own service manager."""
    try:
        return member.parent <= 1 or psutil.Process(member.parent).name() == "systemd"
    except psutil.Error:
        return True


def _members(project: Project) -> Iterator[_Member]:
    for process in psutil.process_iter():
        try:
            with process.oneshot():
                if process.pid == os.getpid() or process.uids().effective != os.geteuid():
                    continue
                environment = process.environ()
                if environment.get("JUPYTER_RUNTIME_DIR") != str(project.runtime):
                    continue
                if process.status() == psutil.STATUS_ZOMBIE:
                    continue
                contained = marks.VARIABLE in environment
                yield _Member(process, process.ppid(), process.cmdline(), contained)
        except psutil.Error:
            continue


def _described(member: _Member, kind: Kind) -> Orphan | None:
    pid = member.process.pid
    started = start_time(pid)
    try:
        memory = int(member.process.memory_info().rss)
    except psutil.Error:
        return None
    if started is None:
        return None
    return Orphan(pid, started, kind, memory, " ".join(member.words)[:_COMMAND_CHARACTERS])
