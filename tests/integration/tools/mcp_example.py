"""A real MCP server for tests: on standard input and output, or over HTTP."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ImageContent

server = MCPServer("example")


@server.tool()
def add(a: int, b: int = 1) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def table() -> dict[str, Any]:
    """Something structured."""
    return {"rows": [{"name": "é", "value": 1.5}]}


@server.tool(structured_output=False)
def words() -> str:
    """Text alone."""
    return "plain words"


@server.tool(structured_output=False)
def picture() -> ImageContent:
    """Something that is neither text nor structured."""
    return ImageContent(type="image", data="aGk=", mime_type="image/png")


@server.tool()
def fail() -> str:
    """Fail on purpose."""
    raise ToolError("there is no such order")


@server.tool()
def large(characters: int) -> str:
    """As many characters as are asked for."""
    return "x" * characters


@server.tool()
def variable(name: str) -> str:
    """A variable of the server's environment."""
    return os.environ.get(name, "(not set)")


@server.tool()
async def wait_for_cancel(folder: str) -> str:
    """Say that it was called, and say so when the call is cancelled."""
    place = Path(folder)
    (place / "called").touch()
    try:
        await asyncio.Event().wait()
    finally:
        (place / "cancelled").touch()
    return "never"


@server.tool()
def start_daemon(folder: str) -> int:
    """Start a process that wants to outlive the server."""
    started = subprocess.Popen(
        [sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True
    )
    (Path(folder) / "daemon.pid").write_text(str(started.pid))
    return started.pid


@server.tool()
def header(context: Context) -> str:
    """The header that a request must have."""
    request = context.request_context.request
    return request.headers.get("x-fleet", "(not sent)") if request else "(no request)"


@server.tool()
def die() -> str:
    """End the server in the middle of a call."""
    print("the server dies", file=sys.stderr, flush=True)
    os._exit(3)


def serve_http() -> None:
    """Tell the port on standard output; end with whoever holds standard input."""
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    app = server.streamable_http_app()
    uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listener])


if __name__ == "__main__":
    if sys.argv[1:] == ["http"]:
        serve_http()
    else:
        server.run("stdio")
