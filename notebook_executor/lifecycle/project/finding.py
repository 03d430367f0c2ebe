"""Which servers of a project run: those that a PID file names, and those that only run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from notebook_executor.lifecycle.project.pid_file import (
    PidFile,
    is_that_process,
    read_pid_files,
    start_time,
)
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
    """The living servers of a project, the one that the conventional PID file names first."""
    named: dict[int, PidFile | None] = {
        file.pid: file for file in read_pid_files(project) if file.alive and file.pid
    }
    for path in runtime_files(project):
        pid = pid_of_runtime_file(path)
        if pid is not None and is_of_living(path, pid):
            named.setdefault(pid, None)
    found = (_described(project, pid, file) for pid, file in named.items())
    return [server for server in found if server is not None]


def runtime_files(project: Project) -> list[Path]:
    """The files that Jupyter servers write of themselves."""
    return sorted(project.runtime.glob("jpserver-*.json"))


def pid_of_runtime_file(path: Path) -> int | None:
    number = path.stem.removeprefix("jpserver-")
    return int(number) if number.isdecimal() and number.isascii() else None


def is_of_living(path: Path, pid: int) -> bool:
    """Whether the server that wrote the file is still there."""
    try:
        written = path.stat().st_mtime
    except OSError:
        return False
    return is_that_process(pid, None, before=written)


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


def _described(project: Project, pid: int, file: PidFile | None) -> RunningServer | None:
    started = start_time(pid)
    record = file.record if file else None
    if started is None or (record is not None and record.start_time != started):
        return None
    told = _read(project.runtime / f"jpserver-{pid}.json")
    address = told.get("url")
    port = told.get("port", record.port if record else None)
    if not isinstance(address, str) and record is not None:
        address = record.url.removesuffix("lab")
    return RunningServer(
        pid=pid,
        start_time=started,
        port=port if isinstance(port, int) else None,
        address=address if isinstance(address, str) else None,
        url=f"{address.rstrip('/')}/lab" if isinstance(address, str) else None,
        started_at=_created(pid),
        pid_file=file.path if file else None,
        python=record.python if record else None,
    )


def _created(pid: int) -> float:
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return 0.0


def _read(path: Path) -> dict[str, Any]:
    try:
        loaded = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return loaded if isinstance(loaded, dict) else {}
