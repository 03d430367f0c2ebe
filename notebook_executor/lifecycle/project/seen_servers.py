"""The Jupyter servers that run on this machine, and whose project each serves."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from notebook_executor.errors import UsageError
from notebook_executor.lifecycle.project.listening import Listener
from notebook_executor.lifecycle.project.pid_file import PidFile, read_pid_files, start_time
from notebook_executor.lifecycle.project.ports import PORTS
from notebook_executor.lifecycle.project.processes import (
    ProcessTable,
    Seen,
    directory_of,
    environment_of,
)
from notebook_executor.lifecycle.project.server_commands import is_server_command
from notebook_executor.lifecycle.project.server_files import (
    runtime_directory,
    server_files,
)
from notebook_executor.lifecycle.project.services import Service, Services
from notebook_executor.lifecycle.project.settings import Project, read_project

_RUNTIME = ".jupyter_runtime"


@dataclass(frozen=True)
class SeenServer:
    """A Jupyter server that runs.

    Attributes:
        pid: Its process.
        start_time: When that started, as ``pid_file.start_time`` tells it.
        user: Whose it is.
        mine: Whether it is this user's, and not in a container.
        caller: Whether this process stands on it: its terminal is one of this server's, say.
        root: The project that it serves; None where that cannot be told.
        directory: The folder that it serves or runs in; None likewise.
        port: Where it listens, or says that it is about to; None where that cannot be told.
        url: Its address, without the token; None likewise.
        started_at: When, in ISO 8601.
        memory_bytes: Its own resident set, without that of its kernels.
        command: Its command line.
        service: What runs it, if a service manager does.
    """

    pid: int
    start_time: int
    user: str
    mine: bool
    caller: bool
    root: Path | None
    directory: str | None
    port: int | None
    url: str | None
    started_at: str
    memory_bytes: int
    command: str
    service: Service | None


def project_at(root: Path) -> Project:
    """A project as its folder says; by the folder's name alone where it says nonsense."""
    try:
        return read_project(root, {})
    except UsageError:
        return Project(root, root.name, root.name, root)


def find_servers(
    table: ProcessTable,
    roots: Iterable[Path],
    sockets: Iterable[Listener],
    folders: Iterable[Path] = (),
) -> list[SeenServer]:
    """All servers of this machine, by their port.

    Known by their command line, by the PID files of projects, and by what servers write into the
    runtime directories of projects and of this user.

    Args:
        table: The processes.
        roots: Projects that are known already; what runs anywhere in one is its server.
        sockets: Who listens where.
        folders: What may be projects as well. Below one there may be others that nobody knows, as
            below a home directory.
    """
    known, named = list(roots), list(folders)
    commanded = [pid for pid, seen in table.items() if _serves(seen, table)]
    here = [pid for pid in commanded if table.is_here(pid)]
    homes = {pid: home for pid in here if (home := _home(pid, known, named))}
    notes = _notes(dict.fromkeys([*known, *named, *homes.values()]), here)
    for pid, home in homes.items():
        notes[pid] = notes.get(pid, _NOTHING).filled(_Note(root=home))
    _join_wrapped(notes, table)
    wrapped = {pid for pid, note in notes.items() if note.wrapped}
    pids = [pid for pid in dict.fromkeys([*notes, *commanded]) if pid in table]
    # Of several, one that projects share counts.
    ordered = sorted(sockets, key=lambda listener: listener.port in PORTS)
    ports = {listener.pid: listener.port for listener in ordered}
    services = Services(table)
    found = [
        _described(table[pid], table, notes.get(pid, _NOTHING), ports.get(pid), services)
        for pid in pids
        if pid not in wrapped
    ]
    return sorted(filter(None, found), key=lambda server: (server.port or 1 << 16, server.pid))


@dataclass(frozen=True)
class _Note:
    """What files and its environment say of a server."""

    root: Path | None = None
    port: int | None = None
    url: str | None = None
    directory: str | None = None
    in_pid_file: bool = False
    wrapped: bool = False

    def filled(self, other: _Note) -> _Note:
        """This one, and where it says nothing, the other one."""
        names = self.__dataclass_fields__
        return _Note(**{name: getattr(self, name) or getattr(other, name) for name in names})


_NOTHING = _Note()


def _serves(seen: Seen, table: ProcessTable) -> bool:
    parent = table.get(seen.parent)
    # What a server has forked has its command line.
    is_copy = parent is not None and parent.words == seen.words
    return is_server_command(seen.words) and not is_copy


def _home(pid: int, known: list[Path], named: list[Path]) -> Path | None:
    """The project of a server: by its variables, else by the folder that it runs in."""
    runtime = (environment_of(pid) or {}).get("JUPYTER_RUNTIME_DIR", "")
    if os.path.basename(runtime) == _RUNTIME:
        return Path(os.path.realpath(os.path.dirname(runtime)))
    directory = directory_of(pid)
    if directory is None:
        return None
    folders = [Path(directory), *Path(directory).parents]
    noted = next((folder for folder in folders if pid in _pids_noted_in(folder)), None)
    if noted is not None or folders[0] in named:
        return noted or folders[0]
    return next((folder for folder in folders if folder in known), None)


def _pids_noted_in(root: Path) -> set[int]:
    return {file.pid for file in _pid_files(root) if file.pid is not None}


def _pid_files(root: Path) -> list[PidFile]:
    return [file for file in read_pid_files(project_at(root)) if file.alive]


def _notes(roots: Iterable[Path], servers: Iterable[int]) -> dict[int, _Note]:
    notes: dict[int, _Note] = {}
    runtimes: dict[Path, Path | None] = {runtime_directory(os.environ): None}
    for pid in servers:
        environment = environment_of(pid)
        if environment is not None:
            runtimes[runtime_directory(environment)] = None
    for root in roots:
        runtimes[root / _RUNTIME] = root
        for file in _pid_files(root):
            note = _Note(root, in_pid_file=True)
            if file.record is not None:
                note = replace(note, port=file.record.port, url=file.record.url)
            _add(notes, file.pid or 0, note)
    for runtime, home in runtimes.items():
        for server in server_files(runtime):
            if server.alive:
                note = _Note(home, server.port, server.url, server.directory)
                _add(notes, server.pid, note)
    return notes


def _add(notes: dict[int, _Note], pid: int, note: _Note) -> None:
    notes[pid] = notes.get(pid, _NOTHING).filled(note)


def _join_wrapped(notes: dict[int, _Note], table: ProcessTable) -> None:
    """A server below the process that its project's PID file names is one with that."""
    for pid, note in list(notes.items()):
        for outer in table.ancestors(pid):
            wrapper = notes.get(outer, _NOTHING)
            if wrapper.in_pid_file and not note.in_pid_file and wrapper.root == note.root:
                notes[outer] = wrapper.filled(note)
                notes[pid] = replace(note, wrapped=True)


def _described(
    seen: Seen, table: ProcessTable, note: _Note, port: int | None, services: Services
) -> SeenServer | None:
    started = start_time(seen.pid)
    if started is None:
        return None
    port = port or note.port
    return SeenServer(
        pid=seen.pid,
        start_time=started,
        user=seen.user,
        mine=table.is_mine(seen.pid),
        caller=table.is_caller(seen.pid),
        root=note.root,
        directory=note.directory or (directory_of(seen.pid) if table.is_here(seen.pid) else None),
        port=port,
        url=note.url or (f"http://127.0.0.1:{port}/" if port else None),
        started_at=datetime.fromtimestamp(seen.started, UTC).isoformat(timespec="seconds"),
        memory_bytes=seen.memory_bytes,
        command=seen.command,
        service=services.running(seen.pid),
    )
