"""What a notebook may import from the host that runs it.

::

    from hermes_runtime import glue, read_file

    orders = read_file("orders.csv")
    glue("health_score", 0.94)

``glue`` records a named output. ``terminal``, ``read_file``, ``write_file``, ``search_files``,
``patch``, ``web_search`` and ``web_extract`` are the Hermes agent's tools, carried out by the run
that the kernel belongs to, under its policy; ``tools()`` says what the run may call, ``call`` calls
any of it by name. In a notebook opened by hand there is no run: ``use_local_tools()`` has the
kernel carry out some of them by itself. For cells that await, ``hermes_runtime.aio`` has the same
functions.

The package runs inside kernels, which may belong to another environment and an older Python: it
needs Python 3.9 and the standard library, and never imports ``notebook_executor``.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from hermes_runtime.agent_tools import (
    patch,
    read_file,
    search_files,
    terminal,
    web_extract,
    web_search,
    write_file,
)
from hermes_runtime.calling import call, tools
from hermes_runtime.formats import ScrapError
from hermes_runtime.local_tools import use_local_tools
from hermes_runtime.regluing import reglue, scraps_report
from hermes_runtime.scraps import glue
from hermes_runtime.tool_errors import (
    ReplayMismatchError,
    ToolDeniedError,
    ToolError,
    ToolsUnavailableError,
)

__all__ = [
    "ReplayMismatchError",
    "ScrapError",
    "ToolDeniedError",
    "ToolError",
    "ToolsUnavailableError",
    "call",
    "glue",
    "patch",
    "read_file",
    "reglue",
    "scraps_report",
    "search_files",
    "terminal",
    "tools",
    "use_local_tools",
    "web_extract",
    "web_search",
    "write_file",
]


def __getattr__(name: str) -> Any:
    if name == "aio":  # it has a pool of threads, which most notebooks never need
        return import_module("hermes_runtime.aio")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    # For tab completion: what is offered, without the modules that it comes from.
    return [*__all__, "aio", "__doc__", "__name__"]
