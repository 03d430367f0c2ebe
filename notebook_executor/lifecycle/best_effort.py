"""The tier for systems without guard and keeper: a process group, and a sweep for its mark.

Whoever leaves the group *and* clears its environment escapes it, and nothing is promised for a
host that is killed but that ipykernel notices by itself.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from notebook_executor.errors import KernelStartError
from notebook_executor.lifecycle import directories
from notebook_executor.lifecycle.containment import ContainedEnd, not_launched, not_made
from notebook_executor.lifecycle.keeper import read_tail
from notebook_executor.lifecycle.launching import OUTPUT_FILE
from notebook_executor.lifecycle.limits import NO_LIMITS, ResourceLimits
from notebook_executor.lifecycle.private import describe, make_directory, remove_directory
from notebook_executor.lifecycle.threads import new_thread

_MARK = "NBX_LEASE"
_KILL_SECONDS = 5.0
_LOOK_SECONDS = 0.02


class BestEffortKernel:
    """See ``Contained``; for want of a keeper, this process holds the lease.

    Raises:
        KernelStartError: The directory could not be made.
    """

    warm = False

    def __init__(
        self, directory: Path, record: Mapping[str, Any], owned: Path | None = None
    ) -> None:
        self.tier: Literal["namespace", "subreaper", "best_effort"] = "best_effort"
        self.directory = directory
        self._token = os.urandom(12).hex()
        self._popen: subprocess.Popen[bytes] | None = None
        self._exited = threading.Event()
        self._lock = threading.Lock()
        self._reaped = False
        self._ended: ContainedEnd | None = None
        self._record = dict(record)
        try:
            self._lock_fd = make_directory(
                str(directory), self._record, None if owned is None else str(owned)
            )
        except OSError as error:
            raise not_made(directory, str(error.strerror)) from error
        self.death_fd, self._death_end = os.pipe()

    def launch(
        self,
        argv: list[str],
        env: Mapping[str, str],
        cwd: Path,
        limits: ResourceLimits = NO_LIMITS,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        if limits != NO_LIMITS:
            raise KernelStartError(
                "Limits cannot be enforced here: they need Linux and /proc",
                hint="Leave limits out, and have a container or the service manager set them.",
            )
        describe(self._lock_fd, {**self._record, **(about or {})})
        marks = ",".join(filter(None, (env.get(_MARK), self._token)))
        with (self.directory / OUTPUT_FILE).open("wb") as output:
            try:
                self._popen = subprocess.Popen(
                    argv,
                    cwd=cwd,
                    # ipykernel exits by itself when this process goes away.
                    env={
                        **env,
                        _MARK: marks,
                        directories.VARIABLE: str(self.directory),
                        "JPY_PARENT_PID": str(os.getpid()),
                    },
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                raise not_launched(argv, cwd, str(error)) from error
        self._watcher = new_thread(self._watch, "kernel-exit")
        self._watcher.start()

    def _watch(self) -> None:
        assert self._popen is not None
        # Seen, but not collected: the pid stays taken until ``end``, so that no signal of ours
        # reaches a stranger.
        if hasattr(os, "waitid"):
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, self._popen.pid, os.WEXITED | os.WNOWAIT)
        else:
            _look_for_exit(self._popen.pid)
        self._exited.set()
        # A forked copy of this process may hold the pipe open: closing alone would go unnoticed.
        os.write(self._death_end, b"x")

    @property
    def alive(self) -> bool:
        return self._popen is not None and not self._exited.is_set()

    def wait(self, timeout: float) -> bool:
        return self._exited.wait(timeout)

    def send_signal(self, number: int) -> None:
        with self._lock:
            if self._popen is not None and not self._reaped:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._popen.pid, number)

    def set_deadline(self, at: float | None) -> None:
        """Nothing: there is no keeper to keep it."""

    def end(self) -> ContainedEnd:
        if self._ended is None:
            self._ended = self._end()
        return self._ended

    def _end(self) -> ContainedEnd:
        code, peak, ended, left = None, 0, 0, 0
        if self._popen is not None:
            ended = len(self._marked() | ({self._popen.pid} if self.alive else set()))
            self.send_signal(signal.SIGKILL)
            self._watcher.join(_KILL_SECONDS)
            left = self._sweep()
            code, peak = self._collect(self._popen)
        os.close(self.death_fd)
        os.close(self._death_end)
        tail = read_tail(str(self.directory))
        files = remove_directory(str(self.directory))
        os.close(self._lock_fd)
        return ContainedEnd(code, peak, ended, left, files, tail)

    def _marked(self) -> set[int]:
        import psutil

        found = set()
        # Where there is no /proc on Linux, psutil lists no process and takes the first of them.
        with contextlib.suppress(IndexError):
            for process in psutil.process_iter():
                with contextlib.suppress(psutil.Error):
                    if self._token in process.environ().get(_MARK, ""):
                        found.add(process.pid)
        return found

    def _sweep(self) -> int:
        import psutil

        for pid in self._marked():
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(pid)
                process.kill()
                process.wait(_KILL_SECONDS)
        return len(self._marked())

    def _collect(self, popen: subprocess.Popen[bytes]) -> tuple[int | None, int]:
        if not self._exited.is_set():
            return None, 0
        with self._lock:
            self._reaped = True
        try:
            _, status, usage = os.wait4(popen.pid, 0)
        except ChildProcessError:
            # The application collects every child by itself (SIGCHLD ignored, or wait(-1)).
            popen.returncode = -1
            return None, 0
        popen.returncode = os.waitstatus_to_exitcode(status)
        unit = 1 if os.uname().sysname == "Darwin" else 1024
        return popen.returncode, usage.ru_maxrss * unit


def _look_for_exit(pid: int) -> None:
    """Block until a child has exited, and leave it uncollected.

    For Python on macOS, which has no ``waitid`` before 3.13.
    """
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        while process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(_LOOK_SECONDS)
