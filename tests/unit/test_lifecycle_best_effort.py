"""The tier without guard and keeper, which any system has."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from notebook_executor.errors import KernelStartError
from notebook_executor.lifecycle.best_effort import BestEffortKernel
from notebook_executor.lifecycle.reaper import reap
from notebook_executor.lifecycle.registry import described, live_kernels


def test_its_directory_has_a_lease_that_this_process_holds(tmp_path: Path) -> None:
    directory = tmp_path / "nbx-000000000000"
    kernel = BestEffortKernel(directory, described({"kernel": "mine"}, "best_effort"))
    try:
        kernel.launch([sys.executable, "-c", "input()"], dict(os.environ), tmp_path)
        (told,) = live_kernels([tmp_path])
        assert (told.kernel, told.containment) == ("mine", "best_effort")
        assert reap([tmp_path]) == []
        assert directory.is_dir()
    finally:
        assert kernel.end().files_left == 0
    assert not directory.exists()


def test_a_directory_that_is_taken_is_refused(tmp_path: Path) -> None:
    taken = tmp_path / "nbx-000000000000"
    taken.mkdir()
    (taken / "somebody's").touch()
    with pytest.raises(KernelStartError, match="could not be made"):
        BestEffortKernel(taken, {})
    assert [*tmp_path.rglob("*")] == [taken, taken / "somebody's"]


def test_an_exit_is_noticed_where_python_cannot_wait_without_collecting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "waitid")
    kernel = BestEffortKernel(tmp_path / "nbx-000000000000", {})
    try:
        kernel.launch([sys.executable, "-S", "-c", "raise SystemExit(3)"], {}, tmp_path)
        assert kernel.wait(60)
        assert not kernel.alive
    finally:
        ended = kernel.end()
    assert (ended.exit_code, ended.left, ended.files_left) == (3, 0, 0)
