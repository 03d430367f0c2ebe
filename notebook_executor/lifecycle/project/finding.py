"""Which servers of a project run: those that a PID file names, and those that only run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psutil

from notebook_executor.lifecycle.project.asking import ask_state
from notebook_executor.lifecycle.project.pid_file import PidFile, read_pid_files, start_time
from notebook_executor.lifecycle.project.server_files import ServerFile, server_files
from notebook_executor.lifecycle.project.settings import Project


@dataclass(frozen=True)
class RunningServer:
    """A living server of a project.

    Attributes:
        pid: Its process.
        start_time: When that started; with the pid this names it for good.
        port: Where it listens, or is about to; None where nothing says so.
        address: Its base address; None likewise.
        url: What a browser is pointed at, without the token; None likewise.
        started_at: When, in seconds of the epoch.
        pid_file: What names it; None for one that only runs.
        python: Its interpreter, where its record says so.
    """

    pid: int
    start_time: int
    port: int | None
    address: str | None
    url: str | None
    started_at: float
    pid_file: Path | None
    python: str | None


def find_servers(project: Project) -> list[RunningServer]:
    """This user's living servers of a project, the one that the conventional PID file names first.

    See ``of_another_user`` for those of others.
    """
    told = {file.pid: file for file in server_files(project.runtime) if file.alive}
    named: dict[int, PidFile | None] = {
        file.pid: file for file in read_pid_files(project) if file.alive and file.pid
    }
    pids = dict.fromkeys([*named, *told])
    found = (_described(pid, named.get(pid), told.get(pid)) for pid in pids)
    return [server for server in found if server is not None]


def of_another_user(project: Project) -> int | None:
    """The pid of a server that another user has running for the project; None for none."""
    files: list[PidFile | ServerFile] = [
        *read_pid_files(project),
        *server_files(project.runtime),
    ]
    return next((file.pid for file in files if not file.alive and not file.stale), None)


def listens(pid: int, port: int) -> bool:
    """Whether a process of this user's is who listens there."""
    try:
        connections = psutil.Process(pid).net_connections("tcp")
    except psutil.Error:
        return False
    return any(
        connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
        for connection in connections
        if connection.laddr
    )


def is_answering(server: RunningServer, token: str, seconds: float) -> bool:
    """Whether a server answers; of one that nothing says the address of, nobody can tell.

    Args:
        server: The server.
        token: The project's.
        seconds: How long each step may take.
    """
    if server.address is None:
        return False
    # Until one of ours has its port, another program may answer there.
    if server.python is not None and not (server.port and listens(server.pid, server.port)):
        return False
    return ask_state(server.address, token, seconds) != "silent"


def _described(pid: int, file: PidFile | None, told: ServerFile | None) -> RunningServer | None:
    started = start_time(pid)
    record = file.record if file else None
    if started is None or (record is not None and record.start_time != started):
        return None
    address = told.url if told else None
    if address is None and record is not None:
        address = record.url.removesuffix("lab")
    port = told.port if told else None
    return RunningServer(
        pid=pid,
        start_time=started,
        port=record.port if port is None and record is not None else port,
        address=address,
        url=f"{address.rstrip('/')}/lab" if address is not None else None,
        started_at=_created(pid),
        pid_file=file.path if file else None,
        python=record.python if record else None,
    )


def _created(pid: int) -> float:
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return 0.0
