"""``execute_many``: many points, here and elsewhere, bounded, resumed, and really ended."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from notebook_executor import NotebookExecutor

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook
    from tests.integration.gated import Gate

_PARAMETERS = ("x = 1\ny = 0\nwait = False", "parameters")
_WORK = "from hermes_runtime import glue\nglue('sum', x + y)\nassert x != 13\nprint('worked')"


def waiting(gate: Gate) -> str:
    """A cell that waits at the gate where the point says so."""
    return "if wait:\n" + "\n".join(f"    {line}" for line in gate.source.splitlines())


def test_a_grid_runs_and_one_failure_stops_nobody(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    path = make_notebook(_PARAMETERS, _WORK)

    sweep = executor.execute_many(
        path, grid={"x": [2, 13], "y": [0.5, 1]}, max_workers=2, sweep="first"
    )
    finished = list(sweep)

    assert [point["x"] for point in sweep.points] == [2, 2, 13, 13]
    assert [result.status for result in sweep.results] == ["success", "success", "error", "error"]
    assert [result.scraps["sum"] for result in sweep.results] == [2.5, 3, 13.5, 14]
    assert sorted(result.run_id for result in finished) == sorted(
        result.run_id for result in sweep.results
    )
    assert {result.sweep for result in finished} == {"first"}
    assert not sweep.ok
    assert (sweep.done, sweep.skipped, len(sweep)) == (4, 0, 4)
    assert "4 points: 2 success, 2 cell_error" in str(sweep)
    table = sweep.to_dataframe()
    assert table["scraps.sum"].tolist() == [2.5, 3, 13.5, 14]
    assert table["parameters.y"].tolist() == [0.5, 1, 0.5, 1]
    assert {row.run_id for row in executor.runs(sweep="first")} == {r.run_id for r in finished}


def test_what_succeeded_is_skipped_while_source_and_parameters_are_the_same(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    path = make_notebook(_PARAMETERS, _WORK)
    points: list[dict[str, Any]] = [{"x": 2}, {"x": 13}, {"x": 1}, {"x": 1.0}]

    first = executor.execute_many(path, points=points[:3], sweep="again").results
    second = executor.execute_many(path, points=points, sweep="again")
    others = executor.execute_many(path, points=points[:1], sweep="another")

    assert second.results[0].run_id == first[0].run_id
    assert second.results[1].run_id != first[1].run_id
    assert second.results[2].run_id == first[2].run_id
    assert second.results[3].ok  # 1.0 is not 1
    assert second.skipped == 2
    assert others.results[0].run_id != first[0].run_id

    make_notebook(_PARAMETERS, _WORK, "'changed'")
    third = executor.execute_many(path, points=points[:1], sweep="again")
    assert third.skipped == 0
    assert third.ok


def test_each_of_those_that_run_at_a_time_has_an_environment_of_its_own(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    show = "import os, pathlib, time\nprint(os.environ['GPU'], os.environ['ALL'])"
    # Two at a time, for there are two environments: each waits until the other one is there.
    meet = (
        "pathlib.Path(os.environ['GPU']).touch()\n"
        "while not all(pathlib.Path(name).exists() for name in '01'):\n    time.sleep(0.01)"
    )
    path = make_notebook(_PARAMETERS, show, meet)

    sweep = executor.execute_many(
        path,
        points=[{}, {}],
        env={"ALL": "same"},
        worker_env=[{"GPU": "0"}, {"GPU": "1"}],
    )

    assert {result.cells[1].output_preview for result in sweep.results} == {"0 same", "1 same"}


def test_the_first_failure_ends_all_when_asked(
    executor: NotebookExecutor, make_notebook: MakeNotebook, gate: Gate
) -> None:
    path = make_notebook(_PARAMETERS, waiting(gate), _WORK)
    points: list[dict[str, Any]] = [{"wait": True}, {"x": 13}, {"x": 2}, {"x": 3}]

    sweep = executor.execute_many(path, points=points, max_workers=2, stop_on_error=True)

    errors = [result.error for result in sweep.results]
    assert [error and error.kind for error in errors] == [
        *("cancelled", "cell_error", "cancelled", "cancelled"),
    ]
    assert all(error and "point 1 failed" in error.message for error in errors[2:])
    assert len(executor.runs()) == 2


@contextmanager
def dask_of_two() -> Iterator[Any]:
    import distributed

    cluster: Any = distributed.LocalCluster
    client: Any = distributed.Client
    with (
        cluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as workers,
        client(workers) as connected,
    ):
        yield connected


def processes_by(method: str, count: int = 2) -> Executor:
    return ProcessPoolExecutor(count, multiprocessing.get_context(method))


@pytest.fixture
def without_tracker() -> Iterator[None]:
    """End what multiprocessing keeps beside spawned processes until the interpreter exits."""
    yield
    tracker: Any = resource_tracker
    tracker._resource_tracker._stop()


def descendants() -> list[psutil.Process]:
    """All processes below this one, but what ``without_tracker`` ends."""
    found = psutil.Process().children(recursive=True)
    return [process for process in found if not _tracks_resources(process)]


def _tracks_resources(process: psutil.Process) -> bool:
    try:
        return "resource_tracker" in str(process.cmdline())
    except psutil.NoSuchProcess:
        return False


ELSEWHERE = [
    pytest.param(lambda: ThreadPoolExecutor(2), id="threads"),
    pytest.param(lambda: processes_by("fork"), id="fork"),
    pytest.param(lambda: processes_by("spawn"), id="spawn"),
    pytest.param(dask_of_two, id="dask"),
]


@pytest.mark.usefixtures("without_tracker")
@pytest.mark.parametrize("opened", ELSEWHERE)
def test_points_run_elsewhere_and_end_there_when_cancelled(
    executor: NotebookExecutor, make_notebook: MakeNotebook, gate: Gate, opened: Callable[[], Any]
) -> None:
    path = make_notebook(_PARAMETERS, waiting(gate), _WORK)
    # There are two workers: a third point waits for one of them, in the pool, and a fourth here.
    points: list[dict[str, Any]] = [*[{"wait": True}] * 3, {}]

    with opened() as pool:
        over = executor.execute_many(path, points=[{"x": 2}, {"x": 13}], executor=pool)
        assert [result.ok for result in over.results] == [True, False]
        sweep = executor.execute_many(path, points=points, executor=pool, max_workers=3)
        gate.wait()
        gate.wait()
        sweep.cancel("it is enough")
        assert [result.error and result.error.kind for result in sweep.results] == ["cancelled"] * 4
        below = descendants()

    executor.close()
    _, alive = psutil.wait_procs(below, timeout=60)
    assert not alive
    assert over.results[0].scraps["sum"] == 2
    begun = [result for result in sweep.results if result.cells]
    assert [result.cells[2].status for result in begun] == ["error"] * 2
    for result in (*over.results, *begun):
        assert result.cleanup.processes_left == result.cleanup.files_left == 0
        assert result.notebook is not None
    recorded = {row.run_id for row in executor.runs()}
    assert recorded == {result.run_id for result in (*over.results, *begun)}
    place = executor.root / ".nbx" / "sweeps"
    assert not place.exists() or not list(place.iterdir())


def test_later_points_of_a_worker_are_warm_and_nothing_outlives_the_pool(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    path = make_notebook(("x = 1", "parameters"), "x")

    with processes_by("fork", 1) as pool:
        worker = psutil.Process(pool.submit(os.getpid).result())
        sweep = executor.execute_many(path, grid={"x": [1, 2, 3]}, executor=pool)
        warm = [result.kernel and result.kernel.warm for result in sweep.results]
        below = worker.children(recursive=True)

    assert warm == [False, True, True]
    assert len(below) >= 2  # guard and fork server
    # No patience here: a worker ends what it keeps before it is gone itself.
    assert not [process for process in below if process.is_running()]


def test_a_worker_does_as_the_executor_was_told(
    make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    path = make_notebook("import sys\nprint('colorsys' in sys.modules)")
    told = []
    with processes_by("fork", 1) as pool:
        for warm, preload in ((True, ["colorsys"]), (True, []), (False, ["colorsys"])):
            with NotebookExecutor(tmp_path, warm=warm, preload=preload) as executor:
                (result,) = executor.execute_many(path, points=[{}], executor=pool)
                told.append((result.kernel and result.kernel.warm, result.cells[0].output_preview))

    assert told == [(True, "True"), (True, "False"), (False, "False")]


@pytest.mark.usefixtures("without_tracker")
def test_a_pool_that_breaks_loses_a_point_and_says_so(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    with processes_by("spawn") as pool:
        pool.submit(os.getpid).result()
        pool.shutdown()
        sweep = executor.execute_many(make_notebook("1"), points=[{}], executor=pool)
        (result,) = sweep.results

    assert result.error is not None
    assert result.error.kind == "internal"
    assert "RuntimeError" in result.error.message


_HOST = """
import sys
from notebook_executor import NotebookExecutor
root, notebook = sys.argv[1:]
sweep = NotebookExecutor(root).execute_many(
    notebook, grid={"x": [2, 3, 4], "wait": [False, True]}, max_workers=2, sweep="cut"
)
try:
    for result in sweep:
        pass
except KeyboardInterrupt:
    print(sweep.summary())
    raise
"""


def test_ctrl_c_ends_all_kernels_and_the_same_sweep_goes_on(
    executor: NotebookExecutor, make_notebook: MakeNotebook, gate: Gate, tmp_path: Path
) -> None:
    # Once the file is there, nobody waits any more.
    waits = f"import pathlib\nwait = wait and not pathlib.Path('go').exists()\n{waiting(gate)}"
    path = make_notebook(_PARAMETERS, waits, _WORK)
    command = [sys.executable, "-c", _HOST, str(tmp_path), str(path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as run:
        gate.wait()
        gate.wait()
        run.send_signal(signal.SIGINT)
        told, _ = run.communicate(timeout=60)

    assert told == "sweep cut: 6 points: 2 success, 4 cancelled\n"
    rows = executor.runs(sweep="cut")
    assert sorted(row.error_kind or "" for row in rows) == ["", "", "cancelled", "cancelled"]
    (tmp_path / "go").touch()
    again = executor.execute_many(
        path, grid={"x": [2, 3, 4], "wait": [False, True]}, max_workers=2, sweep="cut"
    )
    assert again.ok
    assert again.skipped == 2


def test_closing_the_executor_ends_its_sweeps(
    executor: NotebookExecutor, make_notebook: MakeNotebook, gate: Gate
) -> None:
    sweep = executor.execute_many(make_notebook(gate.source), points=[{}, {}], max_workers=1)
    gate.wait()

    executor.close()

    assert sweep.done == 2
    assert [result.error and result.error.kind for result in sweep.results] == ["cancelled"] * 2
    assert repr(sweep) == "<Sweep without name: 2 of 2 done>"
