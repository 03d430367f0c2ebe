"""What a sweep consists of, and how it is told, without a kernel."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from notebook_executor import NotebookExecutor, Settings
from notebook_executor.errors import UsageError
from notebook_executor.execution.cancelling import Cancellation
from notebook_executor.execution.request import RunRequest
from notebook_executor.sweeps.leash import Leashes
from notebook_executor.sweeps.outcomes import without_run
from notebook_executor.sweeps.points import make_points
from notebook_executor.sweeps.table import aligned, columns_and_rows


def test_a_grid_is_every_combination_the_last_name_fastest() -> None:
    assert make_points({"a": [1, 2], "b": range(2)}, None) == [
        {"a": 1, "b": 0},
        {"a": 1, "b": 1},
        {"a": 2, "b": 0},
        {"a": 2, "b": 1},
    ]
    assert make_points(None, iter([{"a": 1}, {}])) == [{"a": 1}, {}]
    assert make_points(None, []) == []


@pytest.mark.parametrize(
    ("grid", "points"),
    [
        (None, None),
        ({"a": [1]}, [{}]),
        ([1], None),
        ({"a": "text"}, None),
        ({"a": 5}, None),
        ({"a": {"b": 1}}, None),
        (None, {"a": 1}),
        (None, "text"),
        (None, [1]),
        (None, 5),
    ],
)
def test_points_of_another_form_are_type_errors(grid: Any, points: Any) -> None:
    with pytest.raises(TypeError):
        make_points(grid, points)


def test_no_values_and_too_many_points_are_refused() -> None:
    with pytest.raises(UsageError, match="a has no values"):
        make_points({"a": []}, None)
    with pytest.raises(UsageError, match="100,000"):
        make_points({"a": range(1000), "b": range(1000)}, None)
    with pytest.raises(UsageError, match="100,000"):
        make_points(None, ({} for _ in range(10**12)))


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"max_workers": 0}, TypeError),
        ({"max_workers": True}, TypeError),
        ({"executor": 5}, TypeError),
        ({"sweep": 5}, TypeError),
        ({"sweep": ""}, UsageError),
        ({"sweep": 'a"b'}, UsageError),
        ({"worker_env": [{"A": 1}]}, TypeError),
        ({"output_path": "out.ipynb"}, UsageError),
        ({"parameters": "nowhere.yaml"}, UsageError),
        ({"no_such": 1}, TypeError),
        ({"check": True}, TypeError),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_runs(
    tmp_path: Path, options: dict[str, Any], error: type[Exception]
) -> None:
    with NotebookExecutor(tmp_path) as executor, pytest.raises(error):
        executor.execute_many("a.ipynb", points=[{}], **options)
    assert not (tmp_path / ".nbx").exists()


def test_a_callback_cannot_go_to_another_process(tmp_path: Path) -> None:
    pool = ProcessPoolExecutor(1, multiprocessing.get_context("fork"))
    with NotebookExecutor(tmp_path) as executor, pool, pytest.raises(UsageError, match="on_event"):
        executor.execute_many("a.ipynb", points=[{}], executor=pool, on_event=print)


def test_the_table_shows_what_varies_and_what_came_out() -> None:
    points = [{"lr": 0.1, "data": "a"}, {"lr": 0.3, "data": "a"}, {"lr": 1, "data": "a"}]
    request = RunRequest("a.ipynb")
    lost = without_run(request, Path("/p"), "internal", "gone")
    good = lost.model_copy(
        update={"scraps": {"loss": 1.5, "note": "x\ny", "big": [1]}, "duration_seconds": 2.04}
    )

    columns, rows = columns_and_rows(points, [good, lost, None], ["success", "internal", "waiting"])

    assert columns == ["point", "lr", "status", "time", "loss", "note"]
    assert rows == [
        ["0", "0.1", "success", "2.0 s", "1.5", "x y"],
        ["1", "0.3", "internal", "0.0 s", "", ""],
        ["2", "1", "waiting", "", "", ""],
    ]
    assert aligned(columns, rows).splitlines()[0] == "point  lr   status    time   loss  note"
    assert aligned(columns, rows * 30).endswith("… 40 more")


def test_a_point_is_taken_once_and_ends_when_it_is_let_go(tmp_path: Path) -> None:
    leashes = Leashes(tmp_path, Settings())
    first, second = leashes.new(0), leashes.new(1)

    assert second.let_go()
    assert not second.take()
    assert first.take()
    assert not first.take()
    cancellation = Cancellation()
    with first.watched(cancellation):
        assert not first.let_go()
        while not cancellation.requested:
            pass
    assert cancellation.reason == "its sweep was cancelled"
    leashes.close()
    assert list((tmp_path / ".nbx" / "sweeps").iterdir()) == []
