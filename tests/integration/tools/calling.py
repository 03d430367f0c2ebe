"""Calling a tool as a broker would, without one."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from notebook_executor.tools.policy import Policy
from notebook_executor.tools.tool import Call, Tool


def call_tool(tool: Tool, cancelled: threading.Event | None = None, **arguments: Any) -> Any:
    """The result of a tool that starts nothing in the run's containment."""
    return tool.run(
        Call(
            tool.name,
            arguments,
            Policy(),
            Path("/"),
            {},
            _starts_nothing,
            cancelled or threading.Event(),
        )
    )


def _starts_nothing(*_: Any, **__: Any) -> Any:
    raise AssertionError("this tool starts nothing")
