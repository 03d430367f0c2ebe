"""A file in a run's record that asks for its end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from notebook_executor.errors import DocumentError
from notebook_executor.execution.cancel_requests import heeded, request_cancel
from notebook_executor.execution.cancelling import Cancellation
from notebook_executor.execution.records import RunRecord
from tests.waiting import wait_until


def test_a_request_ends_the_run_that_heeds_it(tmp_path: Path) -> None:
    record, cancellation = RunRecord(tmp_path), Cancellation()

    with heeded(record, cancellation):
        assert not cancellation.requested
        request_cancel(record, "no longer wanted")
        wait_until(lambda: cancellation.requested)

    assert cancellation.reason == "no longer wanted"
    assert set(json.loads(record.cancel_file.read_text())) == {"reason", "requested_at", "pid"}


def test_a_request_that_came_before_is_heeded_too(tmp_path: Path) -> None:
    """As for a run that waits for its turn."""
    record, cancellation = RunRecord(tmp_path), Cancellation()
    request_cancel(record)

    with heeded(record, cancellation):
        wait_until(lambda: cancellation.requested)

    assert cancellation.reason == "nbx runs cancel was called"


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b'{"reason": 7}', b"[" * 100_000])
def test_whatever_the_file_holds_it_is_a_request(tmp_path: Path, content: bytes) -> None:
    record, cancellation = RunRecord(tmp_path), Cancellation()
    record.cancel_file.write_bytes(content)

    with heeded(record, cancellation):
        wait_until(lambda: cancellation.requested)

    assert cancellation.reason == "nbx runs cancel was called"


def test_what_was_cancelled_otherwise_keeps_its_reason(tmp_path: Path) -> None:
    cancellation = Cancellation()
    cancellation.cancel("first")

    with heeded(RunRecord(tmp_path), cancellation):
        request_cancel(RunRecord(tmp_path), "second")
    with heeded(None, cancellation):
        pass

    assert cancellation.reason == "first"


def test_a_record_that_is_gone_cannot_be_asked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(DocumentError):
        request_cancel(RunRecord(tmp_path / "file" / "run"))
