"""The tools that a run knows."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any

from notebook_executor.errors import ToolError, UsageError
from notebook_executor.tools.policy import Policy
from notebook_executor.tools.tool import Tool


class Catalogue:
    """Tools by their names, each name once.

    Raises:
        UsageError: Two tools have the same name.
    """

    def __init__(self, tools: Iterable[Tool]) -> None:
        self._tools: dict[str, Tool] = {}
        for tool in tools:
            other = self._tools.setdefault(tool.name, tool)
            if other is not tool:
                raise UsageError(
                    f"There are two tools called {tool.name!r}, of {other.source} and of "
                    f"{tool.source}",
                    hint="Give one of them another name.",
                )

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools.values())

    def __getitem__(self, name: str) -> Tool:
        """The tool of that name.

        Raises:
            ToolError: There is none.
        """
        if name in self._tools:
            return self._tools[name]
        close = difflib.get_close_matches(name, self._tools, n=1, cutoff=0.5)
        hint = f"Did you mean {close[0]!r}?" if close else "tools() tells which there are."
        raise ToolError(f"There is no tool {name!r}", hint=hint, tool=name)

    def describe(self, policy: Policy) -> list[dict[str, Any]]:
        """What may be called, with schemas."""
        return [tool.describe() for tool in self if policy.allows(tool.name)]
