"""How a sweep goes: lanes that take one point after the other, and what is known of each."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from notebook_executor.execution.cancelling import Cancellation
from notebook_executor.execution.request import RunRequest
from notebook_executor.models import ErrorKind, ExecutionResult
from notebook_executor.sweeps.outcomes import without_run
from notebook_executor.sweeps.places import Place


class Course:
    """The state of a sweep; its lanes change it, its handle reads it. Safe for many threads.

    Args:
        requests: What to run, a request each point.
        earlier: The results of points that are not to run again, by their index.
        place: Where the others run; closed when the last one is over.
        root: The project.
        stop_on_error: Whether the first failure ends them all.
    """

    def __init__(
        self,
        requests: Sequence[RunRequest],
        earlier: Mapping[int, ExecutionResult],
        place: Place,
        root: Path,
        *,
        stop_on_error: bool,
    ) -> None:
        self.requests = requests
        self.skipped = frozenset(earlier)
        self.results: list[ExecutionResult | None] = [
            earlier.get(index) for index in range(len(requests))
        ]
        self.order = sorted(earlier)
        self._waiting = deque(index for index in range(len(requests)) if index not in earlier)
        self._running: dict[int, Cancellation] = {}
        # Reentrant: a collected executor cancels its sweeps, and the collector may run in here.
        self._changed = threading.Condition(threading.RLock())
        self._stop_on_error = stop_on_error
        self._reason: str | None = None
        self._place, self._root = place, root
        self._lanes = 0

    @property
    def running(self) -> frozenset[int]:
        with self._changed:
            return frozenset(self._running)

    def open_lanes(self, width: int, environments: Sequence[Mapping[str, str]]) -> list[Lane]:
        """As many lanes as there is work for; a lane has one of the environments, in turn."""
        self._lanes = min(width, len(self._waiting))
        if not self._lanes:
            self._place.close()
        count = max(1, len(environments))
        return [
            Lane(self, environments[number % count] if environments else {})
            for number in range(self._lanes)
        ]

    def wait_for(self, done: int, timeout: float | None = None) -> bool:
        """Block until so many points are done; False if that took too long."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.order) >= done, timeout)

    def stop(self, reason: str) -> None:
        """Have no other point begin, and cancel those that run; returns at once."""
        with self._changed:
            self._reason = self._reason or reason
            running = tuple(self._running.values())
            self._changed.notify_all()
        for cancellation in running:
            cancellation.cancel(reason)

    def take(self) -> tuple[int, Cancellation] | None:
        """The next point to run; those that are not to run any more are done with on the way."""
        with self._changed:
            while self._waiting:
                index = self._waiting.popleft()
                if self._reason is None:
                    self._running[index] = Cancellation()
                    return index, self._running[index]
                message = f"The point did not run: {self._reason}"
                self._note(index, self._without_run(index, message))
            return None

    def run(self, index: int, cancellation: Cancellation, env: Mapping[str, str]) -> None:
        request = self.requests[index]
        if env:
            request = replace(request, env={**(request.env or {}), **env})
        try:
            result = self._place.run(request, cancellation)
        except BaseException as error:  # whatever the executor, or a callback, raises
            kind: ErrorKind = "cancelled" if cancellation.requested else "internal"
            message = f"The run was lost: {type(error).__name__}: {error}"
            result = without_run(request, self._root, kind, message)
        with self._changed:
            del self._running[index]
            self._note(index, result)
        if self._stop_on_error and not result.ok:
            self.stop(f"point {index} failed")

    def _without_run(self, index: int, message: str) -> ExecutionResult:
        return without_run(self.requests[index], self._root, "cancelled", message)

    def _note(self, index: int, result: ExecutionResult) -> None:
        self.results[index] = result
        self.order.append(index)
        self._changed.notify_all()

    def leave(self) -> None:
        """A lane has ended; the last one puts out the light."""
        with self._changed:
            self._lanes -= 1
            last = not self._lanes
        if last:
            self._place.close()


class Lane:
    """Runs points one after the other, in one environment: a job of the executor's crew."""

    def __init__(self, course: Course, env: Mapping[str, str]) -> None:
        self._course = course
        self._env = env

    def carry_out(self) -> None:
        while (taken := self._course.take()) is not None:
            self._course.run(*taken, self._env)
        self._course.leave()

    def cancel(self, reason: str) -> None:
        self._course.stop(reason)
