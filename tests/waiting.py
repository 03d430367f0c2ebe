"""Waiting for what has no event to wait for."""

from __future__ import annotations

import os
import time
from typing import Any

from notebook_executor import NotebookExecutor
from notebook_executor.lifecycle import live_kernels
from notebook_executor.lifecycle.directories import bases
from notebook_executor.lifecycle.warm import WarmKernels

_PATIENCE = 60.0
_PAUSE = 0.01


def stand_by(kernels: NotebookExecutor | WarmKernels, count: int) -> None:
    """Block until so many kernels wait for a run, of which the next one gets one."""
    if isinstance(kernels, NotebookExecutor):
        backend: Any = kernels._backend
        kernels = backend._warm
        assert isinstance(kernels, WarmKernels)
    deadline = time.monotonic() + _PATIENCE
    # Their leases say so a moment earlier.
    while kernels.waiting < count:
        assert time.monotonic() < deadline, f"{kernels.waiting} kernels wait, not {count}"
        time.sleep(_PAUSE)


def waiting() -> int:
    """How many kernels of this process wait for a run, as their leases say."""
    kernels = live_kernels(bases())
    return sum(
        kernel.state == "stand-by" and kernel.host_pid == os.getpid() and bool(kernel.kernel_pid)
        for kernel in kernels
    )
