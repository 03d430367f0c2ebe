"""Processes that are held, and directories that are owned, are never taken for others."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from notebook_executor.lifecycle.held import FIELD, HeldTree, find_held, identity
from notebook_executor.lifecycle.owned import describe_owned, make_owned, remove_owned


@pytest.fixture
def pid() -> Iterator[int]:
    process = subprocess.Popen(["sleep", "600"])
    yield process.pid
    process.kill()
    process.wait()


def test_a_record_finds_its_process_and_no_other(pid: int) -> None:
    with contextlib.closing(HeldTree(pid)) as tree:
        known = identity(tree)
    found = find_held({FIELD: known})
    assert found is not None
    with contextlib.closing(found):
        assert found.look() == [pid]
    # As if the pid had been given to another process since, or meant one of another namespace.
    assert find_held({FIELD: {**known, "started": known["started"] + 1}}) is None
    assert find_held({FIELD: {**known, "namespace": known["namespace"] + 1}}) is None


@pytest.mark.parametrize(
    "named",
    [None, 7, "x", [], {}, {"pid": 1}, {"pid": -1, "started": 1, "namespace": 1},
     {"pid": True, "started": 1, "namespace": 1}, {"pid": "1", "started": 1, "namespace": 1}],
)  # fmt: skip
def test_a_record_that_makes_no_sense_finds_nobody(named: Any) -> None:
    assert find_held({FIELD: named}) is None


def test_what_has_ended_is_not_held() -> None:
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(ProcessLookupError):
        HeldTree(process.pid)
    process.wait()
    with pytest.raises(ProcessLookupError):
        HeldTree(process.pid)


def test_a_tree_counts_what_it_ends() -> None:
    command = ["sh", "-c", "sleep 600 & sleep 600 & echo; wait"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with contextlib.closing(HeldTree(process.pid)) as tree:
            assert len(tree.look()) == 3
            assert not tree.wait(time.monotonic())
            assert tree.kill() == 0
            assert tree.ended == 3
            assert not tree.alive


def test_an_owned_directory_is_made_once_and_removed_with_what_is_in_it(tmp_path: Path) -> None:
    record: dict[str, Any] = {}
    owned = tmp_path / "owned"
    make_owned(str(owned), str(tmp_path), lambda known: record.update(owned=known))
    assert record["owned"] == describe_owned(str(owned))
    (owned / "closed").mkdir()
    (owned / "closed" / "file").touch()
    (owned / "closed").chmod(0o500)
    with pytest.raises(FileExistsError):
        make_owned(str(owned), str(tmp_path), record.update)
    assert remove_owned(record) == 0
    assert list(tmp_path.iterdir()) == []


def test_what_somebody_else_has_put_there_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    record = {"owned": describe_owned(str(mine))}
    mine.rename(tmp_path / "moved")
    (tmp_path / "theirs").mkdir()
    mine.symlink_to(tmp_path / "moved")
    assert remove_owned(record) == 0
    mine.unlink()
    (tmp_path / "theirs").rename(mine)
    assert remove_owned(record) == 0
    assert mine.is_dir()
    assert (tmp_path / "moved").is_dir()


@pytest.mark.parametrize("owned", [None, 7, "/", {}, {"path": "/"}, {"path": 7}, {"path": "\0"}])
def test_a_record_that_makes_no_sense_owns_nothing(owned: Any) -> None:
    assert remove_owned({"owned": owned}) == 0
