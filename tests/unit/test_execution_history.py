"""Recorded runs as rows and as a table, without a kernel."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from notebook_executor import ExecutionResult, NotebookExecutor
from notebook_executor.errors import UsageError

_NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def record(root: Path, number: int, **fields: Any) -> str:
    """Write the record of a run that was started ``number`` hours after noon."""
    at = _NOON + timedelta(hours=number)
    run_id = f"{at:%Y%m%dT%H%M%SZ}-00000{number}"
    values: dict[str, Any] = {
        "status": "success", "duration_seconds": 1.5, "cells_executed": 1, "run_id": run_id,
        "started_at": at, "finished_at": at, "input_path": str(root / "a.ipynb"),
        "output_path": None, "source_sha256": None, "git_commit": None,
    }  # fmt: skip
    directory = root / ".nbx" / "runs" / run_id
    directory.mkdir(parents=True)
    result = ExecutionResult(**(values | fields))
    (directory / "record.json").write_text(result.to_json(), "utf-8")
    return run_id


@pytest.fixture
def ids(tmp_path: Path) -> list[str]:
    error = {"kind": "cancelled", "message": "no"}
    return [
        record(tmp_path, 0, parameters={"lr": 0.1}, scraps={"loss": 2.5}, sweep="s"),
        record(tmp_path, 1, parameters={"lr": 0.3, "näme": "x"}, sweep="s"),
        record(tmp_path, 2, status="error", error=error, input_path=str(tmp_path / "b.ipynb")),
    ]


def test_runs_are_chosen_by_what_is_asked_for(tmp_path: Path, ids: list[str]) -> None:
    (tmp_path / ".nbx" / "runs" / "20261120T150000Z-000009").mkdir()
    executor = NotebookExecutor(tmp_path)

    def chosen(**asked: Any) -> list[str]:
        return [row.run_id for row in executor.runs(**asked)][::-1]

    first, second, third = ids
    assert chosen()[:3] == ids
    assert [row.status for row in executor.runs(limit=2)] == ["cut off", "error"]
    assert chosen(sweep="s") == [first, second]
    assert chosen(notebook="b.ipynb") == [third]
    assert chosen(status="interrupted")[0] == third
    assert chosen(status="success", limit=1) == [second]
    fourth = record(tmp_path, 4, trigger={"kind": "schedule", "name": "nightly"})
    record(tmp_path, 5, trigger={"kind": "api", "name": "nightly"})
    assert chosen(schedule="nightly") == [fourth]
    assert chosen(schedule="other") == []
    assert chosen(since=_NOON + timedelta(minutes=30), sweep="s") == [second]
    local = (_NOON + timedelta(minutes=90)).astimezone().replace(tzinfo=None)
    assert chosen(since=local)[0] == third
    with pytest.raises(UsageError, match="'done'"):
        executor.runs(status="done")  # type: ignore[arg-type]


def test_a_table_has_a_column_for_each_parameter_and_scrap(tmp_path: Path, ids: list[str]) -> None:
    runs = NotebookExecutor(tmp_path).runs()
    table = runs.to_dataframe()

    assert list(table.columns) == [
        "run_id", "started_at", "status", "error_kind", "duration_seconds",
        "parameters.lr", "parameters.näme", "scraps.loss",
    ]  # fmt: skip
    assert list(table["run_id"]) == ids[::-1]
    assert table["parameters.lr"].tolist()[1:] == [0.3, 0.1]
    assert table["scraps.loss"].tolist()[2] == 2.5
    assert len(runs[1:]) == 2
    assert len(runs[:0].to_dataframe().columns) == 5


def test_without_pandas_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)

    with pytest.raises(UsageError, match="tables"):
        NotebookExecutor(tmp_path).runs().to_dataframe()
