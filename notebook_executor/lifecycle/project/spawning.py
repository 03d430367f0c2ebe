"""A server's process as a child of this one, which may go away before it does."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping

from notebook_executor.lifecycle.project.pid_file import start_time

# What a shell, nohup or Python itself may have had us ignore.
_DEFAULTS = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGPIPE,
    signal.SIGXFSZ,
)
# An exit with code 1, as waitpid tells it.
_UNKNOWN = 1 << 8


class Child:
    """A process in a session of its own: no terminal takes it along.

    Nothing needs to be closed. Whoever outlives it should ask for its exit, once.
    """

    def __init__(self, arguments: list[str], environment: Mapping[str, str], log: int) -> None:
        """Start it.

        Args:
            arguments: Its command line, the program's path first.
            environment: Its whole environment.
            log: Gets what it writes; closed by the caller.

        Raises:
            OSError: It cannot be started.
        """
        self.pid = os.posix_spawn(
            arguments[0],
            arguments,
            environment,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setsid=True,
            setsigmask=[],
            setsigdef=_DEFAULTS,
        )
        self._code: int | None = None
        self.started = start_time(self.pid) or 0

    @property
    def exited(self) -> int | None:
        """None while it runs, then its exit code; minus the signal's number if that ended it."""
        if self._code is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                # Where SIGCHLD is ignored, the system forgets how a child ended.
                pid, status = start_time(self.pid) != self.started, _UNKNOWN
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code
