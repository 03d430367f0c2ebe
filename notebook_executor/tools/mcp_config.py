"""MCP servers from the file that other clients of theirs read: ``{"mcpServers": {…}}``."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from notebook_executor.errors import UsageError
from notebook_executor.tools.mcp_server import McpServer

_VARIABLE = re.compile(r"\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_FORM = '{"mcpServers": {"NAME": {"command": "program", "args": []}}}, or "url" for "command".'
_TRANSPORTS = (None, "stdio", "http", "streamable-http", "streamableHttp")


def load_mcp_servers(path: str | os.PathLike[str]) -> dict[str, McpServer]:
    """The servers that a configuration file names, for ``NotebookExecutor(tools=…)``.

    Of each server ``command``, ``args``, ``env``, ``cwd``, ``url`` and ``headers`` are heeded;
    one that is ``disabled`` is left out, and what only other clients know is passed over. In
    texts, ``${NAME}`` and ``${NAME:-otherwise}`` stand for variables of the environment. A
    relative ``cwd`` starts at the file's folder.

    Raises:
        UsageError: The file cannot be read, or does not say what a server is.
    """
    file = Path(path)
    servers = _loaded(file)
    return {
        name: _Reader(file, name).server(told)
        for name, told in servers.items()
        if not (isinstance(told, dict) and told.get("disabled") is True)
    }


def _loaded(file: Path) -> Mapping[str, Any]:
    try:
        loaded = json.loads(file.read_text("utf-8-sig"))
    except FileNotFoundError as error:
        raise UsageError(f"There is no file {file}", hint="Name one that is.") from error
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{file} cannot be read: {reason}", hint=f"It is JSON: {_FORM}") from error
    servers = loaded.get("mcpServers") if isinstance(loaded, dict) else None
    if not isinstance(servers, dict):
        raise UsageError(f'{file} has no "mcpServers"', hint=f"It has the form {_FORM}")
    return servers


class _Reader:
    """What a file says of one server."""

    def __init__(self, file: Path, name: str) -> None:
        self._file, self._name = file, name

    def server(self, told: Any) -> McpServer:
        if not isinstance(told, dict):
            raise self._wrong("is not an object")
        kind = told.get("type", told.get("transport"))
        if kind not in _TRANSPORTS:
            raise self._wrong(f"speaks {kind!r:.30}; only stdio and http are spoken here")
        command, url = self._command(told), self._text("url", told.get("url"))
        if bool(command) == bool(url):
            raise self._wrong("has both a command and a URL, or neither")
        cwd = self._text("cwd", told.get("cwd"))
        return McpServer(
            command,
            url,
            env=self._texts("env", told),
            cwd=None if cwd is None else self._file.absolute().parent / cwd,
            headers=self._texts("headers", told),
        )

    def _command(self, told: Mapping[str, Any]) -> tuple[str, ...]:
        args = told.get("args", [])
        if not isinstance(args, list):
            raise self._wrong('has "args" that are no list')
        program = self._text("command", told.get("command"))
        words = [self._text("args", one) for one in args]
        return tuple(word for word in (program, *words) if word is not None) if program else ()

    def _texts(self, field: str, told: Mapping[str, Any]) -> dict[str, str]:
        given = told.get(field) or {}
        if not isinstance(given, dict):
            raise self._wrong(f'has "{field}" that is no object')
        return {name: self._text(field, value) or "" for name, value in given.items()}

    def _text(self, field: str, value: Any) -> str | None:
        if value is None:
            return None
        if not isinstance(value, str):
            raise self._wrong(f'has something in "{field}" that is no text')
        return _VARIABLE.sub(self._variable, value)

    def _variable(self, found: re.Match[str]) -> str:
        value = os.environ.get(found[1], found[2])
        if value is None:
            raise UsageError(
                f"{self._file}: the server {self._name!r} wants the variable {found[1]}, "
                "which is not set",
                hint="Set it, or write ${NAME:-otherwise}.",
            )
        return value

    def _wrong(self, what: str) -> UsageError:
        return UsageError(f"{self._file}: the server {self._name!r} {what}", hint=f"So: {_FORM}")
