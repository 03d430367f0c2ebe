"""A broker with tools, the client's side of it in the same process, and no run around them."""

from __future__ import annotations

import json
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from hermes_runtime import calling
from notebook_executor.tools.audit import FinishedCall
from notebook_executor.tools.broker import SOCKET_VARIABLE, TOKEN_VARIABLE, Broker
from notebook_executor.tools.catalogue import Catalogue
from notebook_executor.tools.desk import Desk, Surroundings
from notebook_executor.tools.policy import Policy
from notebook_executor.tools.redaction import Redactor
from notebook_executor.tools.tool import Call, Tool

PATIENCE = 30.0
CELL = "message-1"


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
        sock.settimeout(PATIENCE)
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

    def compact_request(self, tool: str, cell: str, number: int, **arguments: Any) -> bytes:
        """As ``hermes_runtime`` writes it."""
        token = self.env[TOKEN_VARIABLE]
        params: dict[str, Any] = {"token": token, "cell": cell, "tool": tool}
        params |= {"arguments": arguments}
        message = {"jsonrpc": "2.0", "method": "call", "params": params, "id": number}
        return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def answer(sock: socket.socket) -> Any:
    with sock.makefile("rb") as lines:
        return json.loads(lines.readline())


@contextmanager
def bench_of(
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
        bench.desk.cells.began(CELL, "cell-1", None)
        yield bench


def echo(call: Call) -> Any:
    return dict(call.arguments)
