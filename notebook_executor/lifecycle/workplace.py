"""A private directory of this process's own, for what must be gone with it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from notebook_executor.lifecycle.directories import new_directory_path
from notebook_executor.lifecycle.leases import outer_directory
from notebook_executor.lifecycle.private import make_directory, remove_directory
from notebook_executor.lifecycle.proctree import start_ticks

PURPOSE = "purpose"
"""The field of a lease that is no kernel's, but of the process itself."""


@contextmanager
def workplace(purpose: str) -> Iterator[Path]:
    """A directory that is removed at the end of the block.

    Where the process is killed within, the reaper finds it by its lease, as it finds a kernel's.

    Args:
        purpose: What for, in a word.

    Raises:
        KernelStartError: No place can be written.
    """
    path = new_directory_path(outer_directory())
    pid = os.getpid()
    record = {PURPOSE: purpose, "host_pid": pid, "host_started": start_ticks(pid)}
    lock = make_directory(str(path), record)
    try:
        yield path
    finally:
        if os.getpid() == pid:  # in a forked copy it is still the other one's
            remove_directory(str(path))
        os.close(lock)
