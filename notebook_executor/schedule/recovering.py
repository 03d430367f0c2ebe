"""A run whose scheduler is gone: its kernel is seen to its end, and what it left is recorded."""

from __future__ import annotations

import time
from pathlib import Path

from notebook_executor.errors import NotebookExecutorError
from notebook_executor.execution.records import RunRecord, find_record
from notebook_executor.execution.recovery import recover
from notebook_executor.lifecycle.directories import bases
from notebook_executor.lifecycle.reaper import reap
from notebook_executor.lifecycle.registry import LiveKernel, live_kernels
from notebook_executor.models import ExecutionResult

_PATIENCE = 20.0
_PAUSE = 0.05


def end_kernel_of(run_id: str) -> bool:
    """Wait until nothing of a dead scheduler's run lives, and finish what its guard could not.

    Its guard ends the kernel by itself; this takes no longer than that, and 20 seconds at most.

    Returns:
        Whether nothing of it is left.
    """
    deadline = time.monotonic() + _PATIENCE
    while kernels := _kernels_of(run_id):
        if any(kernel.state == "left over" for kernel in kernels):
            reap(bases())
        if time.monotonic() >= deadline:
            return not _kernels_of(run_id)
        time.sleep(_PAUSE)
    return True


def recorded_result(run_id: str, root: Path, state_dir: str | None) -> ExecutionResult | None:
    """What became of a run that nobody follows any more; recorded now, if it was not.

    Returns:
        Its result; None where there is not enough of it left for one.
    """
    try:
        record = find_record(root, run_id, state_dir)
        if record.run_id != run_id:
            return None
        return record.read() or _recovered(record)
    except NotebookExecutorError:
        return None


def _recovered(record: RunRecord) -> ExecutionResult | None:
    recover(record)
    return record.read()


def _kernels_of(run_id: str) -> list[LiveKernel]:
    return [kernel for kernel in live_kernels(bases()) if kernel.run_id == run_id]
