"""A run that was cut off: its notebook from the journal, and a record that says what happened."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from notebook_executor import NotebookExecutor
from notebook_executor.errors import UsageError
from notebook_executor.execution.journal import line_of
from notebook_executor.execution.records import RunRecord, find_record
from notebook_executor.execution.recovery import recover
from notebook_executor.models import ExecutionResult

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook

_CELLS = 8
_ROUNDS = 3
_HOST = """
import sys
from notebook_executor import NotebookExecutor
def tell(event):
    print(event.kind, event.index, flush=True)
with NotebookExecutor(sys.argv[1]) as executor:
    executor.execute("notebook.ipynb", "out.ipynb", {"x": 2}, on_event=tell)
"""
# Each cell prints at once and at its end, with time between for a kill.
_CELL = "import time\nprint('begins {0}', flush=True); time.sleep(0.01 * x); print('ends {0}')"


def _orphan(record: RunRecord) -> None:
    """Have the record look as if its process had been killed before it could write a result."""
    record.result_file.unlink()
    header, *lines = record.journal_file.read_bytes().splitlines(keepends=True)
    dead = line_of({**json.loads(header), "pid_started": 1.0})
    record.journal_file.write_bytes(b"".join([dead, *lines]))


def _recorded(record: RunRecord) -> ExecutionResult:
    result = record.read()
    assert result is not None
    return result


def _told(text: str) -> tuple[int, int]:
    """How many cells have begun, and how many have finished, by what the host said."""
    kinds = [line.split()[0] for line in text.splitlines()]
    return kinds.count("cell_started"), kinds.count("cell_finished")


def _killed_at(folder: Path, lines: int, later: float) -> str:
    """Start a host, kill it some time after so many lines of it; all that it said."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOST, str(folder)], stdout=subprocess.PIPE, text=True
    ) as host:
        assert host.stdout is not None
        told = "".join(host.stdout.readline() for _ in range(lines))
        time.sleep(later)  # a moment that nobody has chosen
        host.send_signal(signal.SIGKILL)
        told += host.stdout.read()
        host.wait(timeout=60)
    return told


def test_whenever_the_host_is_killed_the_finished_cells_come_back_and_only_they(
    make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    cells = [_CELL.format(number) for number in range(_CELLS)]
    make_notebook(("x = 1", "parameters"), *cells)
    seed = random.randrange(10**6)
    draw = random.Random(seed)
    for _ in range(_ROUNDS):
        told = _killed_at(tmp_path, draw.randrange(2, 2 * _CELLS), draw.random() / 20)
        started, finished = _told(told)
        record = find_record(tmp_path, "last")

        recovery = recover(record)

        result = _recorded(record)
        notebook = nbformat.read(tmp_path / "out.ipynb", as_version=4)
        nbformat.validate(notebook)
        where = (seed, told)
        # A kill between the line of the journal and the event is between the two counts.
        assert finished <= recovery.cells_restored <= max(started, finished + 1), where
        printed = [_printed(cell) for cell in notebook.cells]
        for number, text in enumerate(printed[2:]):
            if number + 2 < recovery.cells_restored:
                assert text == f"begins {number}\nends {number}\n", where
            elif number + 2 > started:
                assert text == "", where
        statuses = [cell.status for cell in result.cells]
        whole = recovery.cells_restored
        assert statuses[:whole] == ["ok"] * whole, where
        after = whole + (recovery.interrupted_cell is not None)
        assert set(statuses[after:]) <= {"not_run"}, where
        assert result.error is not None
        assert (result.status, result.error.kind) == ("error", "cancelled")
        assert result.parameters == {"x": 2}
        assert recovery.recorded


def _printed(cell: Any) -> str:
    return "".join(output.text for output in cell.outputs)


def _without_times(value: Any) -> Any:
    timed = ("start_time", "end_time", "duration", "exception")
    if isinstance(value, dict):
        return {key: _without_times(item) for key, item in value.items() if key not in timed}
    return [_without_times(item) for item in value] if isinstance(value, list) else value


def test_the_recovered_notebook_and_result_are_those_of_the_run(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    path = make_notebook(
        ("x = 1", "parameters"),
        nbformat.v4.new_markdown_cell("# text", id="text"),
        "print(x); 'half \\ud83d'",
        ("never", "skip-execution"),
        "from IPython.display import Image\nImage(data=b'PNG', format='png')",
        "1 / 0",
        "print('later')",
    )
    result = executor.execute(path, "out.ipynb", {"x": float("nan")}, labels={"a": "b"})
    written = json.loads((tmp_path / "out.ipynb").read_bytes())
    record = find_record(tmp_path, "last")
    path.unlink()  # the journal does not need it
    _orphan(record)

    recovery = recover(record)

    again = json.loads((tmp_path / "out.ipynb").read_bytes())
    assert _without_times(again) == _without_times(written)
    recorded = _recorded(record)
    same = ("status", "failed_cell", "error", "cells_executed", "cells", "labels", "trigger")
    for name in (*same, "source_sha256", "input_path", "output_path", "started_at", "scraps"):
        assert recorded[name] == result[name], name
    assert recorded.kernel.python == result.kernel.python
    assert recovery.interrupted_cell is None
    assert (recovery.cells_restored, recovery.cells_to_run, recovery.damaged_lines) == (6, 7, 0)
    with pytest.raises(UsageError, match="has finished with a result"):
        recover(record)


def test_a_run_that_goes_on_is_only_read(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    seen: list[Any] = []

    def look(event: Any) -> None:
        if event.kind == "output" and event.index == 1:
            record = find_record(tmp_path, "last")
            with pytest.raises(UsageError, match="still going on") as refused:
                recover(record)
            assert "--output" in refused.value.hint
            seen.append(recover(record, tmp_path / "sofar.ipynb"))
            assert record.read() is None

    path = make_notebook("print('first')", "print('second')")
    result = executor.execute(path, "out.ipynb", on_event=look)

    assert result.ok
    (recovery,) = seen
    assert (recovery.running, recovery.recorded, recovery.cells_restored) == (True, False, 1)
    assert recovery.interrupted_cell == "cell-1"
    so_far = executor.read_notebook("sofar.ipynb")
    assert [_printed(cell) for cell in so_far.cells] == ["first\n", ""]


def test_what_was_streamed_by_the_interrupted_cell_comes_back_from_the_visible_file(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    executor.execute(make_notebook("print('a')", "print('b')", "print('c')"), "out.ipynb")
    record = find_record(tmp_path, "last")
    _orphan(record)
    lines = record.journal_file.read_bytes().splitlines(keepends=True)
    (cut,) = [number for number, line in enumerate(lines) if b'"cell": 1' in line]
    record.journal_file.write_bytes(b"".join(lines[:cut]) + lines[cut][:40])

    recovery = recover(record)

    assert (recovery.interrupted_cell, recovery.damaged_lines) == ("cell-1", 1)
    notebook = executor.read_notebook("out.ipynb")
    assert [_printed(cell) for cell in notebook.cells] == ["a\n", "b\n", ""]
    assert [cell.metadata.papermill.status for cell in notebook.cells] == [
        "completed",
        "failed",
        "pending",
    ]
    result = _recorded(record)
    assert [cell.status for cell in result.cells] == ["ok", "error", "not_run"]
    assert result.error is not None
    assert "while cell 'cell-1' was running" in result.error.message
    assert "variables are gone" in result.error.hint
    assert result.failed_cell is not None
    assert result.failed_cell.output_tail == "b\n"
    assert not result.outputs_complete


def test_a_place_that_is_anothers_by_now_is_left_alone(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    path = make_notebook("print('a')")
    first = executor.execute(path, "out.ipynb")
    executor.execute(path, "out.ipynb")
    record = find_record(tmp_path, first.run_id)
    _orphan(record)
    kept = (tmp_path / "out.ipynb").read_bytes()

    with pytest.raises(UsageError, match="is not this run's any more"):
        recover(record)
    assert record.read() is None
    recovery = recover(record, tmp_path / "elsewhere.ipynb")

    assert (tmp_path / "out.ipynb").read_bytes() == kept
    assert recovery.output_path == str(tmp_path / "elsewhere.ipynb")
    assert _recorded(record).output_path == recovery.output_path


def test_a_run_without_an_output_is_recovered_into_its_record(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    executor.execute(make_notebook("print('a')"), False)
    record = find_record(tmp_path, "last")
    _orphan(record)

    recovery = recover(record)

    assert recovery.output_path == str(record.outputs / "notebook.ipynb")
    assert _printed(executor.read_notebook(recovery.output_path).cells[0]) == "a\n"


def test_what_was_cut_off_before_it_ran_is_told_and_nothing_is_made_up(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    executor.execute(make_notebook("print('a')"), "out.ipynb")
    record = find_record(tmp_path, "last")
    _orphan(record)
    (tmp_path / "out.ipynb").unlink()
    header = record.journal_file.read_bytes().splitlines(keepends=True)[0]

    record.journal_file.write_bytes(header)
    recovery = recover(record)

    assert (recovery.output_path, recovery.cells_to_run, recovery.recorded) == (None, 0, True)
    error = _recorded(record).error
    assert error is not None
    assert "before its notebook was ready" in error.message
    assert not (tmp_path / "out.ipynb").exists()
    record.result_file.unlink()
    record.journal_file.write_bytes(b"")
    with pytest.raises(UsageError, match="its journal is empty"):
        recover(record)
    record.journal_file.unlink()
    with pytest.raises(UsageError, match="Nothing of the run"):
        recover(record)
