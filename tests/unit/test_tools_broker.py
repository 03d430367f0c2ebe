"""Calls through the socket at which a notebook calls its tools: what they return, and who waits."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import hermes_runtime
from hermes_runtime import ToolError, ToolsUnavailableError
from notebook_executor.tools.broker import SOCKET_VARIABLE
from notebook_executor.tools.policy import Policy
from notebook_executor.tools.tool import Call
from tests.tool_bench import PATIENCE, bench_of, echo


def test_a_call_comes_back_with_what_the_tool_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"text": "ü\ud800\n", "list": [1, 2.5, None, True], "deep": {"a": {"b": []}}}
    with bench_of(monkeypatch, echo=echo) as bench:
        assert hermes_runtime.call("echo", **given) == given
        [finished] = bench.told
    assert (finished.tool, finished.cell_id) == ("echo", "cell-1")
    assert (finished.outcome, finished.replayed) == ("ok", False)
    assert finished.bytes > 0


def test_tools_tells_what_the_policy_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    with bench_of(monkeypatch, Policy(allow=("a",)), a=echo, b=echo):
        told = hermes_runtime.tools()
    assert [tool["name"] for tool in told] == ["a"]
    assert repr(told) == "a()"


def test_a_tool_that_there_is_not_is_named_with_its_neighbour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with bench_of(monkeypatch, read_file=echo), pytest.raises(ToolError, match="read_file"):
        hermes_runtime.call("readfile")


def _raises(call: Call) -> Any:
    raise LookupError(f"no {call.arguments['what']}")


def _recursive(call: Call) -> Any:
    loop: list[Any] = []
    loop.append(loop)
    return loop


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (_raises, "LookupError: 'no cheese'|LookupError: no cheese"),
        (lambda call: {1, 2}, "returned a set that JSON cannot hold"),
        (lambda call: float("nan"), "returned a float"),
        (_recursive, "returned a list"),
        (lambda call: "x" * (17 << 20), "17,825,794 bytes"),
    ],
)
def test_a_tool_that_fails_fails_its_call_alone(
    monkeypatch: pytest.MonkeyPatch, run: Callable[[Call], Any], message: str
) -> None:
    with bench_of(monkeypatch, bad=run, good=echo):
        with pytest.raises(ToolError, match=message):
            hermes_runtime.call("bad", what="cheese")
        assert hermes_runtime.call("good", x=1) == {"x": 1}


def test_arguments_that_json_cannot_hold_are_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with bench_of(monkeypatch, echo=echo) as bench:
        with pytest.raises(ToolError, match="Pass what JSON can hold"):
            hermes_runtime.call("echo", x={1})
        assert not bench.told


def test_a_thousand_calls_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with bench_of(monkeypatch, echo=echo) as bench, ThreadPoolExecutor(1000) as threads:
        gate = threading.Barrier(200)

        def ask(number: int) -> Any:
            if number < 200:
                gate.wait(PATIENCE)
            return hermes_runtime.call("echo", number=number)["number"]

        assert list(threads.map(ask, range(1000))) == list(range(1000))
        assert len(bench.told) == 1000


def test_calls_do_not_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    meet = threading.Barrier(16)

    def wait(call: Call) -> Any:
        return meet.wait(PATIENCE) >= 0

    with bench_of(monkeypatch, wait=wait), ThreadPoolExecutor(16) as threads:
        assert all(threads.map(lambda _: hermes_runtime.call("wait"), range(16)))


def test_a_forked_copy_of_the_kernel_has_connections_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with bench_of(monkeypatch, echo=echo):
        assert hermes_runtime.call("echo", x=1) == {"x": 1}
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.write(writing, json.dumps(hermes_runtime.call("echo", x=2)).encode())
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as answer:
            assert json.load(answer) == {"x": 2}
        assert os.waitpid(pid, 0)[1] == 0
        assert hermes_runtime.call("echo", x=3) == {"x": 3}


def test_outside_of_a_run_a_call_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SOCKET_VARIABLE, raising=False)
    monkeypatch.delenv("NBX_RUN_ID", raising=False)
    with pytest.raises(ToolsUnavailableError, match="does not belong to a run"):
        hermes_runtime.read_file("x")
    monkeypatch.setenv("NBX_RUN_ID", "r")
    with pytest.raises(ToolsUnavailableError, match="this run has no tools"):
        hermes_runtime.tools()
