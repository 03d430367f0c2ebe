"""Kernels and servers of projects that nobody looks after any more.

Kernels of ours end with their host, and what is left of a killed keeper ``reap`` finishes: these
are stock kernels as a rule, which stay when their server was killed while they were busy.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from notebook_executor.lifecycle.project.pid_file import start_time
from notebook_executor.lifecycle.project.processes import (
    ProcessTable,
    Seen,
    environment_of,
    look,
)
from notebook_executor.lifecycle.project.server_commands import is_server_command
from notebook_executor.lifecycle.project.services import Services
from notebook_executor.lifecycle.project.settings import Project

_CONNECTION_FILE = re.compile(
    r"(?:.*=)?(/.*/kernel-[^/]+\.json|/.*/nbx-[^/]+/connection\.json)", re.DOTALL
)
_RUNTIME = ".jupyter_runtime"
_COMMAND_CHARACTERS = 200

Kind = Literal["kernel", "server"]


@dataclass(frozen=True)
class Orphan:
    """A process of this user's whose server, or whatever had started it, is gone.

    Attributes:
        pid: The process.
        start_time: When it started, as PID files have it.
        kind: What it is.
        root: The project that it belongs to; None for none.
        started_at: When it started, in ISO 8601.
        memory_bytes: Its resident set.
        command: Its command line, cut.
    """

    pid: int
    start_time: int
    kind: Kind
    root: Path | None
    started_at: str
    memory_bytes: int
    command: str


def find_orphans(project: Project, servers: Collection[int]) -> list[Orphan]:
    """The kernels of a project that have no host any more, and servers that nothing names.

    Args:
        project: Whose.
        servers: Pids of its servers that are known.
    """
    return [one for one in orphans_among(look(), servers) if one.root == project.root]


def orphans_among(table: ProcessTable, servers: Collection[int]) -> list[Orphan]:
    """The orphans of all projects, and of none, the oldest first.

    A kernel is a project's by the folder of its connection file, else by ``JUPYTER_RUNTIME_DIR``.
    It is orphaned when the process that launched it, which it was told in ``JPY_PARENT_PID``, is
    gone; where it was told none, when it was left to init. What a service manager runs is none.

    Args:
        table: The processes.
        servers: Pids of servers that are known.
    """
    found = _orphans(table, frozenset(servers), Services(table))
    return sorted(found, key=lambda orphan: (orphan.started_at, orphan.pid))


def kernel_file(seen: Seen) -> Path | None:
    """The connection file that a process was started with; None if it is no kernel."""
    for word in seen.words[1:]:
        match = _CONNECTION_FILE.fullmatch(word)
        if match is not None:
            return Path(os.path.realpath(match[1]))
    return None


def _orphans(table: ProcessTable, servers: frozenset[int], services: Services) -> Iterator[Orphan]:
    for pid, seen in table.items():
        kind = _kind(seen)
        if kind is None or pid in servers or table.is_caller(pid) or not table.is_mine(pid):
            continue
        environment = environment_of(pid) or {}
        left = _is_left_to_init(seen, table)
        orphaned = left if kind == "server" else _lost_its_launcher(seen, environment, table, left)
        started = start_time(pid)
        if orphaned and started is not None and services.running(pid) is None:
            yield Orphan(
                pid=pid,
                start_time=started,
                kind=kind,
                root=_root(kernel_file(seen), environment),
                started_at=datetime.fromtimestamp(seen.started, UTC).isoformat(timespec="seconds"),
                memory_bytes=seen.memory_bytes,
                command=seen.command[:_COMMAND_CHARACTERS],
            )


def _kind(seen: Seen) -> Kind | None:
    if is_server_command(seen.words):
        return "server"
    return "kernel" if kernel_file(seen) is not None else None


def _root(file: Path | None, environment: dict[str, str]) -> Path | None:
    if file is not None and file.parent.name == _RUNTIME:
        return file.parent.parent
    runtime = environment.get("JUPYTER_RUNTIME_DIR", "")
    is_conventional = os.path.basename(runtime) == _RUNTIME
    return Path(os.path.realpath(os.path.dirname(runtime))) if is_conventional else None


def _lost_its_launcher(
    seen: Seen, environment: dict[str, str], table: ProcessTable, left: bool
) -> bool:
    told = environment.get("JPY_PARENT_PID", "")
    if not told.isdigit():
        return left
    launcher = table.get(int(told))
    # One that started later has but the same pid.
    return launcher is None or launcher.started > seen.started


def _is_left_to_init(seen: Seen, table: ProcessTable) -> bool:
    """Whether its parent is init, or the user's service manager, which stands in for it."""
    parent = table.get(seen.parent)
    if seen.parent <= 1 or parent is None:
        return True
    return parent.parent == 1 and os.path.basename(parent.words[0] if parent.words else "") == (
        "systemd"
    )
