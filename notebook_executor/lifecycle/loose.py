"""Processes without a supervisor: marked in their environment, and swept up by that mark."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

_MARK = "NBX_LEASE"
_KILL_SECONDS = 5.0
_SWEEP_SECONDS = 20.0  # looking at all processes takes its time where there are many
_PAUSE = 0.01


def with_mark(env: Mapping[str, str], token: str) -> dict[str, str]:
    """An environment that is marked with this token, too."""
    return {**env, _MARK: ",".join(filter(None, (env.get(_MARK), token)))}


def marked(token: str) -> set[int]:
    """The processes that carry a token in their environment."""
    import psutil

    found = set()
    # Where there is no /proc on Linux, psutil lists no process and takes the first of them.
    with contextlib.suppress(IndexError):
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if token in process.environ().get(_MARK, ""):
                    found.add(process.pid)
    return found


def sweep(token: str) -> int:
    """Kill all that carry a token, and wait for them; the number of those left."""
    import psutil

    deadline = time.monotonic() + _SWEEP_SECONDS
    # Again, as long as there are some: they may fork meanwhile. Those that are dead and that
    # nobody collects are none.
    while (found := marked(token)) and time.monotonic() < deadline:
        # Stopped first, so that none has something to say of the death of another.
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in found:
                with contextlib.suppress(psutil.Error):
                    psutil.Process(pid).send_signal(number)
        time.sleep(_PAUSE)
    return len(found)


class LooseProcess:
    """See ``SpawnedProcess``.

    Args:
        argv: The command.
        cwd: Its working directory.
        env: Its whole environment, but for its own mark.
        streams: Its standard streams; None for /dev/null.

    Raises:
        OSError: It cannot be started.
    """

    def __init__(
        self,
        argv: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        streams: Sequence[int | None],
    ) -> None:
        self._token = os.urandom(12).hex()
        self._lock = threading.Lock()
        self._swept = False
        stdin, stdout, stderr = (subprocess.DEVNULL if one is None else one for one in streams)
        try:
            self._popen = subprocess.Popen(
                argv,
                cwd=cwd,
                env=with_mark(env, self._token),
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        except ValueError as error:
            raise OSError(str(error)) from error

    def wait(self, timeout: float | None) -> int | None:
        try:
            code = self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        if not self._swept:
            self._swept = True
            if sweep(self._token):
                raise ChildProcessError("something that the command has started cannot be ended")
        return code

    def kill(self) -> None:
        with self._lock, contextlib.suppress(ProcessLookupError, PermissionError):
            if self._popen.poll() is None:
                os.killpg(self._popen.pid, signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        with contextlib.suppress(ChildProcessError):
            self.wait(_KILL_SECONDS)
