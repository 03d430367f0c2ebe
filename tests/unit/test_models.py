"""The contract's data: frozen, readable as a mapping, the same after JSON and pickle."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import jsonschema  # type: ignore[import-untyped]
import nbformat
import pytest
from pydantic import ValidationError

from notebook_executor import errors
from notebook_executor.models import (
    CellReport,
    ErrorKind,
    Event,
    ExecutionResult,
    FailedCell,
    KernelReport,
    RunError,
)

_SCHEMA = Path(__file__).parents[2] / "docs" / "execution-result.schema.json"
_AT = datetime(2026, 11, 20, 6, 0, 1, 123456, tzinfo=UTC)
_REFRESH = (
    'python -c "import json; from notebook_executor import ExecutionResult as R; '
    "print(json.dumps(R.model_json_schema(mode='serialization'), indent=2))\" "
    "> docs/execution-result.schema.json"
)


def _result(**fields: Any) -> ExecutionResult:
    values: dict[str, Any] = {
        "status": "error",
        "duration_seconds": 1.5,
        "cells_executed": 1,
        "run_id": "20261120T060001Z-7f3a2c",
        "started_at": _AT,
        "finished_at": _AT,
        "input_path": "in.ipynb",
        "output_path": None,
        "source_sha256": "0" * 64,
        "git_commit": None,
        "parameters": {"x": [1, {"y": None}]},
        "error": RunError(kind="cell_error", message="It raised.", hint="Repair it."),
        "failed_cell": FailedCell(
            index=0,
            output_index=0,
            id="a",
            hash="0" * 12,
            line=None,
            source="1 / 0",
            ename="ZeroDivisionError",
            evalue="division by zero",
            traceback="",
            output_tail="",
        ),
        "cells": (CellReport(index=0, id="a", hash="0", status="error", duration_seconds=0.1),),
        "kernel": KernelReport(name="python3", transport="ipc"),
        "scraps": {"score": 0.94},
        "warnings": ("careful",),
    }
    return ExecutionResult(**{**values, **fields})


def test_the_json_has_exactly_the_names_of_the_contract() -> None:
    """These names are promised to others: a change here is a change of the contract."""
    loaded = json.loads(_result().to_json())

    assert list(loaded) == [
        "schema",
        "status",
        "duration_seconds",
        "cells_executed",
        "failed_cell",
        "scraps",
        "error",
        "run_id",
        "started_at",
        "finished_at",
        "trigger",
        "labels",
        "sweep",
        "input_path",
        "output_path",
        "source_sha256",
        "git_commit",
        "parameters",
        "kernel",
        "cells",
        "outputs_complete",
        "tool_calls",
        "session",
        "resumed",
        "cleanup",
        "warnings",
    ]
    assert loaded["schema"] == 1
    assert loaded["started_at"] == "2026-11-20T06:00:01.123456Z"
    assert " ".join(loaded["failed_cell"]) == (
        "index output_index id hash line source ename evalue traceback output_tail"
    )
    assert " ".join(loaded["error"]) == "kind message hint retryable state signal"
    assert " ".join(loaded["cells"][0]) == "index id hash status duration_seconds output_preview"
    assert " ".join(loaded["cleanup"]) == (
        "processes_ended processes_left processes_kept files_left seconds"
    )
    assert " ".join(loaded["trigger"]) == "kind name scheduled_at attempt"
    assert " ".join(loaded["kernel"]) == (
        "name python transport containment sandbox warm exit_code stderr_tail peak_memory_bytes"
    )


def test_the_published_schema_is_the_models() -> None:
    published = json.loads(_SCHEMA.read_text(encoding="utf-8"))

    made = ExecutionResult.model_json_schema(mode="serialization")
    assert published == made, f"The schema has changed. Refresh it:\n{_REFRESH}"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"status": "success", "error": None, "failed_cell": None},
        {"session": {"id": "s", "expires_at": _AT}},
        {"resumed": {"run_id": "r", "mode": "live", "first_cell": None}},
        {"scraps": {"table": {"$scrap": "dataframe", "path": None, "shape": [3, 2]}}},
        {"trigger": {"kind": "schedule", "name": "daily", "scheduled_at": _AT, "attempt": 2}},
    ],
    ids=lambda fields: next(iter(fields), "plain"),
)
def test_results_keep_to_the_published_schema(fields: dict[str, Any]) -> None:
    jsonschema.validate(json.loads(_result(**fields).to_json()), json.loads(_SCHEMA.read_text()))


def test_results_are_frozen() -> None:
    result = _result()

    with pytest.raises(ValidationError, match="frozen"):
        result.status = "success"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        result["error"].kind = "internal"
    with pytest.raises(ValidationError, match="Extra"):
        _result(unknown=1)
    with pytest.raises(ValidationError, match="status"):
        _result(status="timeout")


def test_results_read_as_mappings() -> None:
    result = _result()

    assert isinstance(result, Mapping)
    assert isinstance(result.cells[0], Mapping)
    assert result["schema"] == 1
    assert result["failed_cell"]["ename"] == "ZeroDivisionError"
    assert result["cells"][0]["status"] == "error"
    assert result.get("status") == "error"
    assert result.get("no_such", "default") == "default"
    assert "schema" in result
    assert "schema_" not in result
    assert "ok" not in result
    assert list(result) == list(json.loads(result.to_json()))
    assert len(result) == len(list(result)) == len(dict(result))
    assert dict(result)["kernel"]["name"] == "python3"
    assert {**result}["run_id"] == result.run_id
    assert dict(result.items()) == dict(zip(result.keys(), result.values(), strict=True))
    with pytest.raises(KeyError, match="no_such"):
        result["no_such"]
    match result:
        case {"status": "error", "error": {"kind": kind}}:
            assert kind == "cell_error"
        case _:
            pytest.fail("a result should match as a mapping")


def test_results_survive_json_and_pickle() -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
    result = _result().with_notebook(notebook)

    from_json = ExecutionResult.model_validate_json(result.to_json())
    unpickled = pickle.loads(pickle.dumps(result))

    assert from_json.to_json() == unpickled.to_json() == result.to_json()
    assert from_json.notebook is None
    assert unpickled.notebook == notebook
    assert unpickled == result


def test_a_result_from_a_record_reads_its_notebook_from_where_it_lies(tmp_path: Path) -> None:
    path = tmp_path / "out.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")]), path)

    assert _result(output_path=str(path)).notebook.cells[0].source == "1"  # type: ignore[union-attr]
    assert _result(output_path=str(tmp_path / "gone.ipynb")).notebook is None
    assert _result(output_path=None).notebook is None


def test_what_json_or_utf8_cannot_hold_is_replaced() -> None:
    result = _result(
        scraps={"nan": float("nan"), "list": [float("inf"), 1.5], "half\ud800": "x\udc80"},
        error=RunError(kind="internal", message="\udfff"),
    )

    loaded = json.loads(result.to_json(), parse_constant=pytest.fail)
    assert loaded["scraps"] == {"nan": None, "list": [None, 1.5], "half�": "x�"}
    assert loaded["error"]["message"] == "�"
    assert ExecutionResult.model_validate_json(result.to_json()).to_json() == result.to_json()


_EXCEPTIONS = {
    "cell_error": errors.CellFailedError,
    "stdin_requested": errors.CellFailedError,
    "cell_timeout": errors.CellTimeoutError,
    "run_timeout": errors.RunTimeoutError,
    "kernel_died": errors.KernelDiedError,
    "out_of_memory": errors.KernelDiedError,
    "resource_limit": errors.KernelDiedError,
    "kernel_start": errors.KernelStartError,
    "invalid_parameters": errors.ParameterError,
    "invalid_notebook": errors.DocumentError,
    "not_found": errors.DocumentError,
    "output_error": errors.DocumentError,
    "tool_denied": errors.ToolDeniedError,
    "replay_mismatch": errors.ReplayMismatchError,
    "cancelled": errors.NotebookExecutorError,
    "internal": errors.NotebookExecutorError,
}


@pytest.mark.parametrize("kind", get_args(ErrorKind))
def test_each_kind_of_error_has_its_exception(kind: Any) -> None:
    result = _result(error=RunError(kind=kind, message="What.", hint="Do."))

    with pytest.raises(errors.NotebookExecutorError) as caught:
        result.raise_for_error()

    assert type(caught.value) is _EXCEPTIONS[kind]
    assert str(caught.value) == "What. (Do.)"
    assert (caught.value.message, caught.value.hint) == ("What.", "Do.")
    assert caught.value.details["result"] is result
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again)) == (type(caught.value), str(caught.value))
    assert again.details["result"].to_json() == result.to_json()


def test_a_success_raises_nothing() -> None:
    result = _result(status="success", error=None, failed_cell=None)

    assert result.raise_for_error() is result
    assert result.ok
    assert not _result().ok


def test_events_are_records_too() -> None:
    event = Event(kind="output", run_id="r", at=_AT, index=3, data={"text": "\ud800"})

    assert event["data"]["text"] == "�"
    assert json.loads(event.to_json())["at"] == "2026-11-20T06:00:01.123456Z"
    with pytest.raises(ValidationError):
        Event.model_validate({"kind": "no_such", "run_id": "r", "at": _AT})
