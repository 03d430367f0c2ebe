"""The wire's messages: JSON-RPC 2.0, one object a line, UTF-8.

Requests: ``{"jsonrpc": "2.0", "id", "method": "call", "params": {"token", "cell", "tool",
"arguments"}}``, where ``cell`` is the id of the execute_request, or null where the caller cannot
tell; and ``"tools"`` with ``{"token"}``. An error's ``data`` has ``kind``, ``tool`` and ``hint``.
"""

from __future__ import annotations

import hmac
import json
import re
from typing import Any, Literal, NamedTuple

from notebook_executor.tools.underway import Reply

FRAME_LIMIT = 16 << 20
PARSE_ERROR, INVALID_REQUEST, NO_METHOD, INVALID_PARAMS = -32700, -32600, -32601, -32602
TOOL_ERROR, UNAUTHORIZED, TOO_LARGE, TOO_MANY = -32000, -32001, -32002, -32003
_decode = json.JSONDecoder().raw_decode
_REST = re.compile(r'\},"id":([0-9]{1,18})\}')


class FrameError(Exception):
    """A line that is no request.

    Attributes:
        code: JSON-RPC's, or one of ours.
        number: The request's id, as far as it can be read.
        fatal: Whether nothing more is to be read from the connection.
    """

    def __init__(self, code: int, message: str, number: Any = None, *, fatal: bool = False) -> None:
        super().__init__(message)
        self.code, self.number, self.fatal = code, number, fatal

    def response(self) -> bytes:
        kind = {"kind": "unavailable"} if self.code == UNAUTHORIZED else {"kind": "error"}
        return _error(self.number, self.code, str(self), kind)


class Request(NamedTuple):
    """A line that is a request, from somebody who knows the token."""

    number: int | str
    method: Literal["call", "tools"]
    tool: str
    arguments: dict[str, Any]
    cell: str | None


class RequestReader:
    """Reads the requests of one connection.

    A cell's calls of one tool begin alike, up to their arguments; what begins like the request
    before needs no other look at that.

    Args:
        token: What a request must hold.
    """

    def __init__(self, token: str) -> None:
        self._token = token
        self._head = b""
        self._known = Request(0, "call", "", {}, None)

    def read(self, frame: bytes) -> Request:
        """The request that a line holds.

        Raises:
            FrameError: It holds none, or not the token.
        """
        head = self._head
        if head and hmac.compare_digest(frame[: len(head)], head):
            try:
                text = frame[len(head) :].decode()
                arguments, end = _decode(text)
            except (ValueError, RecursionError):
                return read_request(frame, self._token)
            rest = _REST.fullmatch(text, end)
            if rest is not None and isinstance(arguments, dict):
                _, method, tool, _, cell = self._known
                return Request(int(rest[1]), method, tool, arguments, cell)
        return self._read_whole(frame)

    def _read_whole(self, frame: bytes) -> Request:
        request = read_request(frame, self._token)
        if request.method == "call":
            params = {"token": self._token, "cell": request.cell, "tool": request.tool}
            opened = _line({"jsonrpc": "2.0", "method": "call", "params": params})[:-3]
            self._head = opened + b',"arguments":'
            self._known = request
        return request


def read_request(frame: bytes, token: str) -> Request:
    """The request that a line holds.

    Raises:
        FrameError: It holds none, or not the token.
    """
    try:
        loaded = json.loads(frame)
    except (ValueError, RecursionError) as error:
        raise FrameError(PARSE_ERROR, f"This is not JSON: {error}") from None
    if not isinstance(loaded, dict) or loaded.get("jsonrpc") != "2.0":
        raise FrameError(INVALID_REQUEST, "This is not a JSON-RPC 2.0 request object")
    number, params = loaded.get("id"), loaded.get("params")
    if not isinstance(number, int | str):
        raise FrameError(INVALID_REQUEST, "A request needs an id")
    if not isinstance(params, dict):
        raise FrameError(INVALID_PARAMS, "params must be an object", number)
    given = params.get("token")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), token.encode()):
        raise FrameError(UNAUTHORIZED, "The token is not that of this run", number, fatal=True)
    return _request(number, loaded.get("method"), params)


def _request(number: int | str, method: Any, params: dict[str, Any]) -> Request:
    if method == "tools":
        return Request(number, "tools", "", {}, None)
    if method != "call":
        raise FrameError(NO_METHOD, f"There is no method {method!r:.50}", number)
    tool, arguments, cell = params.get("tool"), params.get("arguments"), params.get("cell")
    if not isinstance(tool, str) or not isinstance(arguments, dict):
        raise FrameError(INVALID_PARAMS, "tool must be a text, arguments an object", number)
    if not isinstance(cell, str | None):
        raise FrameError(INVALID_PARAMS, "cell must be a text or null", number)
    return Request(number, "call", tool, arguments, cell)


def response(number: int | str, reply: Reply) -> bytes:
    """The line that answers a call."""
    failure = reply.failure
    if failure is None:
        told = number if type(number) is int else json.dumps(number)
        return f'{{"jsonrpc":"2.0","id":{told},"result":{reply.text}}}\n'.encode()
    data = {"kind": failure.kind, "tool": reply.tool, "hint": failure.hint}
    return _error(number, TOOL_ERROR, failure.message, data)


def result_response(number: int | str, result: Any) -> bytes:
    """The line that answers with a value."""
    return _line({"jsonrpc": "2.0", "id": number, "result": result})


def _error(number: Any, code: int, message: str, data: dict[str, Any]) -> bytes:
    error = {"code": code, "message": message, "data": data}
    return _line({"jsonrpc": "2.0", "id": number, "error": error})


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"
