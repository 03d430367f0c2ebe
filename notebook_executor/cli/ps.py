"""``nbx ps``: the kernels that live, and their processes."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TextIO

import click

from notebook_executor.cli.options import json_option
from notebook_executor.cli.project import shown_path
from notebook_executor.cli.screen import Screen, write_json
from notebook_executor.cli.summary import duration, mebibytes
from notebook_executor.lifecycle.directories import bases
from notebook_executor.lifecycle.registry import LiveKernel, Process, live_kernels

_COLUMNS = [
    "run", "notebook", "state", "kernel", "processes", "memory", "age", "containment", "host",
]  # fmt: skip
_PROCESS_COLUMNS = ["pid", "memory", "command"]
_PERIOD_MS = 2000
_HOME_AND_CLEAR = "\x1b[H\x1b[2J"


@click.command()
@json_option
@click.option("--tree", is_flag=True, help="Show each kernel's processes, too.")
@click.option("--watch", is_flag=True, help="Look again every two seconds, until interrupted.")
def ps(as_json: bool, tree: bool, watch: bool) -> None:
    """List your living kernels; with --json, a line each."""
    for _ in _times(sys.stdout if watch else None):
        kernels = live_kernels(bases())
        if as_json:
            _write_lines(kernels)
        else:
            _show(kernels, tree=tree, again=watch)


def _times(watched: TextIO | None) -> Iterator[None]:
    """Once; or, watched, again and again until nobody reads what is written."""
    if watched is None:
        yield
        return
    # A write that finds the reader gone, be it the first, leaves the descriptor pointing elsewhere.
    reader = os.fstat(watched.fileno())
    hung_up = select.poll()
    hung_up.register(watched, 0)
    yield
    while not hung_up.poll(_PERIOD_MS) and os.path.samestat(os.fstat(watched.fileno()), reader):
        yield


def _write_lines(kernels: list[LiveKernel]) -> None:
    seen_at = datetime.now(UTC).isoformat()
    for kernel in kernels:
        write_json(sys.stdout, {"seen_at": seen_at, **asdict(kernel)})


def _show(kernels: list[LiveKernel], *, tree: bool, again: bool) -> None:
    screen, aside = Screen(sys.stdout), Screen(sys.stderr)
    if again and screen.terminal:
        screen.write(_HOME_AND_CLEAR)
    if not kernels:
        aside.line("There are no living kernels of yours.")
        return
    screen.table(_COLUMNS, [_cells(kernel) for kernel in kernels])
    if tree:
        for kernel in kernels:
            screen.line(f"\n{_name(kernel)}", "strong")
            screen.table(_PROCESS_COLUMNS, list(_tree(kernel.processes)), indent=2)
    if any(kernel.state == "left over" for kernel in kernels):
        aside.line("hint: nbx reap finishes what is left over.")


def _cells(kernel: LiveKernel) -> list[str]:
    return [
        _name(kernel),
        shown_path(kernel.notebook) if kernel.notebook else "",
        kernel.state,
        f"{_kind(kernel)} {_pid(kernel.kernel_pid)}",
        str(len(kernel.processes)),
        mebibytes(kernel.memory_bytes),
        "" if kernel.age_seconds is None else duration(kernel.age_seconds),
        kernel.containment or "",
        _pid(kernel.host_pid),
    ]


def _name(kernel: LiveKernel) -> str:
    return kernel.run_id or kernel.name or kernel.directory.name


def _kind(kernel: LiveKernel) -> str:
    port = "" if kernel.port is None else f" :{kernel.port}"
    return f"{kernel.kernel or '?'}{port}"


def _pid(pid: int | None) -> str:
    return "-" if pid is None else str(pid)


def _tree(processes: tuple[Process, ...]) -> Iterator[list[str]]:
    """Rows in the order of descent, each command after a dash for each of its ancestors here."""
    known = {process.pid for process in processes}
    ahead = [(process, 0) for process in reversed(processes) if process.parent not in known]
    while ahead:
        process, depth = ahead.pop()
        words = filter(None, ("─" * depth, process.command))
        yield [str(process.pid), mebibytes(process.memory_bytes), " ".join(words)]
        below = [child for child in reversed(processes) if child.parent == process.pid]
        ahead += [(child, depth + 1) for child in below]
