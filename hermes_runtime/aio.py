"""The same functions for cells that await: ``from hermes_runtime.aio import web_search``.

::

    pages = await asyncio.gather(*(web_extract([url]) for url in urls))

Each call is made by a thread of a pool; cancelling the task leaves the call to end by itself.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Callable

from hermes_runtime import agent_tools, calling
from hermes_runtime.lines import MOST

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import ParamSpec, TypeVar

    _P = ParamSpec("_P")
    _T = TypeVar("_T")

_threads = ThreadPoolExecutor(MOST, "hermes")


def _twin(function: Callable[_P, _T]) -> Callable[_P, Awaitable[_T]]:
    @functools.wraps(function)
    async def awaited(*args: Any, **kwargs: Any) -> Any:
        # In the caller's context: by it the call knows which cell it belongs to.
        work = functools.partial(contextvars.copy_context().run, function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(_threads, work)

    return awaited


call = _twin(calling.call)
tools = _twin(calling.tools)
terminal = _twin(agent_tools.terminal)
read_file = _twin(agent_tools.read_file)
write_file = _twin(agent_tools.write_file)
search_files = _twin(agent_tools.search_files)
patch = _twin(agent_tools.patch)
web_search = _twin(agent_tools.web_search)
web_extract = _twin(agent_tools.web_extract)

__all__ = [
    "call",
    "patch",
    "read_file",
    "search_files",
    "terminal",
    "tools",
    "web_extract",
    "web_search",
    "write_file",
]
