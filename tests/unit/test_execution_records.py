"""Records on disk: where they are made, how they are found, what is read back."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from notebook_executor.config import Settings
from notebook_executor.errors import DocumentError, UsageError
from notebook_executor.execution.plan import make_plan
from notebook_executor.execution.records import (
    RunRecord,
    create_record,
    find_record,
    header_of,
    is_running,
    iter_records,
)
from notebook_executor.execution.request import RunRequest
from notebook_executor.models import ExecutionResult

_AT = datetime(2026, 11, 20, tzinfo=UTC)
_IDS = ["20261119T060000Z-000aaa", "20261120T060000Z-7f3a2c", "20261120T070000Z-7f4b00"]


def _result(run_id: str) -> ExecutionResult:
    return ExecutionResult(
        status="success",
        duration_seconds=1,
        cells_executed=0,
        run_id=run_id,
        started_at=_AT,
        finished_at=_AT,
        input_path=None,
        output_path=None,
        source_sha256=None,
        git_commit=None,
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with three runs, the second without a result."""
    for run_id in (_IDS[2], _IDS[0], _IDS[1]):
        record = create_record(run_id, tmp_path, None, None)
        if run_id != _IDS[1]:
            record.write(_result(run_id))
    return tmp_path


def test_records_come_newest_first(root: Path) -> None:
    assert [record.run_id for record in iter_records(root)] == _IDS[::-1]
    assert list(iter_records(root / "elsewhere")) == []


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("last", _IDS[2]),
        (_IDS[0], _IDS[0]),
        ("20261119", _IDS[0]),
        ("20261120T06", _IDS[1]),
        ("7f3a", _IDS[1]),
        ("000aaa", _IDS[0]),
    ],
)
def test_a_run_is_found_by_what_is_enough_of_its_name(root: Path, name: str, found: str) -> None:
    assert find_record(root, name).run_id == found


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("20261120", "2 runs"),
        ("zzz", "No run is called 'zzz'"),
        ("", "3 runs"),
        ("..", "No run"),
        ("20261120T060000Z-7f3a2c/../20261119", "No run"),
    ],
)
def test_names_that_are_not_enough_or_of_nothing(root: Path, name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        find_record(root, name)
    with pytest.raises(UsageError, match="No run is recorded"):
        find_record(root / "elsewhere", name)


def test_results_are_read_back_or_refused(root: Path) -> None:
    finished, unfinished = find_record(root, "7f4b00"), find_record(root, "7f3a")

    assert unfinished.read() is None
    read = finished.read()
    assert read is not None
    assert read.to_json() == _result(_IDS[2]).to_json()
    for broken in ("", "{", "[]", '{"schema": 1}'):
        finished.result_file.write_text(broken)
        with pytest.raises(UsageError, match=r"record\.json"):
            finished.read()


def test_a_state_directory_is_searched_too(root: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    (tmp_path / "other").mkdir()
    (tmp_path / "other/.nbx").write_text("a file, not a folder")
    made = create_record("20261121T000000Z-111111", tmp_path / "other", str(state), None)

    assert made.directory.is_relative_to(state)
    assert find_record(root, "last", str(state)).run_id == made.run_id


def test_the_places_of_a_record_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    output = tmp_path / "out" / "n.ipynb"

    first = create_record(_IDS[0], tmp_path, str(tmp_path / "state"), output)
    beside = create_record(_IDS[1], tmp_path / "file", None, output)
    with pytest.raises(DocumentError, match="cannot be recorded") as caught:
        create_record(_IDS[2], tmp_path / "file", str(tmp_path / "file/x"), None)

    assert first.directory == tmp_path / ".nbx/runs" / _IDS[0]
    assert beside.directory == tmp_path / "out/.nbx/runs" / _IDS[1]
    assert (tmp_path / "out/.nbx/.gitignore").read_text() == "*\n"
    assert "NBX_STATE_DIR" in caught.value.hint
    assert caught.value.details["kind"] == "output_error"


def test_a_gitignore_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / ".nbx").mkdir()
    (tmp_path / ".nbx/.gitignore").write_text("runs/\n")

    create_record(_IDS[0], tmp_path, None, None)

    assert (tmp_path / ".nbx/.gitignore").read_text() == "runs/\n"


def test_a_header_tells_whether_its_process_is_still_there(tmp_path: Path) -> None:
    plan = make_plan(RunRequest("in.ipynb", labels={"a": "b"}), tmp_path, Settings())
    header = header_of(plan)

    assert is_running(header)
    assert header["input_path"] == str(tmp_path / "in.ipynb")
    assert header["labels"] == {"a": "b"}
    assert header["pid"] == os.getpid()
    assert not is_running({**header, "pid_started": 1.0})
    assert not is_running({**header, "pid": 2**22 + 1})
    assert not is_running({})
    assert not is_running({"pid": "text", "pid_started": None})
    assert RunRecord(tmp_path / "missing").header() == {}
    (tmp_path / "journal.jsonl").write_text("[1]\n")
    assert RunRecord(tmp_path).header() == {}
