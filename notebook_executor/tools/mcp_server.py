"""The tools of MCP servers, through the official SDK (extra ``mcp``)."""

from __future__ import annotations

import concurrent.futures
import contextlib
import math
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notebook_executor.errors import ToolError, UsageError
from notebook_executor.lifecycle.environment import filter_environment
from notebook_executor.text import clip
from notebook_executor.tools.tool import Call, Tool

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal
    from mcp import Client
    from mcp.client import Transport
    from mcp_types import CallToolResult
    from mcp_types import Tool as McpTool

    from notebook_executor.tools.mcp_stdio import ServerProcess

_LOOK_SECONDS = 0.05
_MESSAGE = 4_000


@dataclass(frozen=True)
class McpServer:
    """An MCP server, whose tools a notebook may call: ``tools={"fleet": McpServer([...])}``.

    A server with a command is started for each run, contained like its kernel, and ends with it.
    Its environment is this process's without what looks secret, and ``env``.

    Attributes:
        command: The program and its arguments, for a server that speaks on standard input and
            output.
        url: The endpoint, for a server that speaks Streamable HTTP.
        env: Added to the environment of ``command``.
        cwd: Where ``command`` starts; None for this process's working directory.
        headers: Sent with each request to ``url``; they are recorded nowhere.
        timeout: Seconds for the start and for listing the tools.

    Raises:
        UsageError: There is neither a command nor a URL, or both.
    """

    command: tuple[str, ...] | list[str] = ()
    url: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str | os.PathLike[str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: float = 30.0

    def __post_init__(self) -> None:
        if isinstance(self.command, str) or bool(self.command) == bool(self.url):
            raise UsageError(
                "An MCP server has either a command (a list of words) or a URL",
                hint="McpServer(['python', 'server.py']) or McpServer(url='http://…/mcp').",
            )

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[list[Tool]]:
        """See ``ToolSource.open``."""
        _check_installed()
        from anyio.from_thread import start_blocking_portal

        with ExitStack() as stack:
            server = self._started(name, stack)
            portal = stack.enter_context(start_blocking_portal(name=f"nbx-mcp-{name}"))
            with _translated(name, server):
                session = _Session(name, portal, server, self.timeout)
                connecting = portal.wrap_async_context_manager(self._client(server))
                session.client = connecting.__enter__()
                stack.callback(_leave, connecting)
                tools = session.tools()
            yield tools

    def _started(self, name: str, stack: ExitStack) -> ServerProcess | None:
        if self.url is not None:
            return None
        from notebook_executor.tools.mcp_stdio import running_server

        environment, _ = filter_environment(os.environ, ())
        cwd = Path(self.cwd or ".").absolute()
        env = {**environment, **self.env}
        return stack.enter_context(running_server(name, self.command, env, cwd, self.timeout))

    @contextlib.asynccontextmanager
    async def _client(self, server: ServerProcess | None) -> AsyncIterator[Client]:
        """A client that has shaken hands."""
        import anyio
        from mcp import Client

        # Around the client as a whole: within it, the scopes of its own tasks would be crossed.
        with anyio.CancelScope(deadline=anyio.current_time() + self.timeout) as start:
            async with AsyncExitStack() as stack:
                transport = server.transport() if server else await self._http(stack)
                client = await stack.enter_async_context(Client(transport))
                start.deadline = math.inf
                yield client
        if start.cancelled_caught:
            raise TimeoutError

    async def _http(self, stack: AsyncExitStack) -> Transport:
        import httpx2
        from mcp.client.streamable_http import streamable_http_client

        assert self.url is not None
        # A server may hold a response open while the tool runs; the call's own deadline ends it.
        timeout = httpx2.Timeout(self.timeout, read=None)
        http = httpx2.AsyncClient(headers=dict(self.headers), timeout=timeout)
        return streamable_http_client(self.url, http_client=await stack.enter_async_context(http))


class _Session:
    """A connection to a server, used from several threads; its loop has a thread of its own."""

    def __init__(
        self, name: str, portal: BlockingPortal, server: ServerProcess | None, timeout: float
    ) -> None:
        self.name = name
        self._timeout = timeout
        self._portal = portal
        self._server = server
        self.client: Client

    def tools(self) -> list[Tool]:
        return [
            Tool(
                name=f"{self.name}.{one.name}",
                run=partial(self._call, one.name),
                description=one.description or "",
                parameters=one.input_schema,
                source=f"mcp:{self.name}",
            )
            for one in self._portal.call(self._listed)
        ]

    async def _listed(self) -> list[McpTool]:
        import anyio

        tools: list[McpTool] = []
        cursor: str | None = None
        with anyio.fail_after(self._timeout):
            while True:
                page = await self.client.list_tools(cursor=cursor)
                tools += page.tools
                cursor = page.next_cursor
                if cursor is None:
                    return tools

    def _call(self, tool: str, call: Call) -> Any:
        with _translated(self.name, self._server):
            asked = self._portal.start_task_soon(self._ask, tool, dict(call.arguments))
            while not concurrent.futures.wait([asked], _LOOK_SECONDS).done:
                if call.cancelled.is_set():
                    # The SDK tells the server that nobody waits for it any more.
                    asked.cancel()
                    raise ToolError(f"The call of {call.tool} was cancelled")
            return _value(call.tool, asked.result())

    async def _ask(self, tool: str, arguments: dict[str, Any]) -> CallToolResult:
        return await self.client.call_tool(tool, arguments)


def _value(tool: str, result: CallToolResult) -> Any:
    """What a notebook gets: the structured content, else the text, else the blocks as they are."""
    text = "\n".join(block.text for block in result.content if block.type == "text")
    if result.is_error:
        raise ToolError(clip(text, _MESSAGE) or f"{tool} failed, and does not say why")
    if result.structured_content is not None:
        return result.structured_content
    if all(block.type == "text" for block in result.content):
        return text
    return [block.model_dump(mode="json", by_alias=True) for block in result.content]


def _leave(connecting: AbstractContextManager[Client]) -> None:
    """Close a connection, which may have broken: then the calls that it was for were told so.

    Never with the exception of the block: the task groups within would wrap it.
    """
    with contextlib.suppress(Exception):
        connecting.__exit__(None, None, None)


@contextlib.contextmanager
def _translated(name: str, server: ServerProcess | None) -> Iterator[None]:
    """Any failure to talk with a server is a ``ToolError`` that names it, and what it has said."""
    try:
        yield
    except ToolError:
        raise
    except concurrent.futures.CancelledError as error:
        raise ToolError(f"The MCP server {name!r} is being closed") from error
    except Exception as error:
        said = server.said() if server else ""
        raise ToolError(
            f"The MCP server {name!r}: {_reason(error)}" + (f" (it said: {said})" if said else ""),
            hint="See whether it runs, and whether it speaks MCP.",
        ) from error


def _reason(error: BaseException) -> str:
    # A task group wraps what happened in it.
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TimeoutError):
        return "it does not answer"
    return str(error) or type(error).__name__


def _check_installed() -> None:
    if find_spec("mcp") is None:
        raise UsageError(
            "MCP servers need the package mcp, which is not installed",
            hint="pip install 'notebook_executor[mcp]'",
        )
