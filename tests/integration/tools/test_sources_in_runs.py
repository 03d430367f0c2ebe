"""Runs whose tools cannot be had, or cannot be written down: they end by saying so, or go on."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from notebook_executor import Event, NotebookExecutor
from notebook_executor.errors import ToolDeniedError
from notebook_executor.tools import McpServer, Tool

if TYPE_CHECKING:
    from notebook_executor.tools.tool import ToolSource
    from tests.conftest import MakeNotebook


class Raising:
    """A source with something wrong in it."""

    def __init__(self, opens: bool) -> None:
        self._opens = opens

    @contextmanager
    def open(self, name: str) -> Iterator[list[Tool]]:
        if not self._opens:
            raise ConnectionRefusedError("nobody is there")
        yield [Tool(f"{name}.one", lambda call: 1)]
        raise OSError("it is gone already")


class NoSource:
    def open(self, name: str) -> Any:
        return None


def no_annotations(x: NoSuchType) -> int:  # type: ignore[name-defined]  # noqa: F821
    return 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (Raising(opens=False), "The tools 'shop' cannot be had: ConnectionRefusedError: nobody"),
        (NoSource(), "The tools 'shop' cannot be had: AttributeError"),
        (McpServer(["/no/such/program"]), "The tools 'shop' cannot be had: "),
        (McpServer([sys.executable, "-c", "raise SystemExit('no licence')"]), "no licence"),
        (no_annotations, "tool 'shop': its signature cannot be read"),
    ],
    ids=["raises", "is none", "no program", "exits", "no tool"],
)
def test_tools_that_cannot_be_had_end_the_run_and_are_named(
    given: ToolSource, said: str, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    _check_that_it_ends(given, said, make_notebook("print('it ran')"), tmp_path)


def test_a_server_that_nobody_serves_ends_the_run(
    make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        server = McpServer(url=f"http://127.0.0.1:{taken.getsockname()[1]}/mcp")
        path = make_notebook("print('it ran')")
        _check_that_it_ends(server, "The MCP server 'shop': ", path, tmp_path)


def _check_that_it_ends(given: ToolSource, said: str, path: Path, tmp_path: Path) -> None:
    with NotebookExecutor(tmp_path, tools={"shop": given}) as executor:
        result = executor.execute(path, False)

    assert result.error is not None
    assert (result.error.kind, result.error.retryable) == ("tool_denied", True), result
    assert said in result.error.message
    assert "'shop'" in result.error.message
    assert result.error.hint
    assert (result.cells_executed, result.kernel.python) == (0, None)
    assert not list(tmp_path.glob(".nbx/runs/*/traceback.txt"))
    with pytest.raises(ToolDeniedError, match="shop"):
        result.raise_for_error()


def test_tools_that_cannot_be_closed_are_a_warning(
    make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    path = make_notebook("import hermes_runtime\nhermes_runtime.call('shop.one')")

    with NotebookExecutor(tmp_path, tools={"shop": Raising(opens=True)}) as executor:
        result = executor.execute(path, False)

    assert result.ok, result
    assert "The tools 'shop' could not be closed: OSError: it is gone already." in result.warnings


def test_calls_that_cannot_be_written_down_are_a_warning(
    make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    path = make_notebook("import hermes_runtime\nprint(hermes_runtime.call('one'))")

    def in_the_way(event: Event) -> None:
        if event.kind == "run_started":
            (tmp_path / ".nbx" / "runs" / event.run_id / "tools.jsonl").mkdir()

    with NotebookExecutor(tmp_path, tools={"one": lambda: 1}) as executor:
        result = executor.execute(path, False, on_event=in_the_way)

    assert result.ok, result
    assert "The record of tool calls could not be opened: Is a directory." in result.warnings
    assert [call.tool for call in result.tool_calls] == ["one"]
