"""Where the points of a sweep run: in this process, or in somebody else's executor."""

from __future__ import annotations

import os
import pickle
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from notebook_executor.backends.local import LocalBackend
from notebook_executor.backends.protocol import Backend
from notebook_executor.config import Settings
from notebook_executor.errors import UsageError
from notebook_executor.execution.cancelling import Cancellation
from notebook_executor.execution.request import RunRequest
from notebook_executor.execution.run import begin_run, run_notebook
from notebook_executor.models import ExecutionResult
from notebook_executor.sweeps.leash import Leash, Leashes
from notebook_executor.sweeps.outcomes import without_run
from notebook_executor.sweeps.worker import Task, close_unused, run_task

_NOT_RUN = "The point was cancelled before its turn"
# Beyond the graces of a kernel's end, a worker that says nothing is lost.
_LAST_SECONDS = 60.0


class Place(Protocol):
    """Runs points; several threads may ask at once."""

    capacity: int

    def run(self, request: RunRequest, cancellation: Cancellation) -> ExecutionResult:
        """Run one point, and block until its kernel is gone."""
        ...

    def close(self) -> None:
        """Let go of what is held for the sweep; no point is running any more."""


class Here:
    """In this process, on the threads that ask."""

    def __init__(self, root: Path, settings: Settings, backend: Backend) -> None:
        self.capacity = _cores()
        self._root, self._settings, self._backend = root, settings, backend

    def run(self, request: RunRequest, cancellation: Cancellation) -> ExecutionResult:
        begun = begin_run(request, self._root, self._settings)
        return run_notebook(begun, self._backend, cancellation)

    def close(self) -> None:
        pass


class InPool:
    """In this process, on the threads of a pool."""

    def __init__(self, pool: ThreadPoolExecutor, here: Here, root: Path) -> None:
        self.capacity = _size_of(pool)
        self._pool, self._here, self._root = pool, here, root

    def run(self, request: RunRequest, cancellation: Cancellation) -> ExecutionResult:
        future = self._pool.submit(self._here.run, request, cancellation)
        with cancellation.told_to(lambda: _give_up(future)):
            try:
                return future.result()
            except CancelledError:
                return without_run(request, self._root, "cancelled", _NOT_RUN)

    def close(self) -> None:
        pass


class Elsewhere:
    """In the processes, or on the machines, of an executor; all of them see the project.

    Raises:
        DocumentError: The project cannot be written.
    """

    def __init__(
        self,
        executor: Executor,
        capacity: int,
        root: Path,
        settings: Settings,
        backend: LocalBackend,
    ) -> None:
        self.capacity = capacity
        self._executor, self._root, self._settings = executor, root, settings
        self._warmth = backend.warm, backend.preload
        self._leashes = Leashes(root, settings)
        self._numbers = count()

    def run(self, request: RunRequest, cancellation: Cancellation) -> ExecutionResult:
        leash = self._leashes.new(next(self._numbers))
        task = Task(request, self._root, self._settings, leash, *self._warmth)
        future = self._executor.submit(run_task, task)
        with cancellation.told_to(lambda: _let_go(leash, future)):
            try:
                return self._result(future, cancellation)
            except CancelledError:
                return without_run(request, self._root, "cancelled", _NOT_RUN)

    def _result(
        self, future: Future[ExecutionResult], cancellation: Cancellation
    ) -> ExecutionResult:
        """The result, however long it takes; of a cancelled run not for ever."""
        while not cancellation.requested:
            try:
                return future.result(timeout=1.0)
            except TimeoutError:
                if future.done():
                    raise
        graces = self._settings.interrupt_grace + self._settings.terminate_grace
        return future.result(timeout=graces + self._settings.shutdown_grace + _LAST_SECONDS)

    def close(self) -> None:
        self._leashes.close()
        close_unused()


def _give_up(future: Future[ExecutionResult]) -> None:
    future.cancel()


def _let_go(leash: Leash, future: Future[ExecutionResult]) -> None:
    # A future of Dask's could be cancelled while it runs, too; its result would be lost then.
    if leash.let_go():
        future.cancel()


def place_for(
    executor: Any, request: RunRequest, root: Path, settings: Settings, backend: LocalBackend
) -> Place:
    """The place that a caller means.

    Args:
        executor: None for this process; a ``concurrent.futures.Executor``; or a Dask ``Client``.
        request: What is to run.
        root: The project.
        settings: The operator's.
        backend: Where kernels of this process come from; other processes get one like it.

    Raises:
        TypeError: It is none of these.
        UsageError: The request has a callback, or tools, that cannot go to another process.
    """
    here = Here(root, settings, backend)
    if executor is None:
        return here
    # A pool of interpreters (Python 3.14) is a pool of threads, but shares no objects.
    if isinstance(executor, ThreadPoolExecutor) and "Interpreter" not in type(executor).__name__:
        return InPool(executor, here, root)
    if not isinstance(executor, Executor) and not hasattr(executor, "get_executor"):
        raise TypeError(
            "executor must be a concurrent.futures.Executor or a Dask Client, "
            f"not {type(executor).__name__}"
        )
    if request.on_event is not None:
        raise UsageError(
            "on_event cannot be called from the processes of another executor",
            hint="Leave it out, or let the sweep run in this process.",
        )
    _check_tools(request)
    if isinstance(executor, Executor):
        return Elsewhere(executor, _size_of(executor), root, settings, backend)
    workers = executor.get_executor(pure=False)
    return Elsewhere(workers, _threads_of(executor), root, settings, backend)


def _check_tools(request: RunRequest) -> None:
    try:
        pickle.dumps((request.tools, request.policy))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise UsageError(
            f"The tools or the policy cannot go to the processes of another executor: {error}",
            hint="Use functions of a module, or let the sweep run in this process.",
        ) from error


def _size_of(executor: Executor) -> int:
    """How many tasks an executor runs at a time, as far as it can be told."""
    size = getattr(executor, "_max_workers", None)
    if isinstance(size, int) and size > 0:
        return size
    client = getattr(executor, "_client", None)  # Dask's
    return _cores() if client is None else _threads_of(client)


def _threads_of(client: Any) -> int:
    return max(1, sum(int(count) for count in client.nthreads().values()))


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
