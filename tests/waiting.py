"""Waiting for what has no event to wait for."""

from __future__ import annotations

import os
import time

from notebook_executor.lifecycle import live_kernels
from notebook_executor.lifecycle.directories import bases

_PATIENCE = 60.0
_PAUSE = 0.01


def stand_by(count: int) -> None:
    """Block until so many kernels of this process wait for a run."""
    deadline = time.monotonic() + _PATIENCE
    while waiting() < count:
        assert time.monotonic() < deadline, f"{waiting()} kernels wait for a run, not {count}"
        time.sleep(_PAUSE)


def waiting() -> int:
    kernels = live_kernels(bases())
    return sum(
        kernel.state == "stand-by" and kernel.host_pid == os.getpid() and bool(kernel.kernel_pid)
        for kernel in kernels
    )
