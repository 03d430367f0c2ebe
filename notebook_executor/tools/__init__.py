"""What a notebook may have done outside of its kernel: tools, and who may call which.

A ``Tool`` is what can be called, a ``Call`` one call of it; a ``Catalogue`` holds the tools of a
run, a ``Policy`` says which calls go through. ``paths``, ``commands``, ``hosts`` and ``budgets``
are the policy's rules, each one idea. ``builtin`` holds the tools that come with this package.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from notebook_executor.tools.hermes_agent import HermesTools
    from notebook_executor.tools.mcp_config import load_mcp_servers
    from notebook_executor.tools.mcp_server import McpServer
    from notebook_executor.tools.policy import Policy
    from notebook_executor.tools.recording import ToolRecording
    from notebook_executor.tools.tool import Call, Tool

_HOMES = {
    "Call": "tool",
    "HermesTools": "hermes_agent",
    "McpServer": "mcp_server",
    "Policy": "policy",
    "Tool": "tool",
    "ToolRecording": "recording",
    "load_mcp_servers": "mcp_config",
}

__all__ = [
    "Call",
    "HermesTools",
    "McpServer",
    "Policy",
    "Tool",
    "ToolRecording",
    "load_mcp_servers",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
