"""From what a caller gives as ``tools`` to the tools of a run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from fnmatch import fnmatchcase
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from notebook_executor.errors import NotebookExecutorError, ToolError, UsageError
from notebook_executor.text import one_line
from notebook_executor.tools.builtin import builtin_tools
from notebook_executor.tools.callables import tool_from_callable
from notebook_executor.tools.catalogue import Catalogue
from notebook_executor.tools.policy import Policy
from notebook_executor.tools.tool import Tool, ToolSource

ENTRY_POINTS = "notebook_executor.tools"
_LONGEST_REASON = 500

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
def opened_catalogue(
    given: Mapping[str, GivenTool],
    policy: Policy,
    on_problem: Callable[[str], None] = lambda _: None,
) -> Iterator[Catalogue]:
    """The tools of a run, as long as the block lasts.

    Those that the caller gives, those that come with this package, and those of other packages
    (entry points) that the policy has use for: no package is imported for what may not be called.

    Args:
        given: What ``check_tools`` has seen.
        policy: What may be called.
        on_problem: Told of a source that cannot be closed.

    Raises:
        ToolError: A source cannot be opened, or an entry point cannot be loaded.
        UsageError: A function cannot be a tool, or two tools have the same name.
    """
    with ExitStack() as stack:
        tools: list[Tool] = []
        for name, one in given.items():
            tools += stack.enter_context(_tools_of(name, one, "python", on_problem))
        for point in _wanted(policy):
            if point.name not in given:
                loaded = _loaded(point)
                tools += stack.enter_context(
                    _tools_of(point.name, loaded, "entry_point", on_problem)
                )
        # What a caller calls ``terminal`` stands in for ours.
        taken = {tool.name for tool in tools}
        tools += [tool for tool in builtin_tools() if tool.name not in taken]
        yield Catalogue(tools)


@contextlib.contextmanager
def _tools_of(
    name: str, one: Any, source: str, on_problem: Callable[[str], None]
) -> Iterator[Iterable[Tool]]:
    if isinstance(one, Tool):
        yield [replace(one, name=name)]
    elif _is_source(one):
        with _opened(name, one, on_problem) as tools:
            yield tools
    else:
        yield [tool_from_callable(name, one, source)]


@contextlib.contextmanager
def _opened(
    name: str, source: ToolSource, on_problem: Callable[[str], None]
) -> Iterator[Iterable[Tool]]:
    """The tools of a source; whatever it raises, being somebody else's, names it."""
    try:
        opening = source.open(name)
        tools = list(opening.__enter__())
    except Exception as error:
        raise _cannot_be_had(name, error) from error
    try:
        yield tools
    finally:
        # Never with the exception of the block, which is none of the source's.
        try:
            opening.__exit__(None, None, None)
        except Exception as error:
            on_problem(f"The tools {name!r} could not be closed: {_reason(error)}.")


def _cannot_be_had(name: str, error: Exception) -> ToolError:
    hint = error.hint if isinstance(error, NotebookExecutorError) else ""
    return ToolError(
        f"The tools {name!r} cannot be had: {_reason(error)}",
        hint=hint or "See whether what brings them is installed, and runs.",
        tool=name,
    )


def _reason(error: Exception) -> str:
    if isinstance(error, NotebookExecutorError):
        return error.message
    return one_line(f"{type(error).__name__}: {error}", _LONGEST_REASON)


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
            f"The tools {point.name!r} of {point.value} cannot be loaded: {_reason(error)}",
            hint="Repair or uninstall the package that brings them.",
            tool=point.name,
        ) from error
    return check_tools({point.name: loaded})[point.name]
