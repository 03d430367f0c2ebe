"""A server that is somebody's foreground job: a terminal's, or a service manager's."""

from __future__ import annotations

import contextlib
import os
import time

from notebook_executor.lifecycle.project.ending import end_tree
from notebook_executor.lifecycle.project.log import FollowedLog
from notebook_executor.lifecycle.project.settings import Project
from notebook_executor.lifecycle.project.spawning import Child
from notebook_executor.lifecycle.project.stale import tidy_up
from notebook_executor.lifecycle.project.starting import StartedServer
from notebook_executor.lifecycle.project.stop_signals import StopSignals

_LOOK_SECONDS = 0.2


def attend(
    project: Project, started: StartedServer, child: Child, signals: StopSignals, out: int
) -> int:
    """Show what a server writes until it ends; end it when a signal asks this process to end.

    Args:
        project: Whose.
        started: The server.
        child: Its process.
        signals: On hold.
        out: The descriptor that gets the log, from this server's first line on.

    Returns:
        What to tell the shell: 0 when the server has ended in good order, 1 when it has not; 128
        and the number of the signal that ended it here.
    """
    with FollowedLog(project.log, started.log_begins_at) as log:
        try:
            while child.exited is None and signals.asked is None:
                _write(out, log.read())
                time.sleep(_LOOK_SECONDS)
        finally:
            end_tree(child.pid, child.started)
            tidy_up(project)
            _write(out, log.read())
    return signals.exit_code or (1 if child.exited else 0)


def _write(out: int, text: bytes) -> None:
    # Whoever read it may be gone, and the server is not there for him alone.
    with contextlib.suppress(OSError):
        while text:
            text = text[os.write(out, text) :]
