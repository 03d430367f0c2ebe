"""``start`` and ``aexecute``: runs that go on by themselves, are followed, and really end."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest

from notebook_executor import Event, NotebookExecutor, Run
from notebook_executor.errors import CellFailedError, UsageError

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook
    from tests.integration.gated import Gate

_GRACES = {"interrupt_grace": 0.3, "terminate_grace": 0.1}
# Holds the GIL until it is killed, once what it has printed was heard: nothing leaves it then.
_IN_C = """
import os, signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
print("deaf", flush=True)
while not os.path.exists("heard"): pass
sum(range(10**13))
"""


def wait_for(run: Run, kind: str) -> None:
    """Block until the second cell has come so far."""
    for event in run.events():
        if (event.kind, event.index) == (kind, 1):
            return
    pytest.fail(f"the run is over: {run.result()}")


def test_a_started_run_is_followed_to_its_end(
    executor: NotebookExecutor, make_notebook: MakeNotebook, gate: Gate
) -> None:
    path = make_notebook(("x = 1", "parameters"), "print('before')", gate.source, "print('after')")
    seen: list[Event] = []

    run = executor.start(path, None, {"x": 2}, labels={"a": "b"}, on_event=seen.append)
    gate.wait()
    assert run.state == "running"
    assert not run.wait(0)
    first = run.for_llm(2000)
    assert first.startswith(f"running: run {run.id}\ncell 2 runs: with open(")
    assert "before" in first
    gate.open()
    result = run.result()

    assert result.ok
    assert result.run_id == run.id
    assert (result.parameters, result.labels) == ({"x": 2}, {"a": "b"})
    assert (run.state, run.wait()) == ("finished", True)
    events, cursor = run.poll()
    assert list(events) == list(run.events()) == seen
    assert [events[0].kind, events[-1].kind] == ["run_started", "run_finished"]
    assert run.poll(cursor) == ((), cursor)
    last = run.for_llm(1000, since=first.cursor)
    assert last.startswith("success: 5 cells")
    assert "after" in last
    assert last.cursor == cursor
    assert len(run.for_llm(80)) <= 80
    assert run.id in repr(run)
    run.cancel("too late")
    assert run.result() is result


@pytest.mark.parametrize(
    ("source", "state"),
    [("import time\nprint('busy')\ntime.sleep(1000)", "live"), (_IN_C, "lost")],
)
def test_cancel_ends_the_kernel_and_saves_what_there_is(
    make_notebook: MakeNotebook, tmp_path: Path, source: str, state: str
) -> None:
    path = make_notebook("print('kept')", source, "3")
    graces = _GRACES if state == "lost" else {"interrupt_grace": 60}
    with NotebookExecutor(tmp_path, config=graces) as executor:
        run = executor.start(path)
        wait_for(run, "output")
        (tmp_path / "heard").touch()
        run.cancel("it is no use")
        result = run.result()

    assert result.error is not None
    assert (result.error.kind, result.error.state) == ("cancelled", state)
    assert "it is no use" in result.error.message
    assert "Cell 1" in result.error.message
    assert [cell.status for cell in result.cells] == ["ok", "error", "not_run"]
    assert result.cleanup.processes_left == result.cleanup.files_left == 0
    assert result.output_path is not None
    saved = nbformat.read(result.output_path, as_version=4)
    assert saved.cells[0].outputs[0].text == "kept\n"
    with pytest.raises(Exception, match="it is no use"):
        result.raise_for_error()


def test_a_kernel_that_is_starting_is_given_up(
    executor: NotebookExecutor, make_notebook: MakeNotebook, gate: Gate, tmp_path: Path
) -> None:
    # Runs before the kernel listens: the run waits for it when it is cancelled.
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "wait.py").write_text(gate.source)
    run = executor.start(make_notebook("1"), env={"IPYTHONDIR": str(startup.parents[1])})
    gate.wait()

    run.cancel()
    result = run.result()

    assert result.error is not None
    assert result.error.kind == "cancelled"
    assert [cell.status for cell in result.cells] == ["not_run"]


def test_a_queued_run_is_cancelled_at_once(
    make_notebook: MakeNotebook, gate: Gate, tmp_path: Path
) -> None:
    with NotebookExecutor(tmp_path, config={"started_runs": 1}) as executor:
        running = executor.start(make_notebook(gate.source, name="first.ipynb"))
        gate.wait()
        second, third = (executor.start(make_notebook("1")) for _ in range(2))
        assert (second.state, third.state) == ("queued", "queued")
        assert second.for_llm().startswith("queued: ")

        second.cancel("not needed")

        assert (second.state, running.state) == ("finished", "running")
        error = second.result().error
        assert error is not None
        assert (error.kind, "not needed" in error.message) == ("cancelled", True)
        gate.open()
        assert third.result().ok
        assert running.result().ok
        recorded = executor.root / ".nbx" / "runs" / second.id / "record.json"
        assert recorded.exists()


def test_closing_the_executor_ends_what_it_started(
    executor: NotebookExecutor, make_notebook: MakeNotebook, gate: Gate
) -> None:
    run = executor.start(make_notebook(gate.source))
    gate.wait()

    executor.close()

    error = run.result().error
    assert error is not None
    assert "its executor was closed" in error.message
    assert executor.start(make_notebook("1")).result().ok


def test_forgotten_runs_end_and_a_held_one_holds_its_executor(
    make_notebook: MakeNotebook, gate: Gate, tmp_path: Path
) -> None:
    held = NotebookExecutor(tmp_path).start(make_notebook("'held'"))
    assert held.result().ok
    NotebookExecutor(tmp_path).start(make_notebook(gate.source))
    gc.collect()
    del held
    gc.collect()  # and the fixture sees that nothing is left


def test_a_process_that_exits_cancels_its_runs(
    make_notebook: MakeNotebook, gate: Gate, tmp_path: Path
) -> None:
    program = (
        "import sys\nfrom notebook_executor import NotebookExecutor\n"
        "run = NotebookExecutor(sys.argv[1]).start(sys.argv[2])\n"
        "next(event for event in run.events() if event.kind == 'cell_started')\nprint(run.id)"
    )
    path = make_notebook(gate.source)

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(tmp_path), str(path)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip

    record = tmp_path / ".nbx" / "runs" / done.stdout.strip() / "record.json"
    assert '"kind": "cancelled"' in record.read_text()
    assert done.stderr == ""


def test_a_forked_copy_knows_that_the_run_is_not_its_own(
    executor: NotebookExecutor, make_notebook: MakeNotebook, gate: Gate
) -> None:
    run = executor.start(make_notebook(gate.source))
    gate.wait()
    context = multiprocessing.get_context("fork")
    told = context.SimpleQueue()

    def look() -> None:
        run.cancel("by the child")
        executor.close()
        with pytest.raises(UsageError, match="goes on in process"):
            run.wait()
        told.put(True)

    child = context.Process(target=look)
    child.start()
    assert told.get()
    child.join()
    child.close()
    told.close()
    gate.open()
    assert run.result().ok


def test_aexecute_lets_the_loop_run(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    path = make_notebook("print('one')")

    async def several() -> list[str]:
        ticks = asyncio.create_task(_tick())
        results = await asyncio.gather(executor.aexecute(path), executor.aexecute(path, False))
        ticks.cancel()
        assert threading.current_thread() is threading.main_thread()
        return [result.status for result in results]

    assert asyncio.run(several()) == ["success", "success"]


async def _tick() -> None:
    while True:
        await asyncio.sleep(0.001)


def test_cancelling_the_task_ends_the_kernel(
    make_notebook: MakeNotebook, tmp_path: Path, gate: Gate
) -> None:
    path = make_notebook(gate.source)

    async def cancelled(executor: NotebookExecutor) -> None:
        task = asyncio.create_task(executor.aexecute(path, tmp_path / "out.ipynb"))
        await asyncio.to_thread(gate.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with NotebookExecutor(tmp_path) as executor:
        asyncio.run(cancelled(executor))
        (record,) = (tmp_path / ".nbx" / "runs").glob("*/record.json")
        assert "the task that awaited it was cancelled" in record.read_text()


def test_aexecute_checks_when_asked(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    with pytest.raises(CellFailedError, match="ZeroDivisionError"):
        asyncio.run(executor.aexecute(make_notebook("1 / 0"), check=True))


def test_a_callback_that_raises_does_not_blind_the_run(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    run = executor.start(make_notebook("1"), on_event=lambda event: [][0])

    assert any("on_event raised IndexError" in warning for warning in run.result().warnings)
    assert run.poll()[0][-1].kind == "run_finished"


@pytest.mark.parametrize(
    "call",
    [
        lambda executor: executor.start(5),
        lambda executor: executor.start("x.ipynb", timeout="soon"),
        lambda executor: executor.start("x.ipynb", no_such_option=1),
        lambda executor: executor.start("x.ipynb", trigger=None),
        lambda executor: executor.start("x.ipynb", check=True),
        lambda executor: executor.start("nowhere.ipynb").poll(since=-1),
        lambda executor: executor.start("nowhere.ipynb").poll(since="1"),
        lambda executor: executor.start("nowhere.ipynb").cancel(5),
    ],
)
def test_what_can_mean_nothing_is_a_type_error(
    executor: NotebookExecutor, call: Callable[[NotebookExecutor], object]
) -> None:
    with pytest.raises(TypeError):
        call(executor)
