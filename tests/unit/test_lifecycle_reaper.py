"""What the reaper takes for left over, and whom it kills for it: nobody, when in doubt."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from notebook_executor.lifecycle.leases import marks_of, open_lease
from notebook_executor.lifecycle.marks import VARIABLE, Marks, new_marks
from notebook_executor.lifecycle.reaper import reap

_OLD = time.time() - 3600

StartMarked = Callable[[Marks], "subprocess.Popen[bytes]"]


@pytest.fixture
def start_marked() -> Iterator[StartMarked]:
    """Start a process that carries the marks of a kernel."""
    started = []

    def start(marks: Marks) -> subprocess.Popen[bytes]:
        env = {**os.environ, VARIABLE: marks.variable(None)}
        process = subprocess.Popen(["sleep", "1000"], env=env)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait(60)


def make(base: Path, record: Any, name: str = "nbx-dead") -> Path:
    directory = base / name
    directory.mkdir(mode=0o700)
    text = record if isinstance(record, str) else json.dumps(record)
    (directory / "lease.json").write_text(text)
    (directory / "s-1").touch()
    return directory


def hold(directory: Path, kind: int = fcntl.LOCK_EX) -> int:
    descriptor = os.open(directory / "lease.json", os.O_RDWR)
    fcntl.flock(descriptor, kind)
    return descriptor


def test_a_dead_kernels_processes_and_directory_are_finished(
    tmp_path: Path, start_marked: StartMarked
) -> None:
    marks = new_marks()
    dead = make(tmp_path, {"run_id": "r", "marks": asdict(marks)})
    process, stranger = start_marked(marks), start_marked(new_marks())

    (seen,) = reap([tmp_path], dry_run=True)
    assert (seen.directory, seen.record["run_id"], seen.processes) == (dead, "r", (process.pid,))
    assert dead.exists()
    assert process.poll() is None

    assert reap([tmp_path]) == [seen]
    assert process.wait(60) == -9
    assert stranger.poll() is None
    assert not dead.exists()
    assert reap([tmp_path]) == []


def test_a_living_kernels_directory_is_not_touched(
    tmp_path: Path, start_marked: StartMarked
) -> None:
    marks = new_marks()
    living = make(tmp_path, {"marks": asdict(marks)})
    process = start_marked(marks)
    lock = hold(living)
    try:
        assert reap([tmp_path]) == []
    finally:
        os.close(lock)
    assert (living / "s-1").exists()
    assert process.poll() is None


def test_who_only_looks_does_not_hide_a_dead_one(tmp_path: Path) -> None:
    dead = make(tmp_path, {})
    looker = open_lease(dead)
    assert looker is not None
    with looker:
        assert not looker.is_held()
        assert len(reap([tmp_path])) == 1
        # Its file is open still, and may be locked; but it is nobody's lease any more.
        assert not looker.seize()


def test_a_lease_that_somebody_keeps_sharing_is_left_for_the_next_time(tmp_path: Path) -> None:
    dead = make(tmp_path, {})
    lock = hold(dead, fcntl.LOCK_SH)
    looker = open_lease(dead)
    assert looker is not None
    try:
        with looker:
            assert not looker.is_held()
        assert reap([tmp_path]) == []
    finally:
        os.close(lock)
    assert len(reap([tmp_path])) == 1


def test_the_newborn_is_left_alone_and_the_stillborn_removed(tmp_path: Path) -> None:
    newborn = make(tmp_path, {}, ".nbx-newborn")
    without_lease = tmp_path / ".nbx-without"
    without_lease.mkdir()
    assert reap([tmp_path]) == []

    for directory in (newborn, without_lease):
        os.utime(directory, (_OLD, _OLD))
    lock = hold(newborn)
    assert [found.directory for found in reap([tmp_path])] == [without_lease]
    os.close(lock)
    assert [found.directory for found in reap([tmp_path])] == [newborn]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    ["", "no json", "[]", "[" * 60_000, '{"marks": 1}', '{"marks": {"token": "x"}}', "\0" * 4096],
    ids=["empty", "text", "list", "nested", "number", "partial", "zeros"],
)
def test_a_record_that_cannot_be_read_kills_nobody(
    tmp_path: Path, start_marked: StartMarked, text: str
) -> None:
    bystander = start_marked(new_marks())
    make(tmp_path, text)
    (found,) = reap([tmp_path])
    assert found.processes == ()
    assert bystander.poll() is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "forged",
    [
        {"token": ""},
        {"token": "a"},
        {"token": ","},
        {"token": None},
        {"limit": resource.getrlimit(resource.RLIMIT_MSGQUEUE)[1]},
        {"limit": True},
        {"limit": "1"},
        {"uid": os.getuid() + 1},
        {"since": -1},
        {"since": 1.5},
        {"surplus": 1},
    ],
    ids=str,
)
def test_marks_that_others_may_carry_are_not_trusted(forged: dict[str, object]) -> None:
    marks = asdict(new_marks())
    assert marks_of({"marks": marks}) is not None
    assert marks_of({"marks": {**marks, **forged}}) is None


@pytest.mark.parametrize("mark", ["token", "limit"])
def test_the_marks_of_a_living_kernel_kill_nobody(
    tmp_path: Path, start_marked: StartMarked, mark: str
) -> None:
    living = new_marks()
    process = start_marked(living)
    lock = hold(make(tmp_path, {"marks": asdict(living)}, "nbx-living"))
    other = new_marks()
    forged = (
        replace(living, limit=other.limit)
        if mark == "token"
        else replace(living, token=other.token)
    )
    dead = make(tmp_path, {"marks": asdict(forged)})
    resource.prlimit(process.pid, resource.RLIMIT_MSGQUEUE, (0, living.limit))
    try:
        (found,) = reap([tmp_path])
    finally:
        os.close(lock)
    assert (found.directory, found.processes) == (dead, ())
    assert not dead.exists()
    assert process.poll() is None


def test_a_process_older_than_the_record_is_not_its(
    tmp_path: Path, start_marked: StartMarked
) -> None:
    marks = new_marks()
    process = start_marked(marks)
    make(tmp_path, {"marks": asdict(replace(marks, since=marks.since + 100_000))})
    (found,) = reap([tmp_path])
    assert found.processes == ()
    assert process.poll() is None


def test_a_process_without_environment_is_known_by_its_limit(
    tmp_path: Path, start_marked: StartMarked
) -> None:
    marks = new_marks()
    make(tmp_path, {"marks": asdict(marks)})
    other = start_marked(new_marks())
    assert marks.limit
    resource.prlimit(other.pid, resource.RLIMIT_MSGQUEUE, (marks.limit, marks.limit))
    (found,) = reap([tmp_path])
    assert found.processes == (other.pid,)
    assert other.wait(60) == -9


def test_what_is_no_private_directory_stays(tmp_path: Path) -> None:
    """Links, pipes and files with fitting names; what they point to, and others' directories."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    target = make(elsewhere, {}, "target")
    base = tmp_path / "base"
    base.mkdir()
    (base / "nbx-link").symlink_to(target)
    (base / "nbx-file").touch()
    linked = base / "nbx-linked-lease"
    linked.mkdir()
    (linked / "lease.json").symlink_to(target / "lease.json")
    piped = base / "nbx-piped-lease"
    piped.mkdir()
    os.mkfifo(piped / "lease.json")
    (base / "nbx-no-lease").mkdir()
    make(base, {}, "other-dead")
    before = sorted(tmp_path.rglob("*"))

    assert reap([base, tmp_path / "nowhere"]) == []
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make a directory of another user")
def test_another_users_directory_stays(tmp_path: Path) -> None:
    whole = make(tmp_path, {}, "nbx-theirs")
    os.chown(whole, 65534, 65534)
    lease = make(tmp_path, {}, "nbx-their-lease") / "lease.json"
    os.chown(lease, 65534, 65534)
    assert reap([tmp_path]) == []
    assert (whole / "s-1").exists()
    assert lease.exists()
