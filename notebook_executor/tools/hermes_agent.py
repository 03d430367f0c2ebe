"""The tools of the Hermes agent that this process is a plugin of.

A plugin of the agent gets a context in ``register(ctx)``; ``ctx.dispatch_tool`` calls a tool of
the agent with the agent's own approvals. Tools are described by the agent's registry.
"""

from __future__ import annotations

import contextlib
import importlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from notebook_executor.errors import ToolDeniedError, ToolError, UsageError
from notebook_executor.text import clip
from notebook_executor.tools.tool import ANY_ARGUMENTS, Call, Tool

_REFUSED = ("blocked", "approval_required", "pending_approval")
_MESSAGE = 4_000


class PluginContext(Protocol):
    """What is needed of the context that the agent hands to its plugins."""

    def dispatch_tool(self, tool_name: str, args: dict[str, Any], **kwargs: Any) -> Any:
        """Call a tool; a JSON text comes back, and never an exception."""


class HermesTools:
    """The agent's tools as a source, ``tools={"agent": HermesTools(ctx)}``, or one by one.

    ``tools={"terminal": HermesTools(ctx).tool("terminal")}`` has the agent's terminal stand in for
    the one of this package. A policy's rules on paths, commands and hosts are those of this
    package's own tools; here the agent's hold.

    Args:
        context: What the agent passed to ``register``.
        names: Which of its tools; None for all that it has when the run starts.
    """

    def __init__(self, context: PluginContext, names: Iterable[str] | None = None) -> None:
        self._context = context
        self._names = None if names is None else frozenset(names)

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[list[Tool]]:
        """See ``ToolSource.open``."""
        registry = _registry()
        names = registry.get_all_tool_names() if self._names is None else self._names
        tools = [self._described(one) for one in registry.get_definitions(set(names), quiet=True)]
        missing = (self._names or frozenset()) - {tool.name for tool in tools}
        if missing:
            raise _unknown(sorted(missing))
        yield [replace(tool, name=f"{name}.{tool.name}") for tool in tools]

    def tool(self, name: str) -> Tool:
        """One of the agent's tools.

        Raises:
            ToolError: The agent has no such tool, or it is not available now.
        """
        found = _registry().get_definitions({name}, quiet=True)
        if not found:
            raise _unknown([name])
        return self._described(found[0])

    def _described(self, definition: Mapping[str, Any]) -> Tool:
        function = definition["function"]
        return Tool(
            name=function["name"],
            run=partial(self._run, function["name"]),
            description=function.get("description") or "",
            parameters=function.get("parameters") or ANY_ARGUMENTS,
            source="hermes",
        )

    def _run(self, name: str, call: Call) -> Any:
        return _value(name, self._context.dispatch_tool(name, dict(call.arguments)))


def _value(name: str, answer: Any) -> Any:
    """What the agent's tool returned; what it reports as an error is raised."""
    try:
        value = json.loads(answer) if isinstance(answer, str) else answer
    except ValueError:
        return answer
    if not isinstance(value, dict):
        return value
    error = clip(str(value.get("error") or ""), _MESSAGE)
    if value.get("status") in _REFUSED:
        raise ToolDeniedError(
            error or f"The agent refused {name}", hint="Its user has to approve of it first."
        )
    # A command that failed or timed out has an exit code, and is an answer.
    if error and "exit_code" not in value:
        raise ToolError(error)
    return value


def _registry() -> Any:
    try:
        return importlib.import_module("tools.registry").registry
    except (ImportError, AttributeError) as error:
        raise UsageError(
            "There is no Hermes agent in this process",
            hint="HermesTools takes the context that a plugin gets in register(ctx).",
        ) from error


def _unknown(names: list[str]) -> ToolError:
    return ToolError(
        f"The Hermes agent has no such tools now: {', '.join(names)}",
        hint="`hermes tools list` shows what it has, and what it lacks for the others.",
    )
