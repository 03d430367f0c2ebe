"""The socket at which a notebook calls its tools: what it answers, refuses, and survives."""

from __future__ import annotations

import json
import os
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

import hermes_runtime
from hermes_runtime import ToolDeniedError, ToolError, ToolsUnavailableError, calling
from notebook_executor.tools.audit import FinishedCall
from notebook_executor.tools.broker import SOCKET_VARIABLE, TOKEN_VARIABLE, Broker
from notebook_executor.tools.catalogue import Catalogue
from notebook_executor.tools.desk import Desk, Surroundings
from notebook_executor.tools.frames import FRAME_LIMIT
from notebook_executor.tools.policy import Policy
from notebook_executor.tools.redaction import Redactor
from notebook_executor.tools.tool import Call, Tool

_PATIENCE = 30.0
_CELL = "message-1"


def _no_spawn(*_: Any, **__: Any) -> Any:
    raise OSError("there is no kernel here")


class Bench:
    """A broker with tools, and the client's side of it."""

    def __init__(self, tools: Mapping[str, Callable[[Call], Any]], policy: Policy) -> None:
        self.told: list[FinishedCall] = []
        self.desk = Desk(
            Catalogue(Tool(name, run) for name, run in tools.items()),
            policy,
            Redactor(policy.redact, ["s3cr3t-parameter"], ["s3cr3t-variable"]),
            [self.told.append],
            keeps_results=True,
        )
        self.desk.surroundings = Surroundings(Path("/"), {}, _no_spawn)
        self.broker = Broker(self.desk)
        self.env: dict[str, str] = {}

    def connect(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(_PATIENCE)
        sock.connect(self.env[SOCKET_VARIABLE])
        return sock

    def request(self, tool: str, cell: str | None = None, **arguments: Any) -> bytes:
        params = {
            "token": self.env[TOKEN_VARIABLE],
            "tool": tool,
            "arguments": arguments,
            "cell": cell,
        }
        message = {"jsonrpc": "2.0", "id": 1, "method": "call", "params": params}
        return json.dumps(message).encode() + b"\n"


def _answer(sock: socket.socket) -> Any:
    with sock.makefile("rb") as lines:
        return json.loads(lines.readline())


@contextmanager
def _bench(
    monkeypatch: pytest.MonkeyPatch, policy: Policy | None = None, **tools: Callable[[Call], Any]
) -> Iterator[Bench]:
    allowed = policy or Policy(allow=("*",))
    with ExitStack() as stack:
        bench = Bench(tools, allowed)
        stack.callback(calling.hang_up)
        stack.enter_context(bench.broker)
        place = stack.enter_context(tempfile.TemporaryDirectory(dir="/tmp", prefix="b"))
        bench.env = bench.broker.listen(Path(place))
        for name, value in bench.env.items():
            monkeypatch.setenv(name, value)
        bench.desk.cells.began(_CELL, "cell-1", None)
        yield bench


def _echo(call: Call) -> Any:
    return dict(call.arguments)


def test_a_call_comes_back_with_what_the_tool_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"text": "ü\ud800\n", "list": [1, 2.5, None, True], "deep": {"a": {"b": []}}}
    with _bench(monkeypatch, echo=_echo) as bench:
        assert hermes_runtime.call("echo", **given) == given
        [finished] = bench.told
    assert (finished.call.tool, finished.call.cell_id) == ("echo", "cell-1")
    assert (finished.call.outcome, finished.call.replayed) == ("ok", False)
    assert finished.call.bytes > 0


def test_tools_tells_what_the_policy_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    with _bench(monkeypatch, Policy(allow=("a",)), a=_echo, b=_echo):
        told = hermes_runtime.tools()
    assert [tool["name"] for tool in told] == ["a"]
    assert repr(told) == "a()"


def test_an_empty_allow_list_allows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with _bench(monkeypatch, Policy(), echo=_echo) as bench:
        with pytest.raises(ToolDeniedError, match="allow-list is empty") as denied:
            hermes_runtime.call("echo")
        assert bench.told[0].call.outcome == "denied"
        assert repr(hermes_runtime.tools()) == "This run may call no tools."
    assert denied.value.tool == "echo"


def test_a_tool_that_there_is_not_is_named_with_its_neighbour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with _bench(monkeypatch, read_file=_echo), pytest.raises(ToolError, match="read_file"):
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
    with _bench(monkeypatch, bad=run, good=_echo):
        with pytest.raises(ToolError, match=message):
            hermes_runtime.call("bad", what="cheese")
        assert hermes_runtime.call("good", x=1) == {"x": 1}


def test_arguments_that_json_cannot_hold_are_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with _bench(monkeypatch, echo=_echo) as bench:
        with pytest.raises(ToolError, match="Pass what JSON can hold"):
            hermes_runtime.call("echo", x={1})
        assert not bench.told


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{", -32700),
        (b"\xff\xfe", -32700),
        (b"[" * 100_000, -32700),
        (b"[]", -32600),
        (b'{"jsonrpc":"2.0","method":"call","params":{}}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"call"}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"call","params":{"token":"x"}}', -32001),
        (b'{"jsonrpc":"2.0","id":1,"method":"call","params":{"token":"\xc3\xbc"}}', -32001),
    ],
)
def test_what_is_no_request_gets_an_error_of_its_own(
    monkeypatch: pytest.MonkeyPatch, line: bytes, code: int
) -> None:
    with _bench(monkeypatch, echo=_echo) as bench:
        with bench.connect() as sock:
            sock.sendall(line + b"\n")
            assert _answer(sock)["error"]["code"] == code
        assert hermes_runtime.call("echo", x=1) == {"x": 1}
        assert len(bench.told) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"method": "shutdown"}, -32601),
        ({"params": {"tool": 1}}, -32602),
        ({"params": {"arguments": []}}, -32602),
        ({"params": {"cell": 5}}, -32602),
    ],
)
def test_a_request_with_something_wrong_in_it(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], code: int
) -> None:
    with _bench(monkeypatch, echo=_echo) as bench, bench.connect() as sock:
        message = json.loads(bench.request("echo"))
        params = {**message["params"], **change.get("params", {})}
        sock.sendall(json.dumps({**message, **change, "params": params}).encode() + b"\n")
        assert _answer(sock)["error"]["code"] == code
        sock.sendall(bench.request("echo", x=2))
        assert _answer(sock)["result"] == {"x": 2}


def test_a_wrong_token_closes_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    with _bench(monkeypatch, echo=_echo) as bench:
        monkeypatch.setenv(TOKEN_VARIABLE, "0" * 64)
        with pytest.raises(ToolsUnavailableError, match="token"):
            hermes_runtime.call("echo")
        assert not bench.told


def test_a_frame_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with _bench(monkeypatch, echo=_echo) as bench, bench.connect() as sock:
        sock.sendall(b"x" * (FRAME_LIMIT + (1 << 17)))
        sock.shutdown(socket.SHUT_WR)
        assert _answer(sock)["error"]["code"] == -32002
        assert hermes_runtime.call("echo", x=1) == {"x": 1}


def test_a_connection_that_is_cut_in_a_request_hurts_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with _bench(monkeypatch, echo=_echo) as bench:
        with bench.connect() as sock:
            sock.sendall(bench.request("echo")[:20])
        assert hermes_runtime.call("echo", x=1) == {"x": 1}
        assert len(bench.told) == 1


def test_a_thousand_calls_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with _bench(monkeypatch, echo=_echo) as bench, ThreadPoolExecutor(1000) as threads:
        gate = threading.Barrier(200)

        def ask(number: int) -> Any:
            if number < 200:
                gate.wait(_PATIENCE)
            return hermes_runtime.call("echo", number=number)["number"]

        assert list(threads.map(ask, range(1000))) == list(range(1000))
        assert len(bench.told) == 1000


def test_calls_do_not_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    meet = threading.Barrier(16)

    def wait(call: Call) -> Any:
        return meet.wait(_PATIENCE) >= 0

    with _bench(monkeypatch, wait=wait), ThreadPoolExecutor(16) as threads:
        assert all(threads.map(lambda _: hermes_runtime.call("wait"), range(16)))


def test_a_call_ends_with_its_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    began = threading.Event()
    seen = threading.Event()

    def hang(call: Call) -> Any:
        began.set()
        assert call.cancelled.wait(_PATIENCE)
        seen.set()
        return "too late"

    with _bench(monkeypatch, hang=hang) as bench, ThreadPoolExecutor(1) as threads:
        asked = threads.submit(hermes_runtime.call, "hang")
        assert began.wait(_PATIENCE)
        bench.desk.cells.ended()
        with pytest.raises(ToolError, match="has ended"):
            asked.result(_PATIENCE)
        assert seen.wait(_PATIENCE)
        [finished] = bench.told
        assert (finished.call.outcome, finished.call.cell_id) == ("error", "cell-1")
        with pytest.raises(ToolDeniedError, match="No cell is running"):
            hermes_runtime.call("hang")


def test_a_call_of_another_cell_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with _bench(monkeypatch, echo=_echo) as bench, bench.connect() as sock:
        sock.sendall(bench.request("echo", cell="message-0"))
        error = _answer(sock)["error"]
        assert (error["data"]["kind"], "has ended" in error["message"]) == ("denied", True)
        sock.sendall(bench.request("echo", cell=_CELL))
        assert _answer(sock)["result"] == {}


def test_a_call_that_nobody_waits_for_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    began, cancelled = threading.Event(), threading.Event()

    def hang(call: Call) -> Any:
        began.set()
        if call.cancelled.wait(_PATIENCE):
            cancelled.set()

    with _bench(monkeypatch, hang=hang) as bench:
        with bench.connect() as sock:
            sock.sendall(bench.request("hang"))
            assert began.wait(_PATIENCE)
        assert cancelled.wait(_PATIENCE)


def test_a_tool_that_hangs_does_not_keep_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    began, go = threading.Event(), threading.Event()

    def hang(call: Call) -> Any:
        began.set()
        go.wait(_PATIENCE)

    with ThreadPoolExecutor(1) as threads:
        with _bench(monkeypatch, hang=hang) as bench:
            asked = threads.submit(hermes_runtime.call, "hang")
            assert began.wait(_PATIENCE)
        with pytest.raises(ToolError, match="run is over"):
            asked.result(_PATIENCE)
        assert bench.broker.at_work == ("hang",)
        go.set()
        with pytest.raises(ToolsUnavailableError):
            hermes_runtime.call("hang")


def test_a_budget_of_seconds_ends_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(call: Call) -> Any:
        return call.cancelled.wait(_PATIENCE)

    policy = Policy.model_validate({"allow": ["*"], "limits": {"run": {"seconds": 0.2}}})
    with _bench(monkeypatch, policy, hang=hang), pytest.raises(ToolError, match="used up the sec"):
        hermes_runtime.call("hang")


def test_budgets_of_calls_are_of_the_cell_and_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {"run": {"calls": 3}, "cell": {"calls": 2}}
    policy = Policy.model_validate({"allow": ["*"], "limits": limits})
    with _bench(monkeypatch, policy, echo=_echo) as bench:
        hermes_runtime.call("echo")
        hermes_runtime.call("echo")
        with pytest.raises(ToolDeniedError, match="The cell has used up its budget of 2 calls"):
            hermes_runtime.call("echo")
        bench.desk.cells.ended()
        bench.desk.cells.began("message-2", "cell-2", None)
        hermes_runtime.call("echo")
        with pytest.raises(ToolDeniedError, match="The run has used up its budget of 3 calls"):
            hermes_runtime.call("echo")


def test_a_budget_of_bytes_counts_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Policy.model_validate({"allow": ["*"], "limits": {"run": {"bytes": "2kB"}}})
    long = lambda call: "x" * int(call.arguments["length"])  # noqa: E731
    with _bench(monkeypatch, policy, long=long):
        with pytest.raises(ToolDeniedError, match="budget of 2,000 bytes"):
            hermes_runtime.call("long", length=1, padding="y" * 3000)
        assert hermes_runtime.call("long", length=10) == "x" * 10
        with pytest.raises(ToolDeniedError, match="The result has 3,002 bytes"):
            hermes_runtime.call("long", length=3000)


def _refuses(call: Call) -> bool:
    if call.arguments.get("raise"):
        raise ValueError("the approver is ill")
    return call.arguments.get("ok") == "yes"


def test_a_call_may_need_approval(monkeypatch: pytest.MonkeyPatch) -> None:
    with _bench(monkeypatch, Policy(allow=("*",), approve=_refuses), echo=_echo):
        assert hermes_runtime.call("echo", ok="yes") == {"ok": "yes"}
        with pytest.raises(ToolDeniedError, match="was not approved"):
            hermes_runtime.call("echo", ok="no")
        with pytest.raises(ToolDeniedError, match="approver is ill"):
            hermes_runtime.call("echo", **{"raise": True})


def test_secrets_are_recorded_nowhere_and_withheld_ones_do_not_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both = {"a": "x s3cr3t-parameter y", "b": ["s3cr3t-variable"]}
    with _bench(monkeypatch, leak=lambda call: both, bad=_raises) as bench:
        answer = hermes_runtime.call("leak", api_key="k", q="s3cr3t-parameter", key="fine")
        with pytest.raises(ToolError, match=r"no \[redacted\]"):
            hermes_runtime.call("bad", what="s3cr3t-variable")
        leak, bad = bench.told
    assert answer == {"a": both["a"], "b": ["[redacted]"]}
    assert leak.call.arguments == {"api_key": "[redacted]", "q": "[redacted]", "key": "fine"}
    assert leak.result == {"a": "x [redacted] y", "b": ["[redacted]"]}
    assert leak.redacted == ("arguments.api_key", "arguments.q", "result.a")
    assert "s3cr3t" not in bad.to_json()


def test_a_forked_copy_of_the_kernel_has_connections_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with _bench(monkeypatch, echo=_echo):
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
