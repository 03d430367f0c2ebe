"""A kernel's process and everything it started: launched in a session of its own, ended whole.

This is the ``best_effort`` tier: the process group, and whatever still carries the mark that the
kernel's environment was given. A process that leaves the group *and* clears its environment
escapes it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from notebook_executor.errors import KernelStartError

MARK = "NBX_LEASE"
_KILL_WAIT = 5.0
_POLL = 0.005


@dataclass(frozen=True)
class ProcessEnd:
    """How a kernel's processes ended.

    Attributes:
        exit_code: The kernel's own; negative for the signal that killed it, as in subprocess.
        ended: Processes that were alive when the end began.
        left: Processes that are still there.
        peak_memory_bytes: The kernel's largest resident set.
    """

    exit_code: int | None
    ended: int
    left: int
    peak_memory_bytes: int


class KernelProcess:
    """One kernel process, leader of its own session; ``launch`` makes it, ``end`` ends it.

    Signals are safe from any thread until ``end`` has returned: the process is watched without
    being reaped, so that its pid stays taken.
    """

    def __init__(self, popen: subprocess.Popen[bytes], mark: str) -> None:
        self._popen = popen
        self._mark = mark
        self._exited = threading.Event()
        self._death_fd, self._death_end = os.pipe()
        self._lock = threading.Lock()
        self._reaped = False
        self._watcher = threading.Thread(target=self._watch, name="nbx-kernel-exit", daemon=True)
        self._watcher.start()

    @classmethod
    def launch(
        cls, argv: list[str], env: Mapping[str, str], cwd: Path, output: Path
    ) -> KernelProcess:
        """Start the kernel with stdin from /dev/null and its raw output in the file ``output``.

        Raises:
            KernelStartError: The command or the working directory does not exist.
        """
        mark = os.urandom(12).hex()
        # A run inside a run's kernel carries both marks: the outer end takes the inner along.
        marks = ",".join(filter(None, (env.get(MARK), mark)))
        with output.open("wb") as raw:
            try:
                popen = subprocess.Popen(
                    argv,
                    cwd=cwd,
                    # ipykernel exits by itself when this process goes away.
                    env={**env, MARK: marks, "JPY_PARENT_PID": str(os.getpid())},
                    stdin=subprocess.DEVNULL,
                    stdout=raw,
                    stderr=raw,
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                raise _launch_error(argv, cwd, error) from error
        return cls(popen, mark)

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def death_fd(self) -> int:
        """Becomes readable once the kernel has exited; valid until ``end``."""
        return self._death_fd

    @property
    def alive(self) -> bool:
        return not self._exited.is_set()

    def wait(self, timeout: float) -> bool:
        """Block until the kernel has exited, at most ``timeout`` seconds; True if it has."""
        return self._exited.wait(timeout)

    def send_signal(self, number: int) -> None:
        """Signal the kernel's whole process group; nothing happens once it has been reaped."""
        with self._lock:
            if not self._reaped:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._popen.pid, number)

    def end(self) -> ProcessEnd:
        """Kill what is left of the group and of the marked processes, and wait for all of it.

        Blocks until they are gone, at most a few seconds: what cannot be killed is counted.
        """
        ended = set(_marked(self._mark))
        if self.alive:
            ended.add(self.pid)
        self.send_signal(signal.SIGKILL)
        deadline = time.monotonic() + _KILL_WAIT
        self._watcher.join(_KILL_WAIT)
        left = _kill_marked(self._mark, ended, deadline)
        code, peak = self._reap()
        return ProcessEnd(code, len(ended), left, peak)

    def _watch(self) -> None:
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PID, self._popen.pid, os.WEXITED | os.WNOWAIT)
        self._exited.set()
        # A forked copy of this process may hold the pipe open: closing alone would go unnoticed.
        os.write(self._death_end, b"x")
        os.close(self._death_end)

    def _reap(self) -> tuple[int | None, int]:
        with self._lock:
            if self._reaped or not self._exited.is_set():
                return self._popen.returncode, 0
            self._reaped = True
        os.close(self._death_fd)
        try:
            _, status, usage = os.wait4(self._popen.pid, 0)
        except ChildProcessError:
            # The application reaps every child by itself (SIGCHLD ignored, or wait(-1)).
            self._popen.returncode = -1
            return None, 0
        self._popen.returncode = os.waitstatus_to_exitcode(status)
        unit = 1 if os.uname().sysname == "Darwin" else 1024
        return self._popen.returncode, usage.ru_maxrss * unit


def _launch_error(argv: list[str], cwd: Path, error: Exception) -> KernelStartError:
    if isinstance(error, ValueError):  # a null byte, somewhere
        return KernelStartError(
            f"The kernel cannot be launched in {str(cwd)!r}: {error}",
            hint="Correct cwd, env or the kernelspec.",
        )
    if not cwd.is_dir():
        return KernelStartError(
            f"The kernel's working directory {cwd} is not a directory",
            hint="Create it, or pass another cwd.",
        )
    return KernelStartError(
        f"The kernel's command {argv[0]!r} cannot be executed: {error}",
        hint="Install the kernel again, or choose another one.",
    )


def _marked(mark: str) -> list[int]:
    """Pids of the living processes whose environment carries the mark."""
    return [pid for pid in _pids() if _carries(pid, mark)]


def _carries(pid: int, mark: str) -> bool:
    name, value = f"{MARK}=".encode(), mark.encode()
    return any(item.startswith(name) and value in item for item in _environment(pid))


def _kill_marked(mark: str, ended: set[int], deadline: float) -> int:
    found = _marked(mark)
    while found and time.monotonic() < deadline:
        ended.update(found)
        for pid in found:
            _kill_if_marked(pid, mark)
        time.sleep(_POLL)
        found = _marked(mark)
    return len(found)


def _kill_if_marked(pid: int, mark: str) -> None:
    """Kill by pidfd, and only if the process behind it still carries the mark: no pid race."""
    with contextlib.suppress(OSError):
        handle = os.pidfd_open(pid)
        try:
            if _carries(pid, mark):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)


def _pids() -> Iterable[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()] if _has_proc() else []


def _has_proc() -> bool:
    return os.path.isdir("/proc/self")


def _environment(pid: int) -> list[bytes]:
    # A zombie's environment reads as empty: it is gone already, and its parent's to collect.
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []
