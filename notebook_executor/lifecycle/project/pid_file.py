"""The PID file of a project's server, and who it means today.

``jupyter.pid`` holds the pid alone, for ``kill $(cat …)`` and for other projects. ``jupyter.json``
beside it says which process that was: a pid by itself means whoever has it now.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

from notebook_executor.lifecycle.proctree import start_ticks
from notebook_executor.lifecycle.project.settings import Project

PID_FILE = "jupyter.pid"
RECORD_FILE = "jupyter.json"

# The system's start times are whole seconds or so off the clock that files are stamped with.
_SLACK_SECONDS = 2.0


@dataclass(frozen=True)
class ServerRecord:
    """What ``jupyter.json`` says of a server.

    Attributes:
        pid: Its process.
        start_time: When that started, as ``start_time`` tells it.
        port: Where it listens, or is about to.
        url: Its address, without the token.
        started_at: When, in ISO 8601 and UTC.
        project: The project's name.
        root: The project's folder.
        python: The interpreter.
        schema: Of this record.
    """

    pid: int
    start_time: int
    port: int
    url: str
    started_at: str
    project: str
    root: str
    python: str
    schema: int = 1


@dataclass(frozen=True)
class PidFile:
    """A PID file as it was read.

    Attributes:
        path: Where.
        pid: What it says; None when that is no pid.
        record: What the file beside it says of the same pid; None when there is none: the PID
            file may be another program's.
        alive: Whether the process that it was written for is still there, and this user's.
        stale: Whether it is gone, or was never one: another user's is neither.
    """

    path: Path
    pid: int | None
    record: ServerRecord | None
    alive: bool
    stale: bool


def start_time(pid: int) -> int | None:
    """When a process started: with its pid this names it for good; None when it is gone.

    In clock ticks since boot where there is /proc, else in hundredths of seconds of the epoch.
    """
    if sys.platform == "linux":
        return start_ticks(pid)
    try:
        return int(psutil.Process(pid).create_time() * 100)
    except (psutil.Error, ValueError, OverflowError):
        return None


def read_pid_files(project: Project) -> list[PidFile]:
    """The project's PID files, the conventional one first; those of living servers before others.

    Whoever changes what it finds holds the project's lock.
    """
    found = [read_pid_file(folder / PID_FILE) for folder in project.pid_file_folders]
    return sorted(filter(None, found), key=lambda file: not file.alive)


def read_pid_file(path: Path) -> PidFile | None:
    """What a PID file says and who it means; None when there is no such file."""
    try:
        status = path.stat()
        # A pipe of that name would be waited for.
        if not stat.S_ISREG(status.st_mode):
            return None
        text = path.read_bytes()[:100].decode("ascii", "replace").strip()
    except OSError:
        return None
    pid = int(text) if text.isdigit() and 0 < int(text) < 1 << 31 else None
    if pid is None:
        return PidFile(path, None, None, alive=False, stale=True)
    record = _read_record(path.with_name(RECORD_FILE))
    if record is not None and record.pid != pid:
        record = None
    started = record.start_time if record else None
    whose = whose_process(pid, started, before=status.st_mtime)
    if record is None and not _is_jupyter(pid):
        whose = "nobody's"
    return PidFile(path, pid, record, alive=whose == "ours", stale=whose == "nobody's")


def whose_process(
    pid: int, started: int | None, *, before: float
) -> Literal["ours", "another's", "nobody's"]:
    """Whose the living process is that was noted once; nobody's when its pid does not mean it now.

    Args:
        pid: The pid.
        started: Its start time, as ``start_time`` tells it, if that was noted.
        before: Else, when the note was made, in seconds of the epoch: who has started since is
            somebody else.
    """
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            if process.status() == psutil.STATUS_ZOMBIE:
                return "nobody's"
            if started is not None:
                same = start_time(pid) == started
            else:
                same = process.create_time() <= before + _SLACK_SECONDS
            own = process.uids().effective == os.geteuid()
    except psutil.Error:
        return "nobody's"
    return ("ours" if own else "another's") if same else "nobody's"


def _is_jupyter(pid: int) -> bool:
    """Whether a process could be what another program's PID file names: files get copied."""
    try:
        return any("jupyter" in word for word in psutil.Process(pid).cmdline())
    except psutil.Error:
        return False


def write_pid_file(folder: Path, record: ServerRecord) -> None:
    """Write both files, each atomically, the record first.

    Raises:
        OSError: They cannot be written there.
    """
    write_atomically(folder / RECORD_FILE, json.dumps(asdict(record), indent=1) + "\n", 0o600)
    write_atomically(folder / PID_FILE, f"{record.pid}\n", 0o644)


def remove_pid_file(file: PidFile) -> None:
    """Remove a PID file and its record, unless it is another server's by now."""
    now = read_pid_file(file.path)
    if now is None or now.pid != file.pid:
        return
    for path in (file.path, file.path.with_name(RECORD_FILE)):
        with contextlib.suppress(OSError):
            path.unlink()


def write_atomically(path: Path, text: str, mode: int) -> None:
    """Write a small file in one go: a reader sees the old one or the new one.

    Raises:
        OSError: It cannot be written; the old one is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, made = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
        os.replace(made, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(made)
        raise


def _read_record(path: Path) -> ServerRecord | None:
    try:
        loaded = json.loads(path.read_bytes())
        return _checked(loaded)
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def _checked(loaded: Any) -> ServerRecord:
    fields = {name: loaded[name] for name in ServerRecord.__dataclass_fields__ if name in loaded}
    record = ServerRecord(**fields)
    numbers = record.pid, record.start_time, record.port, record.schema
    texts = record.url, record.started_at, record.project, record.root, record.python
    if not all(type(number) is int for number in numbers):
        raise TypeError("a number is not one")
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a text is not one")
    return record
