"""What there is of a project at this moment."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import psutil

from notebook_executor.lifecycle.project.asking import ask_kernels, ask_sessions
from notebook_executor.lifecycle.project.finding import (
    RunningServer,
    find_servers,
    is_answering,
    of_another_user,
)
from notebook_executor.lifecycle.project.orphans import Orphan, find_orphans
from notebook_executor.lifecycle.project.places import read_token
from notebook_executor.lifecycle.project.settings import Project
from notebook_executor.lifecycle.project.stale import tidy_up
from notebook_executor.lifecycle.registry import LiveKernel, live_kernels

State = Literal["running", "not answering", "stopped"]

_SCHEMA = 1
_ANSWER_SECONDS = 10.0


@dataclass(frozen=True)
class KernelStatus:
    """A kernel of a project's server.

    Attributes:
        id: What the server calls it.
        name: Its kernelspec.
        state: As the server has it: ``idle``, ``busy``, ``starting`` and others.
        notebook: What it was started for; empty where the server does not say.
        pid: Its process; None where it cannot be seen.
        memory_bytes: The resident sets of all its processes; None likewise.
        processes: How many there are; None likewise.
    """

    id: str
    name: str
    state: str
    notebook: str
    pid: int | None
    memory_bytes: int | None
    processes: int | None


@dataclass(frozen=True)
class ProjectStatus:
    """See the attributes; ``to_dict`` is what ``--json`` prints.

    Attributes:
        project: It.
        state: ``not answering`` is a server that starts, hangs, or has no address that is known.
        python: The interpreter that looked.
        jupyterlab: The version that it has; None for none.
        server: The server; None where none runs.
        others: Further ones of the same project, of which there should be none.
        another_users: The process of another user's server, which is left alone; None for none.
        kernels: The server's.
        orphans: What was left by those that are gone.
        removed: Files of dead servers and kernels that were removed just now.
    """

    project: Project
    state: State
    python: str
    jupyterlab: str | None
    server: RunningServer | None
    others: tuple[RunningServer, ...]
    another_users: int | None
    kernels: tuple[KernelStatus, ...]
    orphans: tuple[Orphan, ...]
    removed: tuple[Path, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "schema": _SCHEMA,
            "project": self.project.name,
            "display_name": self.project.display_name,
            "root": str(self.project.root),
            "state": self.state,
            "environment": {"python": self.python, "jupyterlab": self.jupyterlab},
            "server": described(self.server) if self.server else None,
            "others": [described(server) for server in self.others],
            "another_users": self.another_users,
            "kernels": [asdict(kernel) for kernel in self.kernels],
            "orphans": [asdict(orphan) for orphan in self.orphans],
            "removed": [str(path) for path in self.removed],
        }


def described(server: RunningServer) -> dict[str, Any]:
    """What JSON says of a server: no token."""
    return {
        "pid": server.pid,
        "port": server.port,
        "url": server.url,
        "uptime_seconds": round(max(0.0, time.time() - server.started_at), 1),
        "pid_file": str(server.pid_file) if server.pid_file else None,
        "python": server.python,
    }


def look_at(project: Project) -> ProjectStatus:
    """Look at the project's server, kernels and orphans; remove the files of the dead.

    Blocks for as long as the server takes to answer, some tens of seconds at most.
    """
    removed = tidy_up(project)
    servers = find_servers(project)
    server = servers[0] if servers else None
    token = read_token(project) or ""
    state = _state(server, token)
    return ProjectStatus(
        project=project,
        state=state,
        python=sys.executable,
        jupyterlab=_version("jupyterlab"),
        server=server,
        others=tuple(servers[1:]),
        another_users=of_another_user(project),
        kernels=_kernels(server, token) if server and state == "running" else (),
        orphans=tuple(find_orphans(project, [server.pid for server in servers])),
        removed=removed,
    )


def _state(server: RunningServer | None, token: str) -> State:
    if server is None:
        return "stopped"
    return "running" if is_answering(server, token, _ANSWER_SECONDS) else "not answering"


def _kernels(server: RunningServer, token: str) -> tuple[KernelStatus, ...]:
    address = server.address or ""
    told = ask_kernels(address, token, _ANSWER_SECONDS)
    notebooks = ask_sessions(address, token, _ANSWER_SECONDS) if told else {}
    contained = {kernel.name: kernel for kernel in live_kernels(_bases(server))} if told else {}
    return tuple(
        _kernel(kernel, notebooks.get(kernel["id"], ""), contained.get(kernel["id"]), server.pid)
        for kernel in told
    )


def _kernel(
    told: dict[str, Any], notebook: str, contained: LiveKernel | None, server: int
) -> KernelStatus:
    name, state = str(told.get("name", "")), str(told.get("execution_state", ""))
    if contained is not None:
        pid, count = contained.kernel_pid, len(contained.processes)
        return KernelStatus(told["id"], name, state, notebook, pid, contained.memory_bytes, count)
    seen = _stock_kernel(told["id"], server)
    pid = seen[0].pid if seen else None
    memory = sum(map(_resident, seen)) if seen else None
    return KernelStatus(told["id"], name, state, notebook, pid, memory, len(seen) or None)


def _stock_kernel(identifier: str, server: int) -> list[psutil.Process]:
    """A kernel below the server that names its own file, and what is below it."""
    try:
        for process in psutil.Process(server).children(recursive=True):
            if any(identifier in word for word in process.cmdline()):
                return [process, *process.children(recursive=True)]
    except psutil.Error:
        pass
    return []


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _bases(server: RunningServer) -> list[Path]:
    """Where the server's kernels have their directories."""
    try:
        wanted = psutil.Process(server.pid).environ().get("TMPDIR")
    except psutil.Error:
        wanted = None
    return [Path(base) for base in dict.fromkeys((wanted or "/tmp", "/tmp"))]


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
