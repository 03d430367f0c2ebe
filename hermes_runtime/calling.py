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
_ids = itertools.count(1)
_lock = threading.Lock()
_lines: Lines | None = None


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
    if _is_by_hand() and local_tools.in_use():
        return local_tools.call_local(tool, arguments)
    return _ask("call", tool, {"tool": tool, "arguments": arguments, "cell": _cell()})


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
    if _is_by_hand() and local_tools.in_use():
        return ToolList(local_tools.local_tools())
    return ToolList(_ask("tools", "", {}))


def _described(tool: dict[str, Any]) -> str:
    schema = tool["parameters"]
    required = schema.get("required", ())
    names = (name if name in required else f"{name}=…" for name in schema.get("properties", {}))
    lines = str(tool["description"]).strip().splitlines()
    about = f"  {lines[0]}" if lines else ""
    return f"{tool['name']}({', '.join(names)}){about}"


def _ask(method: str, tool: str, params: dict[str, Any]) -> Any:
    lines = _open_lines()
    number = next(_ids)
    params["token"] = os.environ.get(TOKEN_VARIABLE, "")
    frame = _frame(tool, {"jsonrpc": "2.0", "id": number, "method": method, "params": params})
    try:
        answer = lines.ask(frame)
    except FileNotFoundError:
        raise ToolsUnavailableError("the run that this kernel belonged to is over") from None
    except (OSError, ValueError) as error:
        raise ToolsUnavailableError(
            f"the connection to the run was lost ({error})",
            tool=tool,
            hint="It is not known whether the call was carried out; it is not sent again.",
        ) from None
    if "error" in answer:
        raise _raised(answer["error"], tool)
    return answer["result"]


def _frame(tool: str, message: dict[str, Any]) -> bytes:
    try:
        text = json.dumps(message, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ToolError(
            f"the arguments cannot be sent: {error}", tool=tool, hint="Pass what JSON can hold."
        ) from None
    return text.encode() + b"\n"


def _raised(error: dict[str, Any], tool: str) -> ToolError:
    data = error.get("data") or {}
    cls = KINDS.get(data.get("kind", ""), ToolError)
    return cls(error["message"], tool=data.get("tool", tool), hint=data.get("hint", ""))


def _open_lines() -> Lines:
    global _lines
    address = os.environ.get(SOCKET_VARIABLE)
    if not address:
        raise _unavailable()
    with _lock:
        if _lines is None or _lines.address != address:
            if _lines is not None:
                _lines.close()
            _lines = Lines(address)
        return _lines


def hang_up() -> None:
    """Close the connections to the run; another call opens new ones."""
    with _lock:
        if _lines is not None:
            _lines.close()


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
    shell = _shell()
    if shell is None:
        return None
    try:
        return str(shell.kernel.get_parent("shell")["header"]["msg_id"])
    except (AttributeError, KeyError, LookupError, TypeError):
        return None


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    get: Callable[[], Any] | None = getattr(ipython, "get_ipython", None)
    return get() if get is not None else None
