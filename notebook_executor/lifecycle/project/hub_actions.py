"""What may be done about projects from outside: a server stopped, and what is left reaped."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from notebook_executor.errors import UsageError
from notebook_executor.lifecycle.directories import bases
from notebook_executor.lifecycle.project.ending import EndedTree, end_tree
from notebook_executor.lifecycle.project.hub import Machine, ProjectView, project_of
from notebook_executor.lifecycle.project.orphans import Orphan
from notebook_executor.lifecycle.project.pid_file import read_pid_files, remove_pid_file
from notebook_executor.lifecycle.project.seen_servers import SeenServer, project_at
from notebook_executor.lifecycle.project.stopping import stop_server
from notebook_executor.lifecycle.reaper import Leftover, reap

_ORPHAN_SECONDS = 3.0


@dataclass(frozen=True)
class StoppedServer:
    """A server that was ended.

    Attributes:
        root: Its project; None for none.
        pid: Its process.
        port: Where it listened; None where that could not be told.
        forced: Whether it, or something below it, had to be killed.
        processes_left: How many of its processes would not go.
        seconds: How long that took.
    """

    root: Path | None
    pid: int
    port: int | None
    forced: bool
    processes_left: int
    seconds: float


@dataclass(frozen=True)
class ReapedOrphan:
    """An orphan, and how many of its processes are still there; of a dry run, it itself."""

    orphan: Orphan
    processes_left: int


def find_project(machine: Machine, wanted: str) -> ProjectView:
    """The project that is meant by a folder of it, or by its name.

    Args:
        machine: What there is.
        wanted: What has a slash, or is ``.``, is a folder.

    Raises:
        UsageError: There is none, or more than one.
    """
    if "/" in wanted or wanted in (".", ".."):
        folder = Path(os.path.realpath(wanted))
        around = [project for project in machine.projects if folder.is_relative_to(project.root)]
        around.sort(key=lambda project: (_is_told(project), len(project.root.parts)))
        found = around[-1:]
    else:
        found = [project for project in machine.projects if project.name == wanted]
    if len(found) == 1:
        return found[0]
    known = ", ".join(str(project.root) for project in found or machine.projects) or "none"
    if found:
        message = f"There are {len(found)} projects that {wanted!r} can mean"
        raise UsageError(message, hint=f"Name one by its folder: {known}.")
    raise UsageError(f"There is no project {wanted!r}", hint=f"Known are: {known}.")


def _is_told(project: ProjectView) -> bool:
    """Whether more than its being named says that a folder is a project, not one within another."""
    told = project.registered or project.servers or project.orphans or project.state == "stale"
    return bool(told) or (project.root / "pyproject.toml").is_file()


def find_target(machine: Machine, wanted: str) -> ProjectView | SeenServer:
    """What is to be stopped: a project, by name or folder or by its server's port, or a server.

    Args:
        machine: What there is.
        wanted: ``:8889`` and ``8889`` are ports; for the rest see ``find_project``.

    Raises:
        UsageError: There is no such project, or no server at that port.
    """
    number = wanted.removeprefix(":")
    if not (number.isascii() and number.isdigit()):
        return find_project(machine, wanted)
    for project in machine.projects:
        if any(str(view.server.port) == number for view in project.servers):
            return project
    for view in machine.strangers:
        if str(view.server.port) == number:
            return view.server
    raise UsageError(
        f"There is no Jupyter server at port {number}", hint="nbx hub status shows all of them."
    )


def stop(target: ProjectView | SeenServer) -> list[StoppedServer]:
    """End a server, or all that a project has: SIGTERM, ten seconds, SIGKILL, with all below.

    None is ended by its pid alone: what was seen is taken hold of first. A start of the project
    that is under way gives up.

    Raises:
        UsageError: One is another user's, or a service's, or this process stands on it; nothing
            was ended then.
        ServerError: Another start or stop of the project goes on and on.
    """
    if isinstance(target, SeenServer):
        _check(target)
        return [_stop(target, {})]
    servers = [view.server for view in target.servers]
    for server in servers:
        _check(server)
    began = time.monotonic()
    ended = {tree.pid: tree for tree in stop_server(project_at(target.root)).ended}
    return [_stop(server, ended, began) for server in servers]


def _check(server: SeenServer) -> None:
    name = f"The server {server.pid}" + (f" on port {server.port}" if server.port else "")
    if server.caller:
        raise UsageError(
            f"{name} is what this command runs in",
            hint="Stop it from a terminal that is not one of its own.",
        )
    if not server.mine:
        raise UsageError(
            f"{name} is not yours to stop: it is {server.user}'s, or in a container",
            hint=f"Ask {server.user}, or stop it where it was started.",
        )
    if server.service is not None:
        raise UsageError(
            f"{name} is run by the service {server.service.name}, which would start it again",
            hint=f"{server.service.stop} stops it.",
        )


def _stop(
    server: SeenServer, ended: Mapping[int, EndedTree], began: float | None = None
) -> StoppedServer:
    began = time.monotonic() if began is None else began
    # What has none of the conventional files is not known to the project's own stop.
    tree = ended.get(server.pid) or end_tree(server.pid, server.start_time)
    if server.root is not None:
        _remove_pid_files(server.root, server.pid)
    return StoppedServer(
        root=server.root,
        pid=server.pid,
        port=server.port,
        forced=tree.forced,
        processes_left=tree.left,
        seconds=time.monotonic() - began,
    )


def _remove_pid_files(root: Path, pid: int) -> None:
    for file in read_pid_files(project_at(root)):
        if file.pid == pid and file.stale:
            remove_pid_file(file)


def reap_orphans(projects: Sequence[ProjectView], *, dry_run: bool) -> list[ReapedOrphan]:
    """End the kernels of these projects whose server is gone: three seconds, then SIGKILL."""
    return [
        ReapedOrphan(orphan, 1 if dry_run else _end(orphan))
        for project in projects
        for orphan in project.orphans
    ]


def _end(orphan: Orphan) -> int:
    return end_tree(orphan.pid, orphan.start_time, _ORPHAN_SECONDS).left


def reap_leftovers(projects: Sequence[ProjectView], *, dry_run: bool) -> list[Leftover]:
    """Finish what killed kernels of ours have left that ran in these projects."""
    roots = [project.root for project in projects]

    def is_theirs(record: Mapping[str, Any]) -> bool:
        return project_of(record, roots) is not None

    return reap(bases(), dry_run=dry_run, wanted=is_theirs)
