"""Timeouts fire on our clock, whatever the cell does about it, and the result says what it took."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from notebook_executor import Event, ExecutionResult, NotebookExecutor
from tests.integration.seen import statuses

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook

_GRACES = {"interrupt_grace": 0.5, "terminate_grace": 0.3, "shutdown_grace": 3.0}
# For the step that is to succeed: a loaded machine takes longer than that for a traceback alone.
_PATIENT = 60.0
# Long enough for what has to happen before: a first cell, and what another one prints.
_TIMEOUT = 4.0
# And the start of a kernel.
_RUN_TIMEOUT = 10.0

_SWALLOWS = """
import time
print("partial", flush=True)
while True:
    try:
        while True:
            time.sleep(0.01)
    except KeyboardInterrupt:
        pass
"""
_FINALLY_LOOPS = """
import time
print("partial", flush=True)
try:
    time.sleep(1000)
finally:
    while True:
        try:
            time.sleep(1000)
        except BaseException:
            pass
"""
_IGNORES = """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
print("partial", flush=True)
time.sleep(1000)
"""
_IGNORES_BOTH = """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("partial", flush=True)
time.sleep(1000)
"""
_DIES_OF_INTERRUPT = """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_DFL)
print("partial", flush=True)
time.sleep(1000)
"""
# ipykernel's SIGINT handler does not wake an event loop that waits; we must.
_AWAITS = """
import asyncio
print("partial", flush=True)
await asyncio.sleep(1000)
"""
# Once it holds the GIL, nothing leaves the kernel: the output must have been heard before.
_IN_C = """
import os
print("partial", flush=True)
while not os.path.exists("heard"): pass
sum(range(10**12))
"""
_FIFO = """
import os
os.mkfifo("pipe")
print("partial", flush=True)
open("pipe").read()
"""


@pytest.fixture
def hasty(tmp_path: Path) -> Iterator[NotebookExecutor]:
    with NotebookExecutor(tmp_path, config=_GRACES) as made:
        yield made


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[NotebookExecutor]:
    with NotebookExecutor(tmp_path, config={**_GRACES, "interrupt_grace": _PATIENT}) as made:
        yield made


@pytest.mark.parametrize(
    "source",
    [
        "import time\nprint('partial', flush=True)\ntime.sleep(1000)",
        "print('partial', flush=True)\nwhile True:\n    pass",
        _FIFO,
        _AWAITS,
        "import subprocess\nprint('partial', flush=True)\nsubprocess.run(['sleep', '1000'])",
    ],
    ids=["sleep", "spin", "fifo", "await", "subprocess"],
)
def test_a_cell_that_can_be_interrupted_keeps_its_kernel(
    patient: NotebookExecutor, make_notebook: MakeNotebook, source: str
) -> None:
    path = make_notebook("x = 1", source.strip(), "print('never')")

    result = patient.execute(path, timeout=_TIMEOUT)

    assert result.error is not None
    assert result.failed_cell is not None
    assert (result.error.kind, result.error.state) == ("cell_timeout", "live")
    assert result.error.signal == "SIGINT"
    assert "4 s" in result.error.message
    assert "timeout" in result.error.hint
    assert statuses(result) == ["ok", "timeout", "not_run"]
    assert result.failed_cell.index == 1
    assert result.failed_cell.ename in ("KeyboardInterrupt", "CancelledError")
    _assert_partial_output_is_kept(patient, result)
    assert result.duration_seconds >= _TIMEOUT


def _assert_partial_output_is_kept(executor: NotebookExecutor, result: ExecutionResult) -> None:
    assert result.failed_cell is not None
    assert "partial" in result.failed_cell.output_tail
    assert result.cells[1].output_preview.startswith("partial")
    written = executor.read_notebook(str(result.output_path))
    assert written.cells[1].outputs[0].text == "partial\n"
    assert written.cells[2].outputs == []


@pytest.mark.parametrize(
    ("source", "signals"),
    [
        (_SWALLOWS, {"SIGTERM"}),
        (_FINALLY_LOOPS, {"SIGTERM", "SIGKILL"}),
        (_IGNORES, {"SIGTERM"}),
        (_IGNORES_BOTH, {"SIGKILL"}),
        (_IN_C, {"SIGTERM", "SIGKILL"}),
        (_DIES_OF_INTERRUPT, {"SIGINT"}),
    ],
    ids=["swallows", "finally", "ignores", "ignores both", "in C", "dies"],
)
def test_a_cell_that_cannot_be_interrupted_is_killed(
    make_notebook: MakeNotebook, tmp_path: Path, source: str, signals: set[str]
) -> None:
    path = make_notebook("x = 1", source.strip(), "print('never')")

    graces = dict(_GRACES)
    for step, number in (("interrupt_grace", "SIGINT"), ("terminate_grace", "SIGTERM")):
        if signals == {number}:
            graces[step] = _PATIENT

    def hear(event: Event) -> None:
        if event.kind == "output":
            (tmp_path / "heard").touch()

    with NotebookExecutor(tmp_path, config=graces) as executor:
        result = executor.execute(path, timeout=_TIMEOUT, on_event=hear)
        _assert_partial_output_is_kept(executor, result)

    assert result.error is not None
    assert result.failed_cell is not None
    assert (result.error.kind, result.error.state) == ("cell_timeout", "lost")
    assert result.error.signal in signals
    assert "gave up the cell" not in result.error.message
    assert statuses(result) == ["ok", "timeout", "not_run"]
    assert result.failed_cell.index == 1
    assert result.duration_seconds >= _TIMEOUT


def test_the_timeout_is_of_each_cell_and_not_of_the_run(
    hasty: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    path = make_notebook(*["import time\ntime.sleep(1.1)"] * 4)

    result = hasty.execute(path, False, timeout=_TIMEOUT)

    assert result.ok, result
    assert result.duration_seconds > _TIMEOUT


def test_the_run_timeout_ends_the_run_in_whatever_cell_it_is(
    patient: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    # The first cell is over long before the deadline, the second never is.
    path = make_notebook("print('first')", "import time\nwhile True: time.sleep(0.05)", "3")

    result = patient.execute(path, timeout=60, run_timeout=_RUN_TIMEOUT)

    assert result.error is not None
    assert result.failed_cell is not None
    assert (result.error.kind, result.error.state) == ("run_timeout", "live")
    assert result.error.signal == "SIGINT"
    assert result.failed_cell.index == 1
    assert statuses(result) == ["ok", "timeout", "not_run"]
    assert result.cells[0].output_preview == "first"
    assert result.duration_seconds >= _RUN_TIMEOUT


def test_the_run_timeout_covers_the_start_of_the_kernel(
    hasty: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    result = hasty.execute(make_notebook("1"), run_timeout=0.05)

    assert result.error is not None
    assert result.error.kind == "run_timeout"
    assert result.failed_cell is None
    assert statuses(result) == ["not_run"]


def test_the_run_timeout_fires_when_it_passes_between_two_cells(
    patient: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    began = time.monotonic()

    def hold_up(event: Event) -> None:
        if event.kind == "cell_started" and event.index == 1:
            time.sleep(max(0.0, began + _RUN_TIMEOUT + 0.2 - time.monotonic()))

    path = make_notebook("1", "import time\ntime.sleep(1000)", "3")
    result = patient.execute(path, timeout=None, run_timeout=_RUN_TIMEOUT, on_event=hold_up)

    assert result.error is not None
    assert (result.error.kind, result.error.state) == ("run_timeout", "live")
    assert statuses(result) in (["ok", "timeout", "not_run"], ["ok", "not_run", "not_run"])


@pytest.mark.parametrize("timeout", [None, threading.TIMEOUT_MAX, 10**6])
def test_a_run_without_limit_runs_and_so_does_one_with_a_huge_limit(
    hasty: NotebookExecutor, make_notebook: MakeNotebook, timeout: float | None
) -> None:
    result = hasty.execute(make_notebook("1"), False, timeout=timeout, run_timeout=timeout)

    assert result.ok, result


def test_a_huge_limit_does_not_switch_the_other_one_off(
    hasty: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    path = make_notebook("import time\ntime.sleep(1000)")

    result = hasty.execute(path, False, timeout=threading.TIMEOUT_MAX, run_timeout=2)

    assert result.error is not None
    assert result.error.kind == "run_timeout"


def test_an_expected_error_does_not_excuse_a_timeout(
    hasty: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    path = make_notebook(("import time\ntime.sleep(1000)", "raises-exception"), "2")

    result = hasty.execute(path, False, timeout=_TIMEOUT)

    assert result.error is not None
    assert result.error.kind == "cell_timeout"
    assert statuses(result) == ["timeout", "not_run"]
