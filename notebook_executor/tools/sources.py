"""From what a caller gives as ``tools`` to the tools of a run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from fnmatch import fnmatchcase
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from notebook_executor.errors import ToolError, UsageError
from notebook_executor.tools.builtin import builtin_tools
from notebook_executor.tools.callables import tool_from_callable
from notebook_executor.tools.catalogue import Catalogue
from notebook_executor.tools.policy import Policy
from notebook_executor.tools.tool import Tool, ToolSource

ENTRY_POINTS = "notebook_executor.tools"

GivenTool = Tool | ToolSource | Callable[..., Any]
"""What a name may stand for; a source's tools are called ``NAME.tool``."""


def check_tools(given: Mapping[str, GivenTool] | None) -> dict[str, GivenTool]:
    """The tools that a caller gives, after a look at what they are; nothing is opened.

    Raises:
        UsageError: A name stands for something that is none of these.
    """
    if not isinstance(given, Mapping | None):
        raise UsageError(
            f"tools must be a mapping of names, not {type(given).__name__}",
            hint="tools={'price': price}: a function, a Tool, or a source such as McpServer.",
        )
    checked = dict(given or {})
    for name, one in checked.items():
        if not isinstance(name, str) or not name.strip() or any(map(str.isspace, name)):
            raise UsageError(f"tools: {name!r} is no name of a tool", hint="Use one word.")
        if not (isinstance(one, Tool) or _is_source(one) or callable(one)):
            raise UsageError(
                f"tools: {name!r} is of {type(one).__name__}, which cannot be called",
                hint="Give a function, a Tool, or a source such as McpServer.",
            )
    return checked


@contextlib.contextmanager
def opened_catalogue(given: Mapping[str, GivenTool], policy: Policy) -> Iterator[Catalogue]:
    """The tools of a run, as long as the block lasts.

    Those that the caller gives, those that come with this package, and those of other packages
    (entry points) that the policy has use for: no package is imported for what may not be called.

    Raises:
        ToolError: A source cannot be opened, or an entry point cannot be loaded.
        UsageError: A function cannot be a tool, or two tools have the same name.
    """
    with ExitStack() as stack:
        tools: list[Tool] = []
        for name, one in given.items():
            tools += _tools_of(name, one, "python", stack)
        for point in _wanted(policy):
            if point.name not in given:
                tools += _tools_of(point.name, _loaded(point), "entry_point", stack)
        # What a caller calls ``terminal`` stands in for ours.
        taken = {tool.name for tool in tools}
        tools += [tool for tool in builtin_tools() if tool.name not in taken]
        yield Catalogue(tools)


def _tools_of(name: str, one: Any, source: str, stack: ExitStack) -> Iterable[Tool]:
    if isinstance(one, Tool):
        return [replace(one, name=name)]
    if _is_source(one):
        return stack.enter_context(one.open(name))
    return [tool_from_callable(name, one, source)]


def _is_source(one: Any) -> bool:
    return not isinstance(one, type) and callable(getattr(one, "open", None))


def _wanted(policy: Policy) -> list[EntryPoint]:
    """The entry points, by name, that something the policy allows may be of."""
    heads = {pattern.partition(".")[0] for pattern in policy.allow}
    points = entry_points(group=ENTRY_POINTS)
    named = {point.name: point for point in points}
    return [
        named[name]
        for name in sorted(named)
        if policy.allows(name) or any(fnmatchcase(name, head) for head in heads)
    ]


def _loaded(point: EntryPoint) -> GivenTool:
    try:
        loaded = point.load()
    except Exception as error:  # importing somebody else's package can raise anything
        raise ToolError(
            f"The tools {point.name!r} of {point.value} cannot be loaded: "
            f"{type(error).__name__}: {error}",
            hint="Repair or uninstall the package that brings them.",
        ) from error
    return check_tools({point.name: loaded})[point.name]
