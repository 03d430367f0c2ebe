"""Ending a server that somebody else has started, with all that it has started."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

import psutil

from notebook_executor.lifecycle.choice import has_supervisors
from notebook_executor.lifecycle.directories import bases
from notebook_executor.lifecycle.held import HeldTree
from notebook_executor.lifecycle.project.pid_file import start_time
from notebook_executor.lifecycle.reaper import reap

GRACE_SECONDS = 10.0
_KILL_SECONDS = 5.0


@dataclass(frozen=True)
class EndedTree:
    """How a process and all below it ended.

    Attributes:
        pid: The process.
        forced: Whether it had to be killed, for it did not go when it was asked to.
        left: How many processes are still there.
    """

    pid: int
    forced: bool
    left: int


def end_tree(pid: int, started: int, grace: float = GRACE_SECONDS) -> EndedTree:
    """Ask a process to end, wait, then kill it and all that was seen below it.

    What it started under our keepers is theirs to end, which they do even if it was killed; what a
    killed keeper has left, too, is reaped.

    Args:
        pid: The process.
        started: When it started: another one that has its pid by now is not touched.
        grace: Seconds that it may take.
    """
    if not has_supervisors():
        return _end_loosely(pid, started, grace)
    try:
        tree = HeldTree(pid, started)
    except OSError:
        return EndedTree(pid, forced=False, left=0)
    with contextlib.closing(tree):
        tree.terminate()
        if tree.wait(time.monotonic() + grace):
            return EndedTree(pid, forced=False, left=0)
        left = tree.kill()
    reap(bases())
    return EndedTree(pid, forced=True, left=left)


def _end_loosely(pid: int, started: int, grace: float) -> EndedTree:
    """The same where there are no pidfds; psutil compares start times before it signals."""
    try:
        process = psutil.Process(pid)
        if start_time(pid) != started:
            return EndedTree(pid, forced=False, left=0)
        tree = [process, *process.children(recursive=True)]
        process.terminate()
    except psutil.Error:
        return EndedTree(pid, forced=False, left=0)
    _, living = psutil.wait_procs(tree, timeout=grace)
    for process in living:
        with contextlib.suppress(psutil.Error):
            process.kill()
    _, left = psutil.wait_procs(living, timeout=_KILL_SECONDS)
    return EndedTree(pid, forced=bool(living), left=len(left))
