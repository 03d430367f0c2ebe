"""Files of servers and kernels that are gone."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from notebook_executor.errors import ServerError
from notebook_executor.lifecycle.project.finding import find_servers
from notebook_executor.lifecycle.project.locking import locked
from notebook_executor.lifecycle.project.pid_file import read_pid_files, remove_pid_file
from notebook_executor.lifecycle.project.places import forget
from notebook_executor.lifecycle.project.server_files import server_files
from notebook_executor.lifecycle.project.settings import Project

# A manager writes the file before it starts the kernel.
_YOUNG_SECONDS = 300.0


def remove_stale(project: Project) -> list[Path]:
    """Remove what the dead have left: PID files, servers' and kernels' files; tell which.

    The caller holds the project's lock.
    """
    removed = []
    for file in read_pid_files(project):
        if file.stale:
            remove_pid_file(file)
            removed.append(file.path)
    stale = [*_of_dead_servers(project), *_of_dead_kernels(project)]
    return removed + [path for path in stale if forget(path)]


def tidy_up(project: Project) -> tuple[Path, ...]:
    """As ``remove_stale``, but nothing while a start or a stop is under way: it does so itself."""
    if not project.runtime.is_dir():
        return ()
    try:
        with locked(project, 0):
            return tuple(remove_stale(project))
    except ServerError:
        return ()


def _of_dead_servers(project: Project) -> Iterable[Path]:
    for file in server_files(project.runtime):
        if file.stale:
            yield file.path
            yield file.path.with_name(f"{file.path.stem}-open.html")


def _of_dead_kernels(project: Project) -> Iterable[Path]:
    """Connection files of kernels that our provisioner did not start, and nobody runs any more.

    Beside a living server nothing is certain: it may be starting a kernel again with its old file.
    """
    if find_servers(project):
        return
    files = [path for path in sorted(project.runtime.glob("kernel-*.json")) if _is_old(path)]
    if not files:
        return
    words = "\0".join(_command_lines())
    yield from (path for path in files if path.name not in words)


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _YOUNG_SECONDS
    except OSError:
        return False


def _command_lines() -> Iterable[str]:
    for process in psutil.process_iter(["cmdline"]):
        yield "\0".join(process.info["cmdline"] or ())
