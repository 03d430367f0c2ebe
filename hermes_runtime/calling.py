"""Calls of the run's tools: what any of them is called by, and what there is to call."""

from __future__ import annotations

import itertools
import json
import os
import sys
import threading
from typing import Any, Callable

from hermes_runtime import local_tools
from hermes_runtime.lines import Lines
from hermes_runtime.tool_errors import KINDS, ToolError, ToolsUnavailableError

SOCKET_VARIABLE = "NBX_TOOLS_SOCKET"
TOKEN_VARIABLE = "NBX_TOOLS_TOKEN"
_RUN_VARIABLE = "NBX_RUN_ID"
_numbers = itertools.count(1)
_lock = threading.Lock()
_run: _Run | None = None
_parent: Callable[[str], Any] | None = None
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_decode = json.JSONDecoder().raw_decode
_MOST_HEADS = 256


class _Run:
    """The run of this kernel: where it is asked, and the beginnings of requests to it."""

    def __init__(self, address: str, token: str) -> None:
        self.lines = Lines(address)
        self._token = token
        self._heads: dict[tuple[str, str | None], bytes] = {}

    def head(self, tool: str, cell: str | None) -> bytes:
        """A call's request, up to its arguments: the same for all calls of a tool by a cell."""
        head = self._heads.get((tool, cell))
        if head is None:
            params = {"token": self._token, "cell": cell, "tool": tool}
            opened = _encode({"jsonrpc": "2.0", "method": "call", "params": params})[:-2]
            head = f'{opened},"arguments":'.encode()
            if len(self._heads) >= _MOST_HEADS:
                self._heads.clear()
            self._heads[tool, cell] = head
        return head

    def list_head(self) -> bytes:
        params = {"token": self._token}
        return _encode({"jsonrpc": "2.0", "method": "tools", "params": params})[:-2].encode()


def call(tool: str, /, **arguments: Any) -> Any:
    """Call a tool of the run by its name, and wait for what it returns.

    ::

        call("read_file", path="orders.csv", limit=10)
        call("tickets.search", query="late deliveries")  # of a server called tickets

    Args:
        tool: Its name; ``tools()`` lists those that this run may call.
        arguments: What the tool takes; anything that JSON can hold.

    Raises:
        ToolDeniedError: The run's policy does not allow it, or a budget is used up.
        ReplayMismatchError: The run is a replay, and this call is not in its recording.
        ToolsUnavailableError: There is no run here, it has no tools, or it is over.
        ToolError: The tool failed, or there is none of this name.
    """
    if not isinstance(tool, str):
        raise TypeError(f"a tool's name must be a str, not {type(tool).__name__}")
    run = _run or _reach()
    if run is None:
        return local_tools.call_local(tool, arguments)
    try:
        text = _encode(arguments)
    except (TypeError, ValueError, RecursionError) as error:
        raise ToolError(
            f"the arguments cannot be sent: {error}", tool=tool, hint="Pass what JSON can hold."
        ) from None
    return _ask(run, tool, run.head(tool, _cell()), text.encode())


class ToolList(list):  # type: ignore[type-arg]
    """The tools, each a dict with ``name``, ``description``, ``parameters`` and ``source``."""

    def __repr__(self) -> str:
        return "\n".join(map(_described, self)) or "This run may call no tools."


def tools() -> list[dict[str, Any]]:
    """The tools that this run may call.

    Each is a dict: ``name``; ``description``; ``parameters``, the JSON Schema of what it takes;
    and ``source``, where it comes from.

    Raises:
        ToolsUnavailableError: There is no run here, it has no tools, or it is over.
    """
    run = _run or _reach()
    if run is None:
        return ToolList(local_tools.local_tools())
    return ToolList(_ask(run, "", run.list_head(), b""))


def _described(tool: dict[str, Any]) -> str:
    schema = tool["parameters"]
    required = schema.get("required", ())
    names = (name if name in required else f"{name}=…" for name in schema.get("properties", {}))
    lines = str(tool["description"]).strip().splitlines()
    about = f"  {lines[0]}" if lines else ""
    return f"{tool['name']}({', '.join(names)}){about}"


def _ask(run: _Run, tool: str, head: bytes, arguments: bytes) -> Any:
    number = next(_numbers)
    begins = b'{"jsonrpc":"2.0","id":%d,"result":' % number
    try:
        answer = run.lines.ask(b'%b%b},"id":%d}\n' % (head, arguments, number), begins)
        if answer.startswith(begins):
            return _decode(answer.decode(), len(begins))[0]
        error = _decode(answer.decode())[0]["error"]
    except FileNotFoundError:
        hang_up()
        raise ToolsUnavailableError("the run that this kernel belonged to is over") from None
    except (OSError, ValueError, LookupError, TypeError) as lost:
        hang_up()
        raise ToolsUnavailableError(
            f"the connection to the run was lost ({lost})",
            tool=tool,
            hint="It is not known whether the call was carried out; it is not sent again.",
        ) from None
    raise _raised(error, tool)


def _raised(error: dict[str, Any], tool: str) -> ToolError:
    data = error.get("data") or {}
    cls = KINDS.get(data.get("kind", ""), ToolError)
    return cls(error["message"], tool=data.get("tool", tool), hint=data.get("hint", ""))


def _reach() -> _Run | None:
    """The run that this kernel belongs to; None where it has none, and does without by itself.

    Raises:
        ToolsUnavailableError: There is none, or it has no tools.
    """
    global _run
    address = os.environ.get(SOCKET_VARIABLE)
    if not address:
        if _is_by_hand() and local_tools.in_use():
            return None
        raise _unavailable()
    with _lock:
        if _run is None:
            _run = _Run(address, os.environ.get(TOKEN_VARIABLE, ""))
        return _run


def hang_up() -> None:
    """Close the connections to the run; another call opens new ones."""
    global _run
    run, _run = _run, None
    if run is not None:
        run.lines.close()


def _leave_parents() -> None:
    global _run, _lock
    run, _run, _lock = _run, None, threading.Lock()
    if run is not None:
        run.lines.leave()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_leave_parents)


def _is_by_hand() -> bool:
    """Whether no run of ours has started this kernel."""
    return not (os.environ.get(SOCKET_VARIABLE) or os.environ.get(_RUN_VARIABLE))


def _unavailable() -> ToolsUnavailableError:
    if not _is_by_hand():
        return ToolsUnavailableError(
            "this run has no tools",
            hint="NotebookExecutor(tools=…, policy=…), or nbx run --policy FILE, gives it some.",
        )
    return ToolsUnavailableError(
        "this kernel does not belong to a run of notebook_executor, so there are no tools to call",
        hint="Run the notebook with nbx run --policy FILE; or, to have some of them carried out "
        "by this kernel, call hermes_runtime.use_local_tools().",
    )


def _cell() -> str | None:
    """The message by which the cell was asked for that the caller belongs to, if it can be told.

    A task belongs to the cell that has made it; a thread, to the cell that is running.
    """
    try:
        return str((_parent or _find_parent())("shell")["header"]["msg_id"])
    except (AttributeError, KeyError, LookupError, TypeError):
        return None


def _find_parent() -> Callable[[str], Any]:
    """The kernel's own way to tell which request is being answered.

    Raises:
        AttributeError: This process is no kernel of IPython's.
    """
    global _parent
    found: Callable[[str], Any] = sys.modules["IPython"].get_ipython().kernel.get_parent
    _parent = found
    return found
