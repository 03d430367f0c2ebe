"""Starting a project's server: one, on a port that is free, noted from its first moment on."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from notebook_executor.errors import ServerError, UsageError
from notebook_executor.lifecycle.directories import bases
from notebook_executor.lifecycle.project.asking import Answer, ask_state
from notebook_executor.lifecycle.project.becoming import becoming_arguments, server_environment
from notebook_executor.lifecycle.project.ending import end_tree
from notebook_executor.lifecycle.project.finding import (
    RunningServer,
    find_servers,
    is_answering,
    listens,
    of_another_user,
)
from notebook_executor.lifecycle.project.locking import StopRequests, locked
from notebook_executor.lifecycle.project.log import ServerLog, open_log
from notebook_executor.lifecycle.project.places import (
    ensure_token,
    make_folders,
    place_for_pid_file,
)
from notebook_executor.lifecycle.project.ports import candidates, check_port, is_free
from notebook_executor.lifecycle.project.registered import register_project
from notebook_executor.lifecycle.project.settings import Project
from notebook_executor.lifecycle.project.spawning import Child
from notebook_executor.lifecycle.project.stale import remove_stale
from notebook_executor.lifecycle.reaper import reap

START_SECONDS = 120.0

_LOOK_SECONDS = 0.1
_ANSWER_SECONDS = 5.0
_TAIL_LINES = 20


@dataclass(frozen=True)
class StartedServer:
    """A server that is ready.

    Attributes:
        server: It.
        child: Its process, if this one started it; None for one that was running already.
        log: Where it writes; None likewise.
        log_begins_at: The size of what is in the log from before.
        warnings: What is not as it should be, and does not keep it from running.
    """

    server: RunningServer
    child: Child | None = None
    log: Path | None = None
    log_begins_at: int = 0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wanted:
    """How a server is to be started.

    Attributes:
        port: The only one that will do; None for the first of the shared ones that is free.
        rather: One that is tried before those.
        patience: Seconds until it has to be ready.
        ends_with_us: Whether it is asked to end when this process is gone.
        when_ready: Called when it answers; what this interrupts before, ends the server.
    """

    port: int | None = None
    rather: int | None = None
    patience: float = START_SECONDS
    ends_with_us: bool = False
    when_ready: Callable[[], None] = lambda: None


def start_server(project: Project, wanted: Wanted) -> StartedServer:
    """Have the project's server run, and wait until it answers; one that runs already will do.

    Of two at once, the second waits for the first and finds its server.

    Raises:
        UsageError: JupyterLab is missing in this environment, or the port is none.
        ServerError: It did not become ready, and nothing of it is left.
    """
    check_possible(project, wanted)
    make_folders(project)
    stops = StopRequests(project)
    with locked(project, wanted.patience):
        return start_locked(project, wanted, stops)


def start_locked(project: Project, wanted: Wanted, stops: StopRequests) -> StartedServer:
    """As ``start_server``, for whoever holds the project's lock and has its folders made."""
    deadline = time.monotonic() + wanted.patience
    running = next(iter(find_servers(project)), None)
    token = ensure_token(project)
    if running is not None:
        return StartedServer(_awaited(running, project, token, deadline))
    remove_stale(project)
    reap(bases())
    register_project(project.root)
    folder = place_for_pid_file(project)
    log = open_log(project.log)
    try:
        return _try_ports(_Start(project, wanted, stops, token, folder, log, deadline))
    finally:
        os.close(log.descriptor)


def check_possible(project: Project, wanted: Wanted) -> None:
    """Refuse what can be seen to fail before anything is done.

    Raises:
        UsageError: The port is none, or JupyterLab is missing in this environment.
        ServerError: Another user's server runs here.
    """
    check_port(wanted.port)
    if importlib.util.find_spec("jupyterlab") is None:
        raise UsageError(
            "JupyterLab is not installed in this environment",
            hint="Have the project depend on notebook_executor[server].",
        )
    check_owner(project)


def check_owner(project: Project) -> None:
    """Raise ServerError where another user's server runs: nothing of it is touched."""
    if (pid := of_another_user(project)) is not None:
        raise ServerError(
            f"Another user has a server running here, process {pid}",
            hint="Ask for it to be stopped, or make a copy of the project.",
        )


def _awaited(server: RunningServer, project: Project, token: str, deadline: float) -> RunningServer:
    """A server that somebody else has started, once it answers, or nothing says where to ask."""
    while True:
        now = next((found for found in find_servers(project) if found.pid == server.pid), None)
        if now is None:
            raise ServerError(
                f"The server that was starting, process {server.pid}, has ended",
                hint=f"The log is {project.log}.",
            )
        if now.address is None or is_answering(now, token, _ANSWER_SECONDS):
            return now
        if time.monotonic() > deadline:
            raise ServerError(
                f"There is a server, process {server.pid}, but it does not answer",
                hint="Restart it.",
            )
        time.sleep(_LOOK_SECONDS)


@dataclass(frozen=True)
class _Start:
    project: Project
    wanted: Wanted
    stops: StopRequests
    token: str
    folder: Path
    log: ServerLog
    deadline: float


def _try_ports(start: _Start) -> StartedServer:
    for port in _ports(start.wanted):
        if start.stops.came:
            break
        child = _spawn(start, port)
        try:
            server = _ready(start, child, port)
            if server is not None:
                start.wanted.when_ready()
        except BaseException:
            _undo(start, child)
            raise
        if server is not None:
            return _described(start, server, child)
        _undo(start, child)
    raise ServerError("The server was stopped while it was starting")


def _ports(wanted: Wanted) -> Iterator[int]:
    if wanted.port is None and wanted.rather is not None and is_free(wanted.rather):
        yield wanted.rather
    yield from candidates(wanted.port)


def _spawn(start: _Start, port: int) -> Child:
    arguments = becoming_arguments(
        start.project, start.folder, port, ends_with_us=start.wanted.ends_with_us
    )
    environment = server_environment(start.project, os.environ)
    return Child(arguments, environment, start.log.descriptor)


def _ready(start: _Start, child: Child, port: int) -> RunningServer | None:
    """The server once it answers; None when it is to be tried elsewhere, or was stopped."""
    while child.exited is None:
        if start.stops.came:
            return None
        if (server := _answering(start, child, port)) is not None:
            return server
        if time.monotonic() > start.deadline:
            raise _failed(start, f"was not ready within {start.wanted.patience:g} seconds")
        time.sleep(_LOOK_SECONDS)
    if start.stops.came or _was_stolen(start, port):
        return None
    raise _failed(start, _told(child.exited))


def _answering(start: _Start, child: Child, port: int) -> RunningServer | None:
    if not listens(child.pid, port):
        return None
    server = next((one for one in find_servers(start.project) if one.pid == child.pid), None)
    if server is None or server.address is None:
        return None
    answer: Answer = ask_state(server.address, start.token, _ANSWER_SECONDS)
    if answer == "refused":
        raise _failed(
            start,
            "does not take the project's token",
            hint=f"Something in {start.project.root / '.jupyter_config'} sets another one.",
        )
    return server if answer == "ready" else None


def _was_stolen(start: _Start, port: int) -> bool:
    """Whether another program has the port, or had it when the server wanted it."""
    return not is_free(port) or f"port {port} is" in start.log.tail(_TAIL_LINES)


def _undo(start: _Start, child: Child) -> None:
    if child.exited is None:
        end_tree(child.pid, child.started)
    with contextlib.suppress(OSError):
        remove_stale(start.project)


def _told(code: int) -> str:
    return f"was killed by signal {-code}" if code < 0 else f"exited with code {code}"


def _failed(start: _Start, what: str, hint: str = "") -> ServerError:
    return ServerError(
        f"The server {what}",
        hint=hint or start.log.warning or f"The whole log is {start.log.path}.",
        log_tail=start.log.tail(_TAIL_LINES),
    )


def _described(start: _Start, server: RunningServer, child: Child) -> StartedServer:
    warnings = [start.log.warning] if start.log.warning else []
    if start.folder != start.project.logs:
        warnings.append(f"the PID file is in {start.folder}, for {start.project.logs} has no room")
    return StartedServer(server, child, start.log.path, start.log.begins_at, tuple(warnings))
