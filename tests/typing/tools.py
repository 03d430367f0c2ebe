"""Tools as users type them, on both sides; never executed, only checked by ``mypy --strict``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, assert_type

import hermes_runtime
from hermes_runtime import aio
from notebook_executor import ExecutionResult, NotebookExecutor
from notebook_executor.tools import (
    Call,
    McpServer,
    Policy,
    Tool,
    ToolRecording,
    load_mcp_servers,
)


def price(item: str, call: Call, currency: str = "EUR") -> float:
    assert_type(call.cell_id, str | None)
    assert_type(call.cwd, Path)
    assert_type(call.cancelled.is_set(), bool)
    assert_type(call.seconds_left(5), float)
    return 9.5


class Shop:
    @contextmanager
    def open(self, name: str) -> Iterator[list[Tool]]:
        yield [Tool(f"{name}.price", lambda call: 3)]


def gives() -> None:
    servers = load_mcp_servers("mcp.json")
    assert_type(servers, dict[str, McpServer])
    executor = NotebookExecutor(
        tools={
            "price": price,
            "shop": Shop(),
            "files": McpServer(["files-mcp", "/data"]),
            "crm": McpServer(url="https://crm.example.org/mcp", headers={"X-Key": "k"}),
            "raw": Tool("raw", lambda call: None, secret_arguments=frozenset(("pin",))),
            **servers,
        },
        policy=Policy(allow=("price", "shop.*"), approve=lambda call: call.tool == "price"),
    )
    NotebookExecutor(policy=Path("policy.yaml"))
    NotebookExecutor(policy={"allow": ["read_file"], "files": {"read": ["."]}})
    assert_type(Policy.load("policy.yaml"), Policy)
    assert_type(executor.execute("in.ipynb", record=True), ExecutionResult)
    executor.execute("in.ipynb", record=ToolRecording("calls.jsonl", ignore={"price": ["at"]}))
    executor.execute("in.ipynb", replay=Path("calls.jsonl"))
    executor.validate("in.ipynb", regression=True, replay=True)
    executor.execute("in.ipynb", replay=5)  # type: ignore[arg-type]
    NotebookExecutor(tools=[price])  # type: ignore[arg-type]


def calls(result: ExecutionResult) -> None:
    for call in result.tool_calls:
        assert_type(call.arguments, dict[str, Any])
        assert_type(call.cell_id, str | None)


async def asks() -> None:
    assert_type(hermes_runtime.terminal("ls")["exit_code"], Any)
    assert_type(hermes_runtime.tools(), list[dict[str, Any]])
    assert_type(await aio.tools(), list[dict[str, Any]])
    told: Mapping[str, Any] = await aio.read_file("a.txt", limit=10)
    assert_type(hermes_runtime.call("shop.price", item=told), Any)
    hermes_runtime.call()  # type: ignore[call-arg]
    await aio.read_file(5)  # type: ignore[arg-type]
