"""Who a PID file means: the process that it was written for, and nobody else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from notebook_executor.lifecycle.project.pid_file import (
    PID_FILE,
    RECORD_FILE,
    PidFile,
    ServerRecord,
    read_pid_file,
    read_pid_files,
    remove_pid_file,
    start_time,
    write_pid_file,
)
from notebook_executor.lifecycle.project.settings import read_project

# Longer ago than anything that runs.
_LONG_AGO = 1_000_000_000


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", "print(flush=True); input()", "jupyter"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as process:
        # Just after it was executed, a process has no command line yet.
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def _record(pid: int, started: int | None) -> ServerRecord:
    assert started is not None
    return ServerRecord(pid, started, 8888, "http://127.0.0.1:8888/lab", "…", "p", "/p", "python")


def _read(folder: Path) -> PidFile:
    found = read_pid_file(folder / PID_FILE)
    assert found is not None
    return found


def test_what_is_written_is_read(tmp_path: Path, stranger: subprocess.Popen[bytes]) -> None:
    record = _record(stranger.pid, start_time(stranger.pid))

    write_pid_file(tmp_path, record)

    assert (tmp_path / PID_FILE).read_text() == f"{stranger.pid}\n"
    assert (tmp_path / RECORD_FILE).stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == [RECORD_FILE, PID_FILE]
    assert _read(tmp_path) == PidFile(
        tmp_path / PID_FILE, stranger.pid, record, alive=True, stale=False
    )


def test_a_reused_pid_is_somebody_else(tmp_path: Path, stranger: subprocess.Popen[bytes]) -> None:
    started = start_time(stranger.pid)
    assert started is not None
    write_pid_file(tmp_path, _record(stranger.pid, started - 1))

    assert not _read(tmp_path).alive


def test_without_a_record_the_age_of_the_file_decides(
    tmp_path: Path, stranger: subprocess.Popen[bytes]
) -> None:
    file = tmp_path / PID_FILE
    file.write_text(f"{stranger.pid}")
    assert _read(tmp_path).alive

    os.utime(file, (_LONG_AGO, _LONG_AGO))
    assert not _read(tmp_path).alive


def test_without_a_record_it_is_a_jupyter_program(tmp_path: Path) -> None:
    (tmp_path / PID_FILE).write_text("1")
    assert not _read(tmp_path).alive

    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        (tmp_path / PID_FILE).write_text(f"{process.pid}")
        assert not _read(tmp_path).alive
        process.kill()


def test_the_record_of_another_pid_does_not_count(
    tmp_path: Path, stranger: subprocess.Popen[bytes]
) -> None:
    write_pid_file(tmp_path, _record(os.getpid(), start_time(os.getpid())))
    (tmp_path / PID_FILE).write_text(f"{stranger.pid}\n")

    assert _read(tmp_path).record is None


def test_another_users_process_is_neither_ours_nor_gone(
    tmp_path: Path, stranger: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pid_file(tmp_path, _record(stranger.pid, start_time(stranger.pid)))
    other = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: other)

    found = _read(tmp_path)

    assert (found.alive, found.stale) == (False, False)


def test_the_dead_are_dead(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    write_pid_file(tmp_path, _record(process.pid, start_time(process.pid)))
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not _read(tmp_path).alive, "a zombie"

    process.communicate(timeout=60)
    assert not _read(tmp_path).alive


@pytest.mark.parametrize(
    "content", [b"", b"-1", b"0", b"1 2", b"abc", b"\xff\xfe", b"9" * 400, "²".encode()]
)
def test_what_is_no_pid_means_nobody(tmp_path: Path, content: bytes) -> None:
    (tmp_path / PID_FILE).write_bytes(content)

    found = _read(tmp_path)

    assert (found.pid, found.alive) == (None, False)


@pytest.mark.parametrize(
    "content", ["", "[]", "7", "null", '{"pid": 1}', '{"pid": "1"}', "[" * 100_000]
)
def test_a_record_that_is_none_counts_as_missing(
    tmp_path: Path, stranger: subprocess.Popen[bytes], content: str
) -> None:
    (tmp_path / PID_FILE).write_text(f"{stranger.pid}")
    (tmp_path / RECORD_FILE).write_text(content)

    found = _read(tmp_path)

    assert (found.record, found.alive) == (None, True)


def test_no_file_is_no_answer(tmp_path: Path) -> None:
    assert read_pid_file(tmp_path / PID_FILE) is None
    (tmp_path / PID_FILE).mkdir()
    assert read_pid_file(tmp_path / PID_FILE) is None


def test_both_places_are_read_and_the_living_come_first(
    tmp_path: Path, stranger: subprocess.Popen[bytes]
) -> None:
    project = read_project(tmp_path, {})
    write_pid_file(project.root / ".run", _record(stranger.pid, start_time(stranger.pid)))
    project.logs.mkdir()
    (project.logs / PID_FILE).write_text("none\n")

    living, dead = read_pid_files(project)

    assert (living.path.parent.name, living.alive) == (".run", True)
    assert (dead.path.parent.name, dead.alive) == (".logs", False)


def test_only_the_file_that_was_read_is_removed(
    tmp_path: Path, stranger: subprocess.Popen[bytes]
) -> None:
    write_pid_file(tmp_path, _record(stranger.pid, start_time(stranger.pid)))
    read = _read(tmp_path)
    write_pid_file(tmp_path, _record(os.getpid(), start_time(os.getpid())))

    remove_pid_file(read)
    assert _read(tmp_path).pid == os.getpid()

    remove_pid_file(_read(tmp_path))
    assert list(tmp_path.iterdir()) == []
