"""All projects of this machine at one look: their servers, ports, and what they have left over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from notebook_executor.lifecycle.directories import bases
from notebook_executor.lifecycle.project.listening import Listener, listeners
from notebook_executor.lifecycle.project.orphans import Orphan, kernel_file, orphans_among
from notebook_executor.lifecycle.project.pid_file import read_pid_files
from notebook_executor.lifecycle.project.ports import PORTS
from notebook_executor.lifecycle.project.processes import ProcessTable, look
from notebook_executor.lifecycle.project.registered import (
    forget,
    registered_projects,
)
from notebook_executor.lifecycle.project.seen_servers import SeenServer, find_servers, project_at
from notebook_executor.lifecycle.reaper import Leftover, reap
from notebook_executor.lifecycle.registry import LiveKernel, live_kernels

PortState = Literal["free", "server", "other"]
ProjectState = Literal["running", "stopped", "stale"]


@dataclass(frozen=True)
class Kernels:
    """What a server has started.

    Attributes:
        count: How many kernels.
        memory_bytes: The resident sets of all their processes.
    """

    count: int
    memory_bytes: int


@dataclass(frozen=True)
class ServerView:
    """A running server and its kernels."""

    server: SeenServer
    kernels: Kernels


@dataclass(frozen=True)
class ProjectView:
    """One project.

    Attributes:
        root: Its folder.
        name: What it calls itself.
        registered: Whether it was bootstrapped or started with what notes that.
        state: ``stale`` where a PID file is there and no server: the next start or stop cleans up.
        servers: Its servers, one as a rule.
        orphans: Stock kernels of it whose server is gone.
        leftovers: What killed kernels of ours have left.
    """

    root: Path
    name: str
    registered: bool
    state: ProjectState
    servers: tuple[ServerView, ...]
    orphans: tuple[Orphan, ...]
    leftovers: tuple[Leftover, ...]


@dataclass(frozen=True)
class Port:
    """One of the ports that projects share.

    Attributes:
        number: Which.
        state: ``server`` where a Jupyter server listens, ``other`` where somebody else does.
        pid: Who listens; None where nobody does, or it cannot be seen.
        user: The same by the user's name; None likewise.
        root: The server's project; None for none.
        command: The command line; empty where it cannot be seen.
    """

    number: int
    state: PortState
    pid: int | None = None
    user: str | None = None
    root: Path | None = None
    command: str = ""


@dataclass(frozen=True)
class Machine:
    """What there is.

    Attributes:
        projects: By their folder.
        strangers: Servers of no project, and those of other users.
        ports: 8888 to 8899.
        orphans: Stock kernels without a server that belong to no project: shown, never touched.
        leftovers: What killed kernels of ours have left that belongs to no project.
        forgotten: Registered folders that are gone; they are not registered any more.
    """

    projects: tuple[ProjectView, ...]
    strangers: tuple[ServerView, ...]
    ports: tuple[Port, ...]
    orphans: tuple[Orphan, ...]
    leftovers: tuple[Leftover, ...]
    forgotten: tuple[Path, ...]


def survey(also: Iterable[Path] = ()) -> Machine:
    """Look at everything; forgets registered projects whose folder is gone.

    Args:
        also: Projects that are looked at whether or not they are registered.
    """
    gone = [project for project in registered_projects() if project.vanished and forget(project)]
    registered = [project.root for project in registered_projects()]
    table, sockets = look(), listeners()
    servers = find_servers(table, registered, sockets, list(also))
    leftovers = reap(bases(), dry_run=True)
    reaped = {pid for leftover in leftovers for pid in leftover.processes}
    orphans = orphans_among(table, {*(server.pid for server in servers), *reaped})
    views = _with_kernels(servers, table, live_kernels(bases()))
    found = (
        *registered,
        *also,
        *(server.root for server in servers if server.mine),
        *(orphan.root for orphan in orphans),
    )
    roots = sorted({root for root in found if root is not None and root.is_dir()})
    projects = tuple(
        _project(root, root in registered, views, orphans, leftovers) for root in roots
    )
    return Machine(
        projects=projects,
        strangers=tuple(
            view for view in views if not any(view in project.servers for project in projects)
        ),
        ports=tuple(_port(number, sockets, servers, table) for number in PORTS),
        orphans=tuple(orphan for orphan in orphans if orphan.root not in roots),
        leftovers=tuple(left for left in leftovers if project_of(left.record, roots) is None),
        forgotten=tuple(project.root for project in gone),
    )


def project_of(record: Mapping[str, Any], roots: Iterable[Path]) -> Path | None:
    """The innermost project that a kernel ran in, as its lease says; None for none."""
    cwd = record.get("cwd")
    if not isinstance(cwd, str):
        return None
    around = [root for root in roots if Path(cwd).is_relative_to(root)]
    return max(around, key=lambda root: len(root.parts), default=None)


def _project(
    root: Path,
    is_registered: bool,
    views: list[ServerView],
    orphans: list[Orphan],
    leftovers: list[Leftover],
) -> ProjectView:
    project = project_at(root)
    own = tuple(view for view in views if view.server.root == root and view.server.mine)
    stale = any(file.stale for file in read_pid_files(project))
    return ProjectView(
        root=root,
        name=project.name,
        registered=is_registered,
        state="running" if own else "stale" if stale else "stopped",
        servers=own,
        orphans=tuple(orphan for orphan in orphans if orphan.root == root),
        leftovers=tuple(left for left in leftovers if project_of(left.record, [root]) == root),
    )


def _with_kernels(
    servers: list[SeenServer], table: ProcessTable, kernels: list[LiveKernel]
) -> list[ServerView]:
    """Ours are told by their leases, stock ones by descent and their connection file."""
    views = []
    for server in servers:
        contained = [kernel for kernel in kernels if kernel.host_pid == server.pid]
        stock = [pid for pid in table.below(server.pid) if kernel_file(table[pid]) is not None]
        inside = {process.pid for kernel in contained for process in kernel.processes}
        plain = [pid for pid in stock if pid not in inside]
        processes = {*plain, *(pid for kernel in plain for pid in table.below(kernel))}
        memory = sum(kernel.memory_bytes for kernel in contained)
        memory += sum(table[pid].memory_bytes for pid in processes - inside)
        views.append(ServerView(server, Kernels(len(contained) + len(plain), memory)))
    return views


def _port(
    number: int, sockets: list[Listener], servers: list[SeenServer], table: ProcessTable
) -> Port:
    holders = [socket for socket in sockets if socket.port == number]
    if not holders:
        return Port(number, "free")
    listed = {server.pid: server for server in servers}
    holder = next((socket for socket in holders if socket.pid in listed), holders[0])
    # What is below a wrapper that is told as the server listens for it. A server that only says
    # that this is its port may just be about to find out that it is another's.
    around = [holder.pid, *table.ancestors(holder.pid)] if holder.pid else []
    server = next((listed[pid] for pid in around if pid in listed), None)
    if server is not None and server.pid != holder.pid and server.port != number:
        server = None
    seen = table.get(holder.pid or 0)
    return Port(
        number=number,
        state="other" if server is None else "server",
        pid=holder.pid,
        user=holder.user,
        root=server.root if server else None,
        command=seen.command if seen else "",
    )
