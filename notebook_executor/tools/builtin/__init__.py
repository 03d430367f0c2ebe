"""The tools that come with this package: a terminal, files, the web."""

from __future__ import annotations

from notebook_executor.tools.tool import Tool


def builtin_tools() -> tuple[Tool, ...]:
    """All of them; which a run may call is its policy's affair."""
    return ()
