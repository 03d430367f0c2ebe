"""What runs in a worker of somebody else's executor: one point, with a kernel of this process."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.util import Finalize
from pathlib import Path

from notebook_executor.backends.local import LocalBackend
from notebook_executor.config import Settings
from notebook_executor.execution.cancelling import Cancellation
from notebook_executor.execution.request import RunRequest
from notebook_executor.execution.run import begin_run, run_notebook
from notebook_executor.lifecycle.warm import Warmth
from notebook_executor.models import ExecutionResult
from notebook_executor.sweeps.leash import Leash
from notebook_executor.sweeps.outcomes import without_run

# Before what other modules register, which a kernel may need until its end.
_EXIT_PRIORITY = 100


@dataclass(frozen=True)
class Task:
    """A point, in a form that can be sent to another process.

    Attributes:
        warm: Whether kernels are to be warm; ``"auto"`` counts the points of one worker process.
        preload: What is then imported beforehand.
    """

    request: RunRequest
    root: Path
    settings: Settings
    leash: Leash
    warm: Warmth
    preload: tuple[str, ...]


def run_task(task: Task) -> ExecutionResult:
    """Run a point, once, unless it is not wanted any more."""
    if not task.leash.take():
        message = "The point was cancelled, or the worker that had taken it is gone"
        return without_run(task.request, task.root, "cancelled", message)
    begun = begin_run(task.request, task.root, task.settings)
    cancellation = Cancellation()
    try:
        with (
            task.leash.watched(cancellation),
            _KEPT.backend(task.warm, task.preload) as backend,
        ):
            result = run_notebook(begun, backend, cancellation)
    except KeyboardInterrupt:
        # Ctrl-C reaches the processes of a pool, too; what was done is in the record.
        recorded = begun.record.read() if begun.record else None
        message = "The worker was interrupted"
        return recorded or without_run(task.request, task.root, "cancelled", message)
    # The notebook need not travel where a file of it does.
    return result.with_notebook(None) if result.output_path else result


def close_unused() -> None:
    """End what this process keeps from point to point, unless a point is running with it."""
    _KEPT.close_unused()


class _Kept:
    """The backends that a process keeps from point to point, so that later kernels are warm.

    There is one for each wish that sweeps have, until points come that wish for something else.
    They end with the process: also a forked one of a pool, for which ``atexit`` does nothing.
    """

    def __init__(self) -> None:
        self._begin()

    def begin_anew(self) -> None:
        """In a forked copy of the process: what there is stays the other one's."""
        self._parents = self._backends  # never to be collected, let alone ended, in this process
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._backends: dict[tuple[Warmth, tuple[str, ...]], LocalBackend] = {}
        self._users: Counter[LocalBackend] = Counter()
        self._ends_at_exit = False

    @contextmanager
    def backend(self, warm: Warmth, preload: tuple[str, ...]) -> Iterator[LocalBackend]:
        with self._lock:
            backend = self._backends.get((warm, preload))
            if backend is None:
                backend = self._backends[warm, preload] = LocalBackend(warm, preload)
            self._users[backend] += 1
            if not self._ends_at_exit:
                Finalize(None, self._close_all, exitpriority=_EXIT_PRIORITY)
                self._ends_at_exit = True
        try:
            self.close_unused()
            yield backend
        finally:
            with self._lock:
                self._users[backend] -= 1

    def close_unused(self) -> None:
        with self._lock:
            unused = [kind for kind, backend in self._backends.items() if not self._users[backend]]
            backends = [self._backends.pop(kind) for kind in unused]
            self._users = +self._users
        for backend in backends:
            backend.close()

    def _close_all(self) -> None:
        for backend in list(self._backends.values()):
            backend.close()


_KEPT = _Kept()
os.register_at_fork(after_in_child=_KEPT.begin_anew)
