"""A server that is somebody's foreground job: a terminal's, or a service manager's."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from notebook_executor.lifecycle.project.ending import end_tree
from notebook_executor.lifecycle.project.log import FollowedLog
from notebook_executor.lifecycle.project.settings import Project
from notebook_executor.lifecycle.project.spawning import Child
from notebook_executor.lifecycle.project.stale import tidy_up
from notebook_executor.lifecycle.project.starting import StartedServer

_LOOK_SECONDS = 0.2


class Asked(BaseException):
    """A signal has asked this process to end; a ``KeyboardInterrupt`` by another name."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


@contextmanager
def raising(*numbers: signal.Signals) -> Iterator[None]:
    """In the block, have the first of these signals raise ``Asked``, and others do nothing then.

    A signal that is ignored, as nohup has it, stays ignored.
    """
    taken = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]

    def raise_once(number: int, _: FrameType | None) -> None:
        for other in taken:
            signal.signal(other, signal.SIG_IGN)
        raise Asked(number)

    before = {number: signal.signal(number, raise_once) for number in taken}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def attend(project: Project, started: StartedServer, child: Child, out: int) -> int:
    """Show what a server writes until it ends; ends it when this process is asked to.

    Args:
        project: Whose.
        started: The server.
        child: Its process.
        out: The descriptor that gets the log, from this server's first line on.

    Returns:
        Its exit code.

    Raises:
        Asked: A signal came, and the server has been ended.
    """
    try:
        with FollowedLog(project.log, started.log_begins_at) as log:
            while child.exited is None:
                _write(out, log.read())
                time.sleep(_LOOK_SECONDS)
            _write(out, log.read())
        return child.exited
    finally:
        end_tree(child.pid, child.started)
        tidy_up(project)


def _write(out: int, text: bytes) -> None:
    while text:
        text = text[os.write(out, text) :]
