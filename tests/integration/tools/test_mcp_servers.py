from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from notebook_executor.errors import ToolError, UsageError
from notebook_executor.tools.mcp_server import McpServer
from notebook_executor.tools.tool import Tool
from tests.integration.tools.calling import call_tool
from tests.waiting import wait_until

_EXAMPLE = str(Path(__file__).with_name("mcp_example.py"))
_STDIO = [sys.executable, _EXAMPLE]


@contextlib.contextmanager
def opened(server: McpServer) -> Iterator[dict[str, Tool]]:
    with server.open("shop") as tools:
        yield {tool.name.removeprefix("shop."): tool for tool in tools}


def test_the_tools_of_a_server_on_stdio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "hunter2")

    with opened(McpServer(_STDIO, env={"SHOP_KEY": "given"})) as tools:
        assert (tools["add"].name, tools["add"].source) == ("shop.add", "mcp:shop")
        assert tools["add"].description == "Add two numbers."
        assert tools["add"].parameters["required"] == ["a"]

        assert call_tool(tools["add"], a=2) == {"result": 3}
        assert call_tool(tools["table"]) == {"rows": [{"name": "é", "value": 1.5}]}
        assert call_tool(tools["words"]) == "plain words"
        picture = call_tool(tools["picture"])
        assert (picture[0]["type"], picture[0]["data"]) == ("image", "aGk=")
        assert len(call_tool(tools["large"], characters=1_000_000)["result"]) == 1_000_000
        assert call_tool(tools["variable"], name="SHOP_KEY") == {"result": "given"}
        assert call_tool(tools["variable"], name="SHOP_TOKEN") == {"result": "(not set)"}
        with pytest.raises(ToolError, match="there is no such order"):
            call_tool(tools["fail"])
        with pytest.raises(ToolError, match="valid integer"):
            call_tool(tools["add"], a="two")


def test_a_server_ends_with_all_it_has_started(tmp_path: Path) -> None:
    with opened(McpServer(_STDIO)) as tools:
        call_tool(tools["start_daemon"], folder=str(tmp_path))
        daemon = psutil.Process(int((tmp_path / "daemon.pid").read_text()))
        assert daemon.is_running()

    assert not daemon.is_running()


def test_a_cancelled_call_is_cancelled_on_the_server(tmp_path: Path) -> None:
    cancelled = threading.Event()
    failures: list[ToolError] = []

    def call() -> None:
        with pytest.raises(ToolError) as caught:
            call_tool(tools["wait_for_cancel"], cancelled, folder=str(tmp_path))
        failures.append(caught.value)

    with opened(McpServer(_STDIO)) as tools:
        caller = threading.Thread(target=call)
        caller.start()
        wait_until((tmp_path / "called").exists)
        cancelled.set()
        caller.join()
        wait_until((tmp_path / "cancelled").exists)
        assert "cancelled" in failures[0].message
        assert call_tool(tools["add"], a=1) == {"result": 2}


def test_a_server_that_dies_fails_its_calls_and_says_why() -> None:
    with opened(McpServer(_STDIO)) as tools:
        for _ in range(2):
            with pytest.raises(ToolError, match=r"shop.*the server dies"):
                call_tool(tools["die"])


@pytest.mark.parametrize(
    ("command", "timeout", "reason"),
    [
        (["/no/such/server"], 30, "No such file"),
        ([sys.executable, "-c", "raise SystemExit('no licence')"], 30, "no licence"),
        ([sys.executable, "-c", "import time; time.sleep(600)"], 1, "does not answer"),
        (["cat"], 30, "shop"),
    ],
)
def test_what_does_not_start_or_does_not_speak_mcp_is_named(
    command: list[str], timeout: float, reason: str
) -> None:
    with pytest.raises(ToolError, match=reason), opened(McpServer(command, timeout=timeout)):
        pass


def test_what_a_server_says_does_not_tell_its_token() -> None:
    complaint = (
        "import os, sys; sys.exit(f'bad token {os.environ[\"SHOP_TOKEN\"]} of {os.getcwd()}')"
    )
    server = McpServer([sys.executable, "-c", complaint], env={"SHOP_TOKEN": "s3cr3t-of-shop"})
    with pytest.raises(ToolError, match=r"bad token \[redacted\] of /") as raised, opened(server):
        pass
    assert "s3cr3t" not in str(raised.value)


def test_the_tools_of_a_server_over_http() -> None:
    with http_server() as url, opened(McpServer(url=url, headers={"X-Fleet": "north"})) as tools:
        assert call_tool(tools["add"], a=2) == {"result": 3}
        assert call_tool(tools["header"]) == {"result": "north"}
        with pytest.raises(ToolError):
            call_tool(tools["die"])


def test_a_server_that_is_not_there_is_named() -> None:
    with http_server() as url:
        gone = url
    with pytest.raises(ToolError, match="shop"), opened(McpServer(url=gone, timeout=30)):
        pass


@pytest.mark.parametrize("given", [{}, {"command": ["x"], "url": "http://x"}, {"command": "x"}])
def test_a_server_has_either_a_command_or_a_url(given: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="either a command"):
        McpServer(**given)  # type: ignore[arg-type]


def test_headers_are_not_shown() -> None:
    assert "hunter2" not in repr(McpServer(url="http://x", headers={"Authorization": "hunter2"}))


@contextlib.contextmanager
def http_server() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, _EXAMPLE, "http"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        port = process.stdout.readline().decode().strip()
        yield f"http://127.0.0.1:{port}/mcp"
        process.stdin.close()
        process.wait(30)
