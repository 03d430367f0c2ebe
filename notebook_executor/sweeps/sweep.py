"""The handle of a sweep, and how one begins."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notebook_executor.backends.local import LocalBackend
from notebook_executor.config import Settings
from notebook_executor.errors import UsageError
from notebook_executor.execution.crew import Crew
from notebook_executor.execution.history import RunRow, table_of
from notebook_executor.execution.parameters import load_parameters
from notebook_executor.execution.plan import make_plan
from notebook_executor.execution.request import RunRequest
from notebook_executor.models import ExecutionResult
from notebook_executor.sweeps.course import Course
from notebook_executor.sweeps.earlier import Earlier, check_name
from notebook_executor.sweeps.places import place_for
from notebook_executor.sweeps.table import aligned, columns_and_rows, summary

if TYPE_CHECKING:
    from pandas import DataFrame

_LONGEST_WAIT = 3600.0


class Sweep:
    """The runs of one notebook at many points; ``NotebookExecutor.execute_many`` makes it.

    They go on by themselves. Iterating, ``results`` and ``wait`` block; a Ctrl-C meanwhile cancels
    the sweep, waits for the end of its kernels, and is passed on. The sweep is cancelled, too, when
    its executor is closed, when the process exits, and when neither is held any more.

    Attributes:
        name: Under which points that succeeded are skipped another time.
        points: The parameters of each point, in order.
    """

    def __init__(
        self,
        name: str | None,
        points: Sequence[Mapping[str, Any]],
        course: Course,
        executor: object,
    ) -> None:
        self.name = name
        self.points = tuple(points)
        self._course = course
        self._owner = os.getpid()
        # As long as somebody holds the sweep, the executor must not be collected.
        self._executor = executor

    def __len__(self) -> int:
        """How many points there are."""
        return len(self.points)

    @property
    def done(self) -> int:
        """How many points are over: run, skipped, or not to run any more."""
        return len(self._course.order)

    @property
    def skipped(self) -> int:
        """How many points had succeeded before."""
        return len(self._course.skipped)

    def __iter__(self) -> Iterator[ExecutionResult]:
        """The results as the runs finish; first those of points that had succeeded before.

        A point that has not run, because the sweep was cancelled, has a result that says so.
        """
        for told in range(len(self)):
            self._block(told + 1, None)
            result = self._course.results[self._course.order[told]]
            assert result is not None
            yield result

    @property
    def results(self) -> list[ExecutionResult]:
        """The results in the order of ``points``; blocks until all are there."""
        self.wait()
        return [result for result in self._course.results if result is not None]

    @property
    def ok(self) -> bool:
        """Whether all points succeeded; blocks until they are over."""
        return all(result.ok for result in self.results)

    def wait(self, timeout: float | None = None) -> bool:
        """Block until all points are over, at most ``timeout`` seconds.

        Returns:
            Whether they are.
        """
        return self._block(len(self), timeout)

    def _block(self, done: int, timeout: float | None) -> bool:
        if self._owner != os.getpid():
            raise UsageError(
                f"The sweep goes on in process {self._owner}, not here",
                hint="A sweep can be awaited in the process that has started it.",
            )
        try:
            return self._course.wait_for(done, timeout)
        except BaseException as error:
            self.cancel(f"it was interrupted ({type(error).__name__})")
            self._course.wait_for(len(self), _LONGEST_WAIT)
            raise

    def cancel(self, reason: str = "cancel() was called") -> None:
        """Have no other point begin, and end those that run; returns at once."""
        self._course.stop(reason)

    def to_dataframe(self) -> DataFrame:
        """A row for each point, in order, with the columns of ``Runs.to_dataframe``; blocks.

        Raises:
            UsageError: pandas is not installed.
        """
        return table_of(map(RunRow.of, self.results))

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Columns and rows of what there is so far: a row for each point, in order."""
        return columns_and_rows(self.points, tuple(self._course.results), self._states())

    def summary(self) -> str:
        """How many points went how so far, in a line."""
        name = f"sweep {self.name}: " if self.name else ""
        return name + summary(self.points, self._states())

    def _states(self) -> list[str]:
        running = self._course.running
        states = []
        for index, result in enumerate(self._course.results):
            if result is None:
                states.append("running" if index in running else "waiting")
            elif index in self._course.skipped:
                states.append("skipped")
            else:
                states.append(result.error.kind if result.error else "success")
        return states

    def __str__(self) -> str:
        """The summary, and the table's first 50 rows."""
        return f"{self.summary()}\n{aligned(*self.table())}"

    def __repr__(self) -> str:
        return f"<Sweep {self.name or 'without name'}: {self.done} of {len(self)} done>"


def begin_sweep(
    request: RunRequest,
    points: Sequence[Mapping[str, Any]],
    *,
    max_workers: int | None,
    executor: Any,
    stop_on_error: bool,
    worker_env: Sequence[Mapping[str, str]],
    root: Path,
    settings: Settings,
    backend: LocalBackend,
    crew: Crew,
    owner: object,
) -> Sweep:
    """Begin a sweep; ``NotebookExecutor.execute_many`` explains the arguments.

    Args:
        request: What all points have in common.
        points: The parameters of each point, before those in common.
        max_workers: How many points run at a time.
        executor: Where they run.
        stop_on_error: Whether the first failure ends them all.
        worker_env: The environments that the lanes have in turn.
        root: The project.
        settings: The operator's.
        backend: Where kernels of this process come from; other processes get one like it.
        crew: Carries the lanes out.
        owner: Kept as long as the sweep is.
    """
    if request.sweep is not None:
        check_name(request.sweep)
    if isinstance(request.output_path, str | os.PathLike):
        raise UsageError(
            "All points of a sweep cannot write the same output_path",
            hint="Leave it out: each goes to runs/<notebook>/<run id>.ipynb; or pass False.",
        )
    if request.record is not None:
        raise UsageError(
            "All points of a sweep cannot write the same recording",
            hint="Record one run, and have the sweep replay it.",
        )
    _check_width(max_workers)
    for env in worker_env:
        replace(request, env=env)  # checks it
    common = load_parameters(make_plan(request, root, settings).parameters)
    parameters = [{**common, **point} for point in points]
    requests = [replace(request, parameters=each) for each in parameters]
    earlier = Earlier(request, root, settings)
    found = {
        index: result
        for index, each in enumerate(parameters)
        if (result := earlier.success(each)) is not None
    }
    place = place_for(executor, request, root, settings, backend)
    course = Course(requests, found, place, root, stop_on_error=stop_on_error)
    for lane in course.open_lanes(max_workers or len(worker_env) or place.capacity, worker_env):
        crew.begin(lane)
    return Sweep(request.sweep, parameters, course, owner)


def _check_width(max_workers: object) -> None:
    if max_workers is None:
        return
    if not isinstance(max_workers, int) or isinstance(max_workers, bool) or max_workers < 1:
        raise TypeError(f"max_workers must be a whole number from 1 on, not {max_workers!r:.50}")
