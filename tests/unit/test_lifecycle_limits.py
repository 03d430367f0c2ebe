"""Limits: what can be one, which rlimits they become, and what is made of a kernel's end."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path
from typing import Any

import pytest

from notebook_executor import Limits
from notebook_executor.errors import KernelStartError
from notebook_executor.execution.failures import CellFailure, Failure
from notebook_executor.execution.limits import (
    cell_hint,
    explain_ending,
    limit_warnings,
    resource_limits,
    with_cause,
)
from notebook_executor.lifecycle.best_effort import BestEffortKernel
from notebook_executor.lifecycle.kernel import KernelEnd
from notebook_executor.lifecycle.limits import LimitHit, ResourceLimits, Watch, oom_kills

_DIED = Failure("kernel_died", "")


_SIZES = {
    1024: 1024,
    "1024": 1024,
    "512MiB": 512 * 2**20,
    "2GB": 2 * 10**9,
    "1.5 GiB": 3 * 2**29,
    " 10 kb ": 10_000,
    "7B": 7,
    2.0e6: 2_000_000,
}
_NO_LIMITS = [0, -1, True, float("nan"), float("inf"), 2**70, "", "much", "-1", "3 parsecs", [1]]


def test_sizes() -> None:
    for given, number in _SIZES.items():
        limits = Limits.of({"memory": given, "file_size": given})
        assert limits == Limits(memory=number, file_size=number), given


def test_numbers_may_be_text() -> None:
    limits = Limits.of({"cpu_seconds": "1.5", "processes": "3", "open_files": "100"})

    assert limits == Limits(cpu_seconds=1.5, processes=3, open_files=100)
    assert Limits.of(None) is None
    assert Limits.of(limits) is limits
    assert Limits(memory=None) == Limits()


@pytest.mark.parametrize("name", ["memory", "cpu_seconds", "processes", "file_size", "open_files"])
def test_what_cannot_be_a_limit(name: str) -> None:
    for value in _NO_LIMITS:
        with pytest.raises(TypeError, match=f"{name} must be"):
            Limits.of({name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [("processes", 1.5), ("processes", "3KiB"), ("memory", "0.3B"), ("cpu_seconds", "3MB")],
)
def test_a_number_of_the_wrong_kind(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=f"{name} must be"):
        Limits.of({name: value})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"memroy": 1}, "did you mean 'memory'"),
        ({"open_file": 1}, "did you mean 'open_files'"),
        ({"zzz": 1}, "memory, cpu_seconds, processes"),
        ({1: 1}, "no limit 1"),
        ([], "not list"),
        ("memory", "not str"),
    ],
)
def test_names_that_are_not_known(given: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        Limits.of(given)


def test_rlimits_are_never_above_those_of_this_process() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    wide = ResourceLimits(open_files=2**40).rlimits()
    narrow = ResourceLimits(open_files=10, file_size=5, cpu_seconds=1.2, memory=3).rlimits()

    unlimited = resource.RLIM_INFINITY
    assert wide == {
        "RLIMIT_NOFILE": tuple(2**40 if own == unlimited else own for own in (soft, hard))
    }
    assert narrow == {"RLIMIT_NOFILE": (10, 10), "RLIMIT_FSIZE": (5, 5), "RLIMIT_CPU": (4, 5)}
    assert not ResourceLimits().rlimits()


def test_only_what_the_system_does_not_limit_is_watched() -> None:
    assert not ResourceLimits(file_size=1, open_files=1).watched
    for name in ("memory", "cpu_seconds", "processes"):
        assert ResourceLimits(**{name: 1}).watched


def test_looking_pauses_in_proportion() -> None:
    watch = Watch(ResourceLimits(processes=1000), os.getpid())
    before = watch.due

    assert watch.look() is None
    assert watch.due > before


def test_the_machine_counts_its_kills_for_memory() -> None:
    counted = oom_kills()

    assert counted is None or counted >= 0


_MEMORY = LimitHit("memory", 3e8, "python", True)
_CHILD = LimitHit("memory", 3e8, "worker", False)


@pytest.mark.parametrize(
    ("end", "limits", "kind"),
    [
        (KernelEnd(-9, limit_hits=(_MEMORY,), oom_kills=0), Limits(memory=1), "out_of_memory"),
        (KernelEnd(-9, limit_hits=(_CHILD, _MEMORY)), Limits(memory=1), "out_of_memory"),
        (KernelEnd(-9, limit_hits=(_CHILD,), oom_kills=0), Limits(memory=1), "kernel_died"),
        (KernelEnd(-9, oom_kills=1), None, "out_of_memory"),
        (KernelEnd(-9, oom_kills=0), None, "kernel_died"),
        (KernelEnd(-9, oom_kills=None), None, "kernel_died"),
        (KernelEnd(-11, oom_kills=1), None, "kernel_died"),
        (KernelEnd(-signal.SIGXCPU), Limits(cpu_seconds=1), "resource_limit"),
        (KernelEnd(-signal.SIGXCPU), None, "kernel_died"),
        (KernelEnd(-signal.SIGXFSZ), Limits(file_size=1), "resource_limit"),
        (KernelEnd(-signal.SIGXFSZ), Limits(cpu_seconds=1), "kernel_died"),
        (KernelEnd(-6, "Too many open files (x.cpp:1)"), Limits(open_files=9), "resource_limit"),
        (KernelEnd(-6, "Too many open files (x.cpp:1)"), None, "kernel_died"),
        (KernelEnd(1, "something else"), Limits(open_files=9), "kernel_died"),
    ],
)
def test_what_ended_a_kernel(end: KernelEnd, limits: Limits | None, kind: str) -> None:
    """A real shortage of memory cannot be made on a machine that others use: facts stand for it."""
    failure = with_cause(_DIED, end, limits)

    assert failure is not None
    assert failure.kind == kind


def test_a_shortage_of_the_machine_is_worth_another_try() -> None:
    by_system = KernelEnd(-9, peak_memory_bytes=3 * 2**30, oom_kills=2)
    by_limit = KernelEnd(-9, limit_hits=(_MEMORY,), oom_kills=2)

    shortage = with_cause(_DIED, by_system, None)
    limit = with_cause(_DIED, by_limit, Limits(memory="200MiB"))

    assert shortage is not None
    assert limit is not None
    assert (shortage.retryable, limit.retryable) == (True, False)
    message, hint = explain_ending("Cell 1", by_system, None)
    assert "the system killed the kernel" in message
    assert "3 GiB" in message
    assert hint


def test_a_failure_of_another_kind_stays_what_it_is() -> None:
    failure = Failure("cell_timeout", "")

    assert with_cause(failure, KernelEnd(-9, limit_hits=(_MEMORY,)), Limits(memory=1)) is failure
    assert with_cause(None, KernelEnd(-9, oom_kills=1), None) is None


def test_a_kernel_that_does_not_come_up_may_lack_descriptors() -> None:
    failure = Failure("kernel_start", "It did not answer", "Try again.")

    doubted = with_cause(failure, KernelEnd(-15), Limits(open_files=58))

    assert doubted is not None
    assert "open_files=58" in doubted.hint
    assert with_cause(failure, KernelEnd(-15), Limits(memory=58)) == failure


@pytest.mark.parametrize(
    ("evalue", "limits", "hint"),
    [
        ("[Errno 28] No space left on device", None, "disk is full"),
        ("[Errno 122] Disk quota exceeded", None, "quota"),
        ("[Errno 27] File too large", Limits(file_size=2048), "file_size=2 KiB"),
        ("[Errno 24] Too many open files: 'x'", Limits(open_files=99), "open_files=99"),
    ],
)
def test_hints_by_error_number(evalue: str, limits: Limits | None, hint: str) -> None:
    direct = CellFailure(0, "OSError", evalue)
    wrapped = CellFailure(0, "RuntimeError", "could not save", f"OSError: {evalue}")

    for failure in (direct, wrapped):
        assert hint in (cell_hint(failure, None, limits) or "")


@pytest.mark.parametrize("number", [24, 27])
def test_without_the_limit_there_is_no_hint_of_one(number: int) -> None:
    failure = CellFailure(0, "OSError", f"[Errno {number}] something")

    assert cell_hint(failure, KernelEnd(), Limits(memory=1)) is None


def test_what_a_kernel_survives_is_a_warning() -> None:
    limits = Limits(memory="200MiB")
    once = limit_warnings(None, KernelEnd(0, limit_hits=(_CHILD,), oom_kills=0), limits)
    twice = limit_warnings(None, KernelEnd(0, limit_hits=(_CHILD, _CHILD), oom_kills=1), limits)

    assert len(once) == 1
    assert "a process" in once[0]
    assert "'worker'" in once[0]
    assert len(twice) == 2
    assert "2 processes" in twice[0]
    assert "the system killed 1" in twice[1]
    assert limit_warnings(None, KernelEnd(0, oom_kills=0), limits) == []
    assert limit_warnings(None, None, None) == []


def test_the_keeper_gets_the_limits_as_they_are() -> None:
    assert resource_limits(None) == ResourceLimits()
    assert resource_limits(Limits(memory="1KiB", processes=3)) == ResourceLimits(
        memory=1024, processes=3
    )


def test_without_a_keeper_limits_are_refused(tmp_path: Path) -> None:
    kernel = BestEffortKernel(tmp_path / "kernel", {})
    try:
        with pytest.raises(KernelStartError, match="cannot be enforced"):
            kernel.launch(["true"], {}, tmp_path, ResourceLimits(memory=1))
    finally:
        kernel.end()
