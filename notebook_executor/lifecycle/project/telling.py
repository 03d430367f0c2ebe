"""What people read of a project and its server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from notebook_executor.lifecycle.project.finding import RunningServer
from notebook_executor.lifecycle.project.orphans import Orphan
from notebook_executor.lifecycle.project.status import KernelStatus, ProjectStatus, described
from notebook_executor.text import one_line

_COMMAND_CHARACTERS = 60


def status_lines(status: ProjectStatus) -> Iterator[str]:
    """The status of a project, a line each."""
    project = status.project
    yield f"project      {project.display_name} ({project.root})"
    yield f"environment  {status.python}, JupyterLab {status.jupyterlab or 'is not installed'}"
    yield from _server_lines(status)
    for other in status.others:
        yield f"  another    process {other.pid}, {other.url or 'address unknown'}"
    if status.another_users:
        yield f"  another user's, process {status.another_users}"
    if status.state == "running":
        yield f"kernels      {len(status.kernels) or 'none'}"
    yield from map(_kernel_line, status.kernels)
    if status.orphans:
        yield f"orphans      {len(status.orphans)}"
    yield from map(_orphan_line, status.orphans)
    for path in status.removed:
        yield f"removed      {_below(path, project.root)}, left by the dead"


def _server_lines(status: ProjectStatus) -> Iterator[str]:
    server = status.server
    if server is None:
        yield "server       not running"
        return
    uptime = duration(described(server)["uptime_seconds"])
    yield f"server       {status.state}, process {server.pid}, up {uptime}"
    yield f"address      {server.url or 'unknown'}"
    if server.pid_file is None:
        yield "pid file     none names it"


def _kernel_line(kernel: KernelStatus) -> str:
    memory = mebibytes(kernel.memory_bytes) if kernel.memory_bytes is not None else "memory unknown"
    what = kernel.notebook or kernel.id
    return f"  {kernel.state:<10} {memory}, process {kernel.pid or 'unseen'}, {kernel.name}: {what}"


def _orphan_line(orphan: Orphan) -> str:
    command = one_line(orphan.command, _COMMAND_CHARACTERS)
    return f"  {orphan.kind:<10} {mebibytes(orphan.memory_bytes)}, process {orphan.pid}: {command}"


def address(server: RunningServer, token: str | None) -> str:
    """What a browser is pointed at; the token is in it if one is given."""
    url = server.url or "address unknown"
    return f"{url}?token={token}" if token and server.url else url


def duration(seconds: float) -> str:
    minutes, hours = int(seconds) // 60, int(seconds) // 3600
    if minutes < 1:
        return f"{seconds:.0f} s"
    if hours < 1:
        return f"{minutes} min"
    return f"{hours} h {minutes % 60} min" if hours < 24 else f"{hours // 24} d {hours % 24} h"


def mebibytes(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"


def _below(path: Path, root: Path) -> Path:
    return path.relative_to(root) if path.is_relative_to(root) else path
