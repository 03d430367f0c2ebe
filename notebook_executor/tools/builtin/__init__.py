"""The tools that come with this package: a terminal, files, the web."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from notebook_executor.tools.tool import Tool

_HOMES = {
    "terminal": "terminal",
    "read_file": "files",
    "write_file": "files",
    "search_files": "searching",
    "patch": "files",
    "web_search": "web",
    "web_extract": "web",
}


@cache
def builtin_tools() -> tuple[Tool, ...]:
    """All of them; which a run may call is its policy's affair."""
    from notebook_executor.tools.callables import tool_from_callable

    return tuple(
        tool_from_callable(name, getattr(import_module(f"{__name__}.{home}"), name), "builtin")
        for name, home in _HOMES.items()
    )
