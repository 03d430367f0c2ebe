"""What arrives at the socket of the tools and is no request, or none of this run."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

import hermes_runtime
from hermes_runtime import ToolsUnavailableError
from notebook_executor.tools.broker import TOKEN_VARIABLE
from notebook_executor.tools.frames import FRAME_LIMIT
from tests.tool_bench import CELL, answer, bench_of, echo


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
    with bench_of(monkeypatch, echo=echo) as bench:
        with bench.connect() as sock:
            sock.sendall(line + b"\n")
            assert answer(sock)["error"]["code"] == code
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
    with bench_of(monkeypatch, echo=echo) as bench, bench.connect() as sock:
        message = json.loads(bench.request("echo"))
        params = {**message["params"], **change.get("params", {})}
        sock.sendall(json.dumps({**message, **change, "params": params}).encode() + b"\n")
        assert answer(sock)["error"]["code"] == code
        sock.sendall(bench.request("echo", x=2))
        assert answer(sock)["result"] == {"x": 2}


def test_a_wrong_token_closes_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    with bench_of(monkeypatch, echo=echo) as bench:
        monkeypatch.setenv(TOKEN_VARIABLE, "0" * 64)
        with pytest.raises(ToolsUnavailableError, match="token"):
            hermes_runtime.call("echo")
        assert not bench.told


def test_a_frame_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with bench_of(monkeypatch, echo=echo) as bench, bench.connect() as sock:
        sock.sendall(b"x" * (FRAME_LIMIT + (1 << 17)))
        sock.shutdown(socket.SHUT_WR)
        assert answer(sock)["error"]["code"] == -32002
        assert hermes_runtime.call("echo", x=1) == {"x": 1}


def test_a_connection_that_is_cut_in_a_request_hurts_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with bench_of(monkeypatch, echo=echo) as bench:
        with bench.connect() as sock:
            sock.sendall(bench.request("echo")[:20])
        assert hermes_runtime.call("echo", x=1) == {"x": 1}
        assert len(bench.told) == 1


@pytest.mark.parametrize(
    "changed",
    [
        lambda head, rest: head.replace(b'"tool":"echo"', b'"tool":"other"') + rest,
        lambda head, rest: head.replace(b'"cell":"message-1"', b'"cell":"message-0"') + rest,
        lambda head, rest: head.replace(b'"token":"', b'"token":"0') + rest,
        lambda head, rest: head + b'{},"tool":"other"},"id":2}\n',
        lambda head, rest: head + b'[]},"id":2}\n',
        lambda head, rest: head + b'{"x":1},"id":2.5}\n',
        lambda head, rest: head + b'{"x":1},"id":2}}\n',
        lambda head, rest: head + b'{"x":\n',
        lambda head, rest: head + b'"\xff"},"id":2}\n',
    ],
)
def test_what_begins_like_the_call_before_is_looked_at_all_the_same(
    monkeypatch: pytest.MonkeyPatch, changed: Callable[[bytes, bytes], bytes]
) -> None:
    with bench_of(monkeypatch, echo=echo) as bench, bench.connect() as sock:
        first = bench.compact_request("echo", CELL, number=1, x=1)
        head, brace, rest = first.partition(b'{"x":1}')
        with sock.makefile("rb") as lines:
            sock.sendall(first)
            assert json.loads(lines.readline()) == {"jsonrpc": "2.0", "id": 1, "result": {"x": 1}}
            sock.sendall(head + b'{"x":"2"}},"id":2}\n')
            assert json.loads(lines.readline()) == {"jsonrpc": "2.0", "id": 2, "result": {"x": "2"}}
            sock.sendall(changed(head, brace + rest))
            assert "error" in json.loads(lines.readline())
    assert [finished.arguments for finished in bench.told if not finished.failure] == [
        {"x": 1},
        {"x": "2"},
    ]


def test_an_answer_that_nobody_reads_keeps_neither_the_cell_nor_the_other_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    big = lambda call: "x" * (8 << 20)  # noqa: E731
    with bench_of(monkeypatch, echo=echo, big=big) as bench, bench.connect() as sock:
        sock.sendall(bench.request("big"))
        sock.recv(1)
        assert hermes_runtime.call("echo", x=1) == {"x": 1}
        bench.desk.cells.ended()
        assert {finished.tool for finished in bench.told} == {"big", "echo"}
