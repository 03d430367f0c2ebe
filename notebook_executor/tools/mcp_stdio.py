"""An MCP server as a process of its own, contained like a kernel: nothing of it outlives the run.

Its standard input and output are a socket of its private directory, which it is connected to
before its command is executed.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from notebook_executor.errors import KernelStartError, ToolError
from notebook_executor.lifecycle.containment import Contained
from notebook_executor.lifecycle.environment import looks_secret
from notebook_executor.lifecycle.launching import OUTPUT_FILE
from notebook_executor.lifecycle.shared_containment import SHARED
from notebook_executor.text import one_line, tail
from notebook_executor.tools.redaction import RedactionRules, Redactor

Streams = tuple[
    MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]
]
_GRACE_SECONDS = 2.0
_SAID = 300
# asyncio's own limit is 64 KiB; a line is one message, and one message may be a whole file.
_LINE_BYTES = 256 * 1024 * 1024
_CONNECT_AND_EXECUTE = """
import os, socket, sys
end = socket.socket(socket.AF_UNIX)
end.connect(sys.argv[1])
os.dup2(end.fileno(), 0)
os.dup2(end.fileno(), 1)
end.close()
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.exit(f"{sys.argv[2]}: {error.strerror}")
"""


@contextlib.contextmanager
def running_server(
    name: str, command: Sequence[str], env: Mapping[str, str], cwd: Path, timeout: float
) -> Iterator[ServerProcess]:
    """Start a server; when the block is left, it and all it has started have ended.

    Args:
        name: What it is called in messages.
        command: Its program and arguments.
        env: Its whole environment.
        cwd: Where it starts.
        timeout: Seconds within which its process must have started.

    Raises:
        ToolError: It did not start.
    """
    try:
        contained = SHARED.open(host_view=True, required=None, record={"kernel": f"mcp:{name}"})
    except KernelStartError as error:
        raise _not_started(name, error.message) from error
    try:
        with contextlib.closing(_launched(name, contained, command, env, cwd, timeout)) as end:
            yield ServerProcess(contained, end, env)
            # The end of its input is what asks a server to end (MCP, "Lifecycle": Shutdown).
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            contained.wait(_GRACE_SECONDS)
    finally:
        SHARED.end(contained)
        SHARED.rest()


class ServerProcess:
    """A running server: its end of the conversation, and what it has said on standard error."""

    def __init__(self, contained: Contained, end: socket.socket, env: Mapping[str, str]) -> None:
        self._contained = contained
        self._end = end
        self._env = env

    def said(self) -> str:
        """The end of what it wrote to standard error, on one line; empty if nothing.

        What its environment has under a name that says that it is secret is struck out.
        """
        return _said(self._contained, self._env)

    @contextlib.asynccontextmanager
    async def transport(self) -> AsyncIterator[Streams]:
        """Its messages, as the SDK wants them; used once."""
        reader, writer = await asyncio.open_unix_connection(sock=self._end.dup(), limit=_LINE_BYTES)
        arriving, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        outgoing, leaving = anyio.create_memory_object_stream[SessionMessage](0)

        async def read() -> None:
            async with arriving:
                with contextlib.suppress(OSError, anyio.BrokenResourceError):
                    while line := await reader.readline():
                        await arriving.send(_message(line))

        async def write() -> None:
            async with leaving:
                with contextlib.suppress(OSError):
                    async for message in leaving:
                        text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                        writer.write(text.encode() + b"\n")
                        await writer.drain()

        async with incoming, outgoing, anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            tasks.start_soon(write)
            try:
                yield incoming, outgoing
            finally:
                tasks.cancel_scope.cancel()
                writer.close()


def _message(line: bytes) -> SessionMessage | Exception:
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError as error:
        return error


def _launched(
    name: str,
    contained: Contained,
    command: Sequence[str],
    env: Mapping[str, str],
    cwd: Path,
    timeout: float,
) -> socket.socket:
    path = str(contained.directory / "stdio")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(1)
        relay = [sys.executable, "-I", "-S", "-c", _CONNECT_AND_EXECUTE, path, *command]
        try:
            contained.launch(relay, env, cwd)
        except KernelStartError as error:
            raise _not_started(name, error.message) from error
        _await_connection(listener, contained, name, env, timeout)
        return listener.accept()[0]


def _await_connection(
    listener: socket.socket,
    contained: Contained,
    name: str,
    env: Mapping[str, str],
    timeout: float,
) -> None:
    deadline = time.monotonic() + timeout
    while not select.select([listener], [], [], 0)[0]:
        left = deadline - time.monotonic()
        if left <= 0:
            raise _not_started(name, f"it took more than {timeout:g} s")
        ready = select.select([listener.fileno(), contained.death_fd], [], [], left)[0]
        if ready == [contained.death_fd]:
            raise _not_started(name, _said(contained, env) or "it has ended")


def _said(contained: Contained, env: Mapping[str, str]) -> str:
    try:
        written = (contained.directory / OUTPUT_FILE).read_bytes()[-10 * _SAID :]
    except OSError:
        return ""
    secrets = [value for variable, value in env.items() if looks_secret(variable)]
    told = Redactor(RedactionRules(), known=secrets).message(written.decode(errors="replace"))
    return tail(one_line(told, 10 * _SAID), _SAID)


def _not_started(name: str, reason: str) -> ToolError:
    return ToolError(
        f"The MCP server {name!r} did not start: {reason}",
        hint="Try its command by hand; it must speak MCP on standard input and output.",
    )
