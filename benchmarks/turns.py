"""What one process of a measurement does: a turn of one runner, told and answered as JSON.

``python -m benchmarks.turns ANSWER TURN ARGUMENTS`` is called by ``measuring``.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from benchmarks.runners import OURS, RUNNERS, Run, ours

if TYPE_CHECKING:
    from notebook_executor import ExecutionResult


def again_and_again(runner: str, notebook: str, times: int, warm: bool = False) -> list[float]:
    """Seconds a run, ``times`` back to back after a first one, all that they cause included."""
    source, target = Path(notebook), Path(notebook).with_name(f"{runner}.ipynb")
    opener = partial(ours, warm=True) if warm and runner == OURS else RUNNERS[runner]
    with opener(source.parent) as run:
        run(source, target)
        began = time.perf_counter()
        for _ in range(times):
            run(source, target)
        return [(time.perf_counter() - began) / times]


def first(runner: str, notebook: str) -> list[float]:
    """Seconds of the first run in a process: with what it imports, and without."""
    source, target = Path(notebook), Path(notebook).with_name(f"{runner}.ipynb")
    began = time.perf_counter()
    with RUNNERS[runner](source.parent) as run:
        opened = time.perf_counter()
        run(source, target)
        ended = time.perf_counter()
    return [ended - began, ended - opened]


def one_after_the_other(runner: str, small: str, notebooks: list[str]) -> list[float]:
    """Seconds of each notebook, less those of a small one."""
    with RUNNERS[runner](Path(small).parent) as run:
        _seconds(run, small, runner)
        fixed = min(_seconds(run, small, runner) for _ in range(3))
        return [_seconds(run, notebook, runner) - fixed for notebook in notebooks]


def _seconds(run: Run, notebook: str, runner: str) -> float:
    began = time.perf_counter()
    run(Path(notebook), Path(notebook).with_name(f"{runner}.ipynb"))
    return time.perf_counter() - began


def memory(runner: str, small: str, notebook: str) -> list[float]:
    """Bytes that this process grows by at most, and bytes of the notebook that is written."""
    target = Path(notebook).with_name(f"{runner}.ipynb")
    with RUNNERS[runner](target.parent) as run:
        run(Path(small), target)
        Path("/proc/self/clear_refs").write_text("5", "ascii")
        before = _status("VmRSS")
        run(Path(notebook), target)
        return [_status("VmHWM") - before, target.stat().st_size]


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def many(runner: str, notebook: str, count: int, workers: int) -> list[float]:
    """Seconds for ``count`` runs, ``workers`` at a time, their start included; how many failed.

    Raises:
        RuntimeError: All of them have.
    """
    source = Path(notebook)
    targets = [source.with_name(f"{runner}-{number}.ipynb") for number in range(count)]
    began = time.perf_counter()
    if runner == OURS:
        with ours(source.parent, warm=True) as run, ThreadPoolExecutor(workers) as pool:
            failed = failures(pool.submit(run, source, target) for target in targets)
    else:
        with ProcessPoolExecutor(workers) as pool:
            failed = failures(pool.submit(_run_once, runner, source, target) for target in targets)
    seconds = time.perf_counter() - began
    if failed == count:
        raise RuntimeError(f"all {count} runs of {runner} failed")
    return [seconds, failed]


def failures(futures: Iterable[Future[Any]]) -> int:
    """Wait for all; each one that failed is told on standard error."""
    errors = [future.exception() for future in list(futures)]
    for error in filter(None, errors):
        print(repr(error), file=sys.stderr)
    return sum(error is not None for error in errors)


def _run_once(runner: str, source: Path, target: Path) -> None:
    with RUNNERS[runner](source.parent) as run:
        run(source, target)


def shares(notebooks: list[str], warm: bool) -> list[float]:
    """PSS in bytes of each of several idle kernels that are there at the same time."""
    from notebook_executor import NotebookExecutor

    root = Path(notebooks[0]).parent
    with (
        NotebookExecutor(root, warm=warm) as executor,
        ThreadPoolExecutor(len(notebooks)) as pool,
    ):
        results = list(pool.map(partial(executor.execute, output_path=False), notebooks))
    for result in results:
        assert result.kernel is not None
        assert result.kernel.warm is warm, result.warnings
    return [1024 * float(_printed(result)) for result in results]


def _printed(result: ExecutionResult) -> str:
    assert result.notebook is not None
    return str(result.notebook.cells[0].outputs[0].text)


def teardown(host_view: bool) -> list[float]:
    """Seconds from the exit of a kernel with four daemons until all is proven to be gone."""
    from benchmarks.supervision import teardown_seconds
    from notebook_executor.lifecycle import Containment

    with Containment() as containment:
        return [teardown_seconds(containment, host_view)]


def calls(count: int, threads: int) -> list[float]:
    """Seconds of a tool call and of a bare echo, and calls a second from several threads."""
    from benchmarks.echoing import echo_server
    from benchmarks.notebooks import write_calls
    from notebook_executor import NotebookExecutor

    with TemporaryDirectory() as made, echo_server(Path(made, "echo")) as address:
        notebook = write_calls(Path(made), address, count, threads)
        with NotebookExecutor(made, tools={"echo": _echo}) as executor:
            result = executor.execute(notebook, output_path=False, check=True)
    values: list[float] = json.loads(_printed(result))
    return values


def _echo(text: str) -> str:
    return text


def schedule_turn(folder: str, entries: int) -> list[float]:
    """Seconds of a scheduler's turn with nothing due, and those until it can take the first."""
    from benchmarks.schedules import turn_seconds

    return turn_seconds(Path(folder), entries)


def schedule_month(folder: str, entries: int, days: int) -> list[float]:
    """Bytes that a scheduler's process holds after each simulated day."""
    from benchmarks.schedules import month_memory

    return month_memory(Path(folder), entries, days)


def review(folder: str, count: int, seconds: float) -> list[float]:
    """Seconds of a review of so many notebooks, and those of all their cells."""
    from benchmarks.reviews import review_seconds

    return review_seconds(Path(folder), count, seconds)


TURNS: dict[str, Callable[..., list[float]]] = {
    turn.__name__: turn
    for turn in (
        again_and_again,
        first,
        one_after_the_other,
        memory,
        many,
        shares,
        teardown,
        calls,
        schedule_turn,
        schedule_month,
        review,
    )
}


def main() -> None:
    answer, turn, arguments = sys.argv[1:]
    given: dict[str, Any] = json.loads(arguments)
    Path(answer).write_text(json.dumps(TURNS[turn](**given)), encoding="utf-8")


if __name__ == "__main__":
    main()
