"""What runs in a worker of somebody else's executor: one point, with a kernel of this process."""

from __future__ import annotations

import atexit
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from notebook_executor.backends.local import LocalBackend
from notebook_executor.config import Settings
from notebook_executor.execution.cancelling import Cancellation
from notebook_executor.execution.request import RunRequest
from notebook_executor.execution.run import begin_run, run_notebook
from notebook_executor.models import ExecutionResult
from notebook_executor.sweeps.leash import Leash
from notebook_executor.sweeps.outcomes import without_run


@dataclass(frozen=True)
class Task:
    """A point, in a form that can be sent to another process."""

    request: RunRequest
    root: Path
    settings: Settings
    leash: Leash


def run_task(task: Task) -> ExecutionResult:
    """Run a point, once, unless it is not wanted any more."""
    if not task.leash.take():
        message = "The point was cancelled, or the worker that had taken it is gone"
        return without_run(task.request, task.root, "cancelled", message)
    begun = begin_run(task.request, task.root, task.settings)
    cancellation = Cancellation()
    try:
        with task.leash.watched(cancellation):
            result = run_notebook(begun, _backend(), cancellation)
    except KeyboardInterrupt:
        # Ctrl-C reaches the processes of a pool, too; what was done is in the record.
        recorded = begun.record.read() if begun.record else None
        message = "The worker was interrupted"
        return recorded or without_run(task.request, task.root, "cancelled", message)
    # The notebook need not travel where a file of it does.
    return result.with_notebook(None) if result.output_path else result


_lock = threading.Lock()
_backends: dict[int, LocalBackend] = {}


def _backend() -> LocalBackend:
    """This process's own, kept from point to point; it ends with the process."""
    with _lock:
        backend = _backends.get(os.getpid())
        if backend is None:
            backend = _backends[os.getpid()] = LocalBackend()
            atexit.register(backend.close)
        return backend


def close_backend() -> None:
    """End what is kept from point to point in this process."""
    with _lock:
        backend = _backends.get(os.getpid())
    if backend is not None:
        backend.close()
