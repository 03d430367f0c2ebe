"""The record of a run, its journal, and the events that tell of it while it happens."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notebook_executor import Event, ExecutionResult, NotebookExecutor
from notebook_executor.execution.records import find_record, iter_records

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook


def _comparable(result: ExecutionResult) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(result.to_json())
    return loaded


def test_the_record_is_the_result_and_leads_to_it(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    glue = "from hermes_runtime import glue\nglue('score', 0.5)\nglue('note', 'ä')"
    ran = executor.execute(make_notebook(glue, "1 / 0", "3"), "out/done.ipynb", labels={"a": "b"})
    refused = executor.execute("missing.ipynb")

    directory = tmp_path / ".nbx/runs" / ran.run_id
    assert json.loads((directory / "record.json").read_text()) == _comparable(ran)
    assert executor.read_notebook("out/done.ipynb").metadata.nbx.run_id == ran.run_id
    assert ran.scraps == {"score": 0.5, "note": "ä"}
    assert executor.collect_outputs("out/done.ipynb") == ran.scraps
    assert (tmp_path / ".nbx/.gitignore").read_text() == "*\n"
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {
        ".nbx/.gitignore",
        *(f".nbx/runs/{run.run_id}/record.json" for run in (ran, refused)),
        *(f".nbx/runs/{run.run_id}/journal.jsonl" for run in (ran, refused)),
        "notebook.ipynb",
        "out/done.ipynb",
    }


def test_records_are_read_back(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    first = executor.execute(make_notebook("print('one')"))
    second = executor.execute("missing.ipynb")

    found = [record.read() for record in iter_records(tmp_path)]
    assert [result and _comparable(result) for result in found] == [
        _comparable(second),
        _comparable(first),
    ]
    for name in (first.run_id, first.run_id[:-2], first.run_id.partition("-")[2]):
        again = find_record(tmp_path, name).read()
        assert again is not None
        assert again.run_id == first.run_id
    assert find_record(tmp_path, "last").run_id == second.run_id
    reread = find_record(tmp_path, first.run_id).read()
    assert reread is not None
    assert reread.notebook is not None
    assert reread.notebook.cells[0].outputs[0].text == "one\n"


def test_the_journal_has_each_finished_cell_before_the_next_one_starts(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    seen: list[list[dict[str, Any]]] = []

    def read(event: Event) -> None:
        if event.kind == "cell_started":
            text = (tmp_path / ".nbx/runs" / event.run_id / "journal.jsonl").read_text()
            assert text.endswith("\n")
            seen.append([json.loads(line) for line in text.splitlines()])

    update = "handle.update({'text/plain': 'changed'}, raw=True)"
    path = make_notebook(
        "handle = display({'text/plain': 'shown'}, raw=True, display_id='d')", update, "3"
    )
    result = executor.execute(path, "out.ipynb", on_event=read)

    assert result.ok, result
    header = seen[0][0]
    assert header["run_id"] == result.run_id
    assert header["output_path"] == str(tmp_path / "out.ipynb")
    assert [cell["id"] for cell in seen[0][1]["notebook"]["cells"]] == [
        "cell-0",
        "cell-1",
        "cell-2",
    ]
    assert seen[0][2]["kernel"]["python"] == result.kernel.python
    assert seen[0][3:] == [{"running": 0}]
    assert seen[1][4]["id"] == "cell-0"
    assert seen[1][4]["status"] == "ok"
    assert seen[1][4]["outputs"][0]["data"]["text/plain"] == "shown"
    # The second cell changed what the first one shows: both are journalled.
    assert [line.get("id") for line in seen[2][5:]] == [None, "cell-1", "cell-0", None]
    assert seen[2][7]["outputs"][0]["data"]["text/plain"] == "changed"


def test_the_record_says_of_a_run_that_goes_on_that_it_does(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    from notebook_executor.execution.records import is_running

    during: list[tuple[bool, ExecutionResult | None]] = []

    def look(event: Event) -> None:
        if event.kind == "cell_started":
            record = find_record(tmp_path, "last")
            during.append((is_running(record.header()), record.read()))

    executor.execute(make_notebook("1"), False, on_event=look)

    assert during == [(True, None)]


def test_events_tell_a_run_in_order(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    events: list[Event] = []
    before = datetime.now(UTC)
    path = make_notebook(
        ("x = 1", "parameters"), "print('a')", ("2", "skip-execution"), "1 / 0", "5"
    )

    result = executor.execute(path, "out.ipynb", {"x": 2}, on_event=events.append)

    told = [(event.kind, event.cell_id, event.index) for event in events]
    assert told == [
        ("run_started", None, None),
        ("kernel_ready", None, None),
        ("cell_started", "cell-0", 0),
        ("cell_finished", "cell-0", 0),
        ("cell_started", "injected-parameters", None),
        ("cell_finished", "injected-parameters", None),
        ("cell_started", "cell-1", 1),
        ("output", "cell-1", 1),
        ("cell_finished", "cell-1", 1),
        ("cell_started", "cell-2", 2),
        ("cell_finished", "cell-2", 2),
        ("cell_started", "cell-3", 3),
        ("output", "cell-3", 3),
        ("cell_finished", "cell-3", 3),
        ("run_finished", None, None),
    ]
    assert {event.run_id for event in events} == {result.run_id}
    times = [event.at for event in events]
    assert times == sorted(times)
    assert before <= times[0] <= times[-1] <= datetime.now(UTC)
    started, finished = events[0].data, events[-1].data
    assert started == {
        "input_path": str(path),
        "output_path": str(tmp_path / "out.ipynb"),
        "cells": 6,
    }
    assert finished["status"] == "error"
    assert finished["output_path"] == result.output_path
    assert finished["duration_seconds"] == result.duration_seconds
    outputs = [event.data for event in events if event.kind == "output"]
    assert outputs[0] == {"output_type": "stream", "name": "stdout", "text": "a\n"}
    assert outputs[1]["output_type"] == "error"
    assert outputs[1]["text"] == "ZeroDivisionError: division by zero"
    statuses = [event.data["status"] for event in events if event.kind == "cell_finished"]
    assert statuses == ["ok", "ok", "ok", "skipped", "error"]


def test_warnings_are_events_too(executor: NotebookExecutor, make_notebook: MakeNotebook) -> None:
    events: list[Event] = []
    spec = {"name": "conda-env-py", "display_name": "x", "language": "python"}
    path = make_notebook("1", kernelspec=spec)

    result = executor.execute(path, False, on_event=events.append)

    told = [event.data["message"] for event in events if event.kind == "warning"]
    assert told == list(result.warnings)
    assert len(told) == 1


def test_a_callback_that_raises_is_not_called_again_and_harms_nothing(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    called: list[str] = []

    def raise_at_output(event: Event) -> None:
        called.append(event.kind)
        if event.kind == "output":
            raise RuntimeError("no more of this")

    path = make_notebook("print(1)", "print(2)")
    result = executor.execute(path, "out.ipynb", on_event=raise_at_output)

    assert result.ok, result
    assert called == ["run_started", "kernel_ready", "cell_started", "output"]
    assert len(result.warnings) == 1
    assert "no more of this" in result.warnings[0]
    assert executor.read_notebook("out.ipynb").cells[1].outputs[0].text == "2\n"


def test_a_callback_may_run_notebooks(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    inner: list[ExecutionResult] = []
    small = make_notebook("print('small')", name="small.ipynb")

    def run(event: Event) -> None:
        if event.kind == "output":
            inner.append(executor.execute(small, False))

    result = executor.execute(make_notebook("print('large')"), False, on_event=run)

    assert result.ok, result
    assert [run.cells[0].output_preview for run in inner] == ["small"]
