"""Stopping a project's server, and starting another one in its place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from notebook_executor.errors import ServerError
from notebook_executor.lifecycle.project.ending import EndedTree, end_tree
from notebook_executor.lifecycle.project.finding import find_servers
from notebook_executor.lifecycle.project.locking import StopRequests, locked
from notebook_executor.lifecycle.project.places import make_folders
from notebook_executor.lifecycle.project.ports import is_free, not_to_be_had
from notebook_executor.lifecycle.project.settings import Project
from notebook_executor.lifecycle.project.stale import remove_stale
from notebook_executor.lifecycle.project.starting import (
    StartedServer,
    Wanted,
    check_owner,
    check_possible,
    start_locked,
)

# A start that is told to give up may have a server to end first.
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class StoppedServers:
    """What a stop has done.

    Attributes:
        ended: The servers that it ended; usually one, or none.
        removed: The files of dead ones that it removed.
    """

    ended: tuple[EndedTree, ...]
    removed: tuple[Path, ...]

    @property
    def left(self) -> int:
        """How many processes would not go."""
        return sum(tree.left for tree in self.ended)


def stop_server(project: Project) -> StoppedServers:
    """End what runs of the project's servers: asked to, ten seconds later killed, with all below.

    A start that is under way gives up: none of them has a server when this returns.

    Raises:
        ServerError: Another start or stop goes on and on, or the server is another user's.
    """
    check_owner(project)
    if not project.runtime.is_dir():
        return StoppedServers(_end_all(project), ())
    StopRequests(project).ask()
    first = _end_all(project)
    with locked(project, _PATIENCE_SECONDS):
        second = _end_all(project)
        return StoppedServers(first + second, tuple(remove_stale(project)))


def restart_server(project: Project, wanted: Wanted) -> tuple[StoppedServers, StartedServer]:
    """End the project's server, wait until it is gone, and start another, on its port if possible.

    Raises:
        UsageError: JupyterLab is missing in this environment, or the port is none.
        ServerError: The old one would not go, or no new one became ready. Where the port that is
            wanted is another program's, the old one goes on.
    """
    check_possible(project, wanted)
    make_folders(project)
    stops = StopRequests(project)
    with locked(project, wanted.patience):
        port = next((server.port for server in find_servers(project)), None)
        if wanted.port not in (None, port) and not is_free(wanted.port):
            raise not_to_be_had(wanted.port)
        stopped = StoppedServers(_end_all(project), tuple(remove_stale(project)))
        if stopped.left:
            raise ServerError(
                f"The server would not go: {stopped.left} of its processes are still there",
                hint="Nothing new was started beside it.",
            )
        return stopped, start_locked(project, replace(wanted, rather=port), stops)


def _end_all(project: Project) -> tuple[EndedTree, ...]:
    return tuple(end_tree(server.pid, server.start_time) for server in find_servers(project))
