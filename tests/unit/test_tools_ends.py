"""How calls end that their tools do not end: with the cell, the run, the caller."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import hermes_runtime
from hermes_runtime import ToolDeniedError, ToolError, ToolsUnavailableError
from notebook_executor.tools.tool import Call
from tests.tool_bench import CELL, PATIENCE, answer, bench_of, echo


def test_a_call_ends_with_its_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    began = threading.Event()
    seen = threading.Event()

    def hang(call: Call) -> Any:
        began.set()
        assert call.cancelled.wait(PATIENCE)
        seen.set()
        return "too late"

    with bench_of(monkeypatch, hang=hang) as bench, ThreadPoolExecutor(1) as threads:
        asked = threads.submit(hermes_runtime.call, "hang")
        assert began.wait(PATIENCE)
        bench.desk.cells.ended()
        with pytest.raises(ToolError, match="has ended"):
            asked.result(PATIENCE)
        assert seen.wait(PATIENCE)
        [finished] = bench.told
        assert (finished.outcome, finished.cell_id) == ("error", "cell-1")
        with pytest.raises(ToolDeniedError, match="No cell is running"):
            hermes_runtime.call("hang")


def test_a_call_of_another_cell_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with bench_of(monkeypatch, echo=echo) as bench, bench.connect() as sock:
        sock.sendall(bench.request("echo", cell="message-0"))
        error = answer(sock)["error"]
        assert (error["data"]["kind"], "has ended" in error["message"]) == ("denied", True)
        sock.sendall(bench.request("echo", cell=CELL))
        assert answer(sock)["result"] == {}


def test_a_call_that_nobody_waits_for_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    began, cancelled = threading.Event(), threading.Event()

    def hang(call: Call) -> Any:
        began.set()
        if call.cancelled.wait(PATIENCE):
            cancelled.set()

    with bench_of(monkeypatch, hang=hang) as bench:
        with bench.connect() as sock:
            sock.sendall(bench.request("hang"))
            assert began.wait(PATIENCE)
        assert cancelled.wait(PATIENCE)


def test_a_tool_that_hangs_does_not_keep_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    began, go = threading.Event(), threading.Event()

    def hang(call: Call) -> Any:
        began.set()
        go.wait(PATIENCE)

    with ThreadPoolExecutor(1) as threads:
        with bench_of(monkeypatch, hang=hang) as bench:
            asked = threads.submit(hermes_runtime.call, "hang")
            assert began.wait(PATIENCE)
        with pytest.raises(ToolError, match="run is over"):
            asked.result(PATIENCE)
        assert bench.broker.at_work == ("hang",)
        go.set()
        with pytest.raises(ToolsUnavailableError):
            hermes_runtime.call("hang")
