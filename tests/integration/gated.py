"""Runs that wait for their test: in a thread of it, or in a host that it can kill."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from notebook_executor import ExecutionResult, NotebookExecutor
from notebook_executor.lifecycle.registry import LiveKernel, live_kernels

_PATIENCE = 60.0
_HOST = """
import sys
from notebook_executor import NotebookExecutor
root, notebook, host_view = sys.argv[1:]
NotebookExecutor(root).execute(notebook, False, host_view=host_view == "yes")
"""


class Gate:
    """Two pipes: by one the cell says that it is there, at the other it waits to be let on."""

    def __init__(self, directory: Path) -> None:
        self._paths = [directory / f"gate-{name}" for name in ("reached", "open")]
        for path in self._paths:
            os.mkfifo(path)
        # Opened for both directions, so that neither side waits for the other to open it.
        self._reached, self._open = [os.open(path, os.O_RDWR) for path in self._paths]

    @property
    def source(self) -> str:
        reached, opened = map(str, self._paths)
        return (
            f"with open({reached!r}, 'w') as gate:\n    gate.write('!')\n"
            f"with open({opened!r}) as gate:\n    gate.readline()"
        )

    def wait(self) -> None:
        """Block until a cell has reached the gate."""
        assert select.select([self._reached], [], [], _PATIENCE)[0], "no cell came to the gate"
        os.read(self._reached, 1)

    def open(self) -> None:
        """Let one cell on, whether it is there already or not."""
        os.write(self._open, b"\n")

    def close(self) -> None:
        os.close(self._reached)
        os.close(self._open)


def own_base() -> list[Path]:
    """Where this session's private directories are; in /tmp itself others may be at work."""
    return [Path(os.environ["TMPDIR"])]


@contextmanager
def waiting_run(
    executor: NotebookExecutor, notebook: Path, gate: Gate, **options: Any
) -> Iterator[Future[ExecutionResult]]:
    """A run in another thread that waits at the gate; it is let on at the end of the block."""
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(executor.execute, notebook, False, **options)
        try:
            gate.wait()
            yield run
        finally:
            gate.open()


@contextmanager
def waiting_host(
    root: Path, notebook: Path, gate: Gate, *, host_view: bool
) -> Iterator[LiveKernel]:
    """The kernel of a run in another process, which is killed, if it has not been, at the end."""
    words = [str(root), str(notebook), "yes" if host_view else "no"]
    with subprocess.Popen([sys.executable, "-c", _HOST, *words]) as host:
        try:
            gate.wait()
            (kernel,) = [found for found in live_kernels(own_base()) if found.host_pid == host.pid]
            yield kernel
        finally:
            host.kill()


def kill_all_at_once(kernel: LiveKernel) -> None:
    """SIGKILL host, guard and keeper, without any of them seeing another one go.

    Returns when they are gone, and the kernel itself, which dies with its keeper.
    """
    if kernel.host_pid is None or kernel.keeper_pid is None:
        pytest.fail(f"host and keeper are not known: {kernel}")
    host, keeper = psutil.Process(kernel.host_pid), psutil.Process(kernel.keeper_pid)
    guard = keeper.parent()
    assert guard is not None
    assert guard.ppid() == host.pid
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for process in (host, guard, keeper):
            process.send_signal(number)
    deadline = time.monotonic() + _PATIENCE
    killed = [host.pid, guard.pid, keeper.pid, kernel.kernel_pid or keeper.pid]
    while living := [pid for pid in killed if _lives(pid)]:
        assert time.monotonic() < deadline, f"killed, and still there: {living}"
        time.sleep(0.01)


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
