"""What a scheduler stands on: its clock, its files, systemd, waiting, and what an end means."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from notebook_executor.errors import UsageError
from notebook_executor.models import ErrorKind, ExecutionResult, RunError
from notebook_executor.schedule.claims import Claim
from notebook_executor.schedule.clock import Clock
from notebook_executor.schedule.entry import Retries
from notebook_executor.schedule.entry_files import EntryFiles
from notebook_executor.schedule.systemd import ServiceManager
from notebook_executor.schedule.verdict import conclude
from notebook_executor.schedule.waking import Wakeup

_NOW = datetime(2026, 3, 1, 6, tzinfo=UTC)
_GOOD = "name: {}\nschedule: '@daily'\npath: a.ipynb\n"


def result(kind: ErrorKind | None) -> ExecutionResult:
    error = None if kind is None else RunError(kind=kind, message=f"it was {kind}")
    return ExecutionResult(
        status="error" if error else "success",
        duration_seconds=1,
        cells_executed=1,
        error=error,
        run_id="1",
        started_at=_NOW,
        finished_at=_NOW,
        input_path=None,
        output_path=None,
        source_sha256=None,
        git_commit=None,
    )


def concluded(
    kind: ErrorKind | None, attempt: int = 1, *, ending: str | None = None, **retries: Any
) -> Claim:
    claim = Claim(entry="a", scheduled_at=_NOW, attempt=attempt, ending=ending)
    return conclude(claim, Retries(**retries), result(kind), _NOW)


def test_success_and_error_are_what_they_are() -> None:
    assert concluded(None).state == "success"
    failed = concluded("cell_error", limit=3)
    assert (failed.state, failed.error_kind, failed.message) == (
        "error",
        "cell_error",
        "it was cell_error",
    )


def test_a_cancelled_run_is_cut_off_unless_somebody_asked_for_it() -> None:
    assert concluded("cancelled").state == "cut off"
    assert concluded("cancelled", ending="replaced").state == "error"
    assert concluded("cancelled", limit=1, on=["cut_off"]).state == "waiting"
    assert concluded("cancelled", limit=1, on=["cut_off"], ending="replaced").state == "error"
    nothing = conclude(Claim(entry="a", scheduled_at=_NOW), Retries(), None, _NOW)
    assert (nothing.state, nothing.error_kind) == ("cut off", None)


def test_waits_between_attempts_double() -> None:
    waits = [
        concluded("internal", attempt, limit=3, backoff=30).retry_at for attempt in (1, 2, 3, 4)
    ]
    assert waits == [*(_NOW + timedelta(seconds=seconds) for seconds in (30, 60, 120)), None]
    assert concluded("internal", 99, limit=100, backoff=30).retry_at == _NOW + timedelta(days=1)


def test_a_simulated_clock_is_the_same_for_all_who_are_given_it() -> None:
    text = f"2026-03-01T06:00:00Z,3600,{datetime.now(UTC).isoformat()}"
    clock, other = Clock.parse(text), Clock.parse(text)

    assert (clock.start, clock.since, clock.speed) == (other.start, other.since, other.speed)
    assert clock.now() <= other.now() <= clock.now()
    assert clock.now() >= _NOW
    assert 0 < clock.seconds_until(clock.now() + timedelta(hours=10)) <= 10
    assert clock.seconds_until(_NOW) == 0
    assert abs(Clock().now() - datetime.now(UTC)) < timedelta(minutes=10)


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-03-01", "2026-03-01,fast", "2026-03-01,0", "2026-03-01,1,never"]
)
def test_what_is_no_clock_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no clock"):
        Clock.parse(text)


@pytest.fixture
def complaints() -> list[str]:
    return []


def names(files: EntryFiles) -> list[str] | None:
    found = files.changed()
    return None if found is None else [entry.name for entry in found]


def test_files_are_read_again_when_they_change(tmp_path: Path, complaints: list[str]) -> None:
    files = EntryFiles([tmp_path], complaints.append)
    assert names(files) == []
    (tmp_path / "a.yaml").write_text(_GOOD.format("a"))
    assert names(files) == ["a"]
    assert names(files) is None
    (tmp_path / "b.yaml").write_text(_GOOD.format("b"))
    assert names(files) == ["a", "b"]
    (tmp_path / "a.yaml").unlink()
    assert names(files) == ["b"]
    assert complaints == []


@pytest.mark.parametrize("damage", ["name: [", "- 7", _GOOD.format("a") + "pth: b.ipynb\n"])
def test_what_was_good_stays_while_its_file_is_not(
    tmp_path: Path, complaints: list[str], damage: str
) -> None:
    for name in "ab":
        (tmp_path / f"{name}.yaml").write_text(_GOOD.format(name))
    files = EntryFiles([tmp_path], complaints.append)
    assert names(files) == ["a", "b"]

    (tmp_path / "a.yaml").write_text(damage)
    assert sorted(names(files) or []) == ["a", "b"]
    assert names(files) is None
    assert len(complaints) == 1
    assert "a.yaml:" in complaints[0]
    (tmp_path / "a.yaml").write_text(_GOOD.format("new"))
    assert names(files) == ["new", "b"]


def test_a_folder_that_goes_and_comes_back(tmp_path: Path, complaints: list[str]) -> None:
    folder = tmp_path / "schedules"
    files = EntryFiles([folder], complaints.append)
    assert names(files) == []
    assert len(complaints) == 1
    folder.mkdir()
    (folder / "a.yaml").write_text(_GOOD.format("a"))
    assert names(files) == ["a"]
    folder.rename(tmp_path / "elsewhere")
    assert names(files) == ["a"]
    assert len(complaints) == 2


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(address.replace("@", "\0", 1))
        receiver.settimeout(30)
        yield receiver


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told_where_it_asks(tmp_path: Path, abstract: bool) -> None:
    address = f"@nbx-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "2", "HOME": "/"}
    with listening(address) as receiver:
        manager = ServiceManager(environment)
        manager.ready("2 entries")
        manager.alive()
        manager.stopping()
        told = [receiver.recv(100) for _ in range(3)]

    assert told == [b"READY=1\nSTATUS=2 entries", b"WATCHDOG=1", b"STOPPING=1"]
    assert environment == {"HOME": "/"}
    assert manager.patience(5) == 1e-6


def test_nobody_is_told_where_nobody_asks(tmp_path: Path) -> None:
    with listening(str(tmp_path / "notify")) as receiver:
        manager = ServiceManager({"WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"})
        manager.ready("")
        manager.alive()
        assert manager.patience(5) == 5
        ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready("")
        receiver.setblocking(False)
        with pytest.raises(BlockingIOError):
            receiver.recv(100)


def test_whoever_is_woken_before_it_waits_does_not_wait() -> None:
    wakeup = Wakeup()
    for _ in range(100_000):  # more than the pipe holds
        wakeup.wake()
    wakeup.wait(60)
    wakeup.close()
