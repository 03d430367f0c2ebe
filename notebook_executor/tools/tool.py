"""A tool, and one call of it while it runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from notebook_executor.lifecycle.spawning import Spawn

if TYPE_CHECKING:
    from notebook_executor.tools.policy import Policy

ANY_ARGUMENTS: Mapping[str, Any] = {"type": "object"}


@dataclass(frozen=True)
class Tool:
    """Something that a notebook may call by name.

    Attributes:
        name: ``terminal``; one of a server or plugin has its source's name in front, and a dot.
        run: Carries a call out and returns what JSON can hold; called on a thread of the call's
            own, several at a time. It raises ``ToolError`` for what went wrong, and
            ``ToolDeniedError`` for what the call's policy does not allow.
        description: For whoever calls it.
        parameters: The JSON Schema of its arguments, an object.
        source: Where it comes from: ``builtin``, ``python``, ``entry_point``, ``mcp:NAME``,
            ``hermes``.
        secret_arguments: Names of arguments that are recorded nowhere.
    """

    name: str
    run: Callable[[Call], Any]
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=lambda: ANY_ARGUMENTS)
    source: str = "python"
    secret_arguments: frozenset[str] = frozenset()

    def describe(self) -> dict[str, Any]:
        """What ``hermes_runtime.tools()`` tells of it."""
        return {
            "name": self.name,
            "description": self.description,
            "parameters": dict(self.parameters),
            "source": self.source,
        }


class Call(NamedTuple):
    """What a running tool is given.

    Attributes:
        tool: The tool's name.
        arguments: As the notebook passed them: an object, not checked against the schema.
        policy: The run's, with absolute paths. That the tool may be called at all, and the
            budgets, have been looked at; its paths, commands and hosts are the tool's to check.
        cwd: The kernel's working directory: relative paths start there.
        env: The kernel's environment, for what the tool starts.
        spawn: Starts a process in the run's containment, where nothing outlives the run.
        cancelled: Set when nobody waits for the answer any more: the cell was interrupted, the
            deadline has passed, or the run ends. A tool that takes its time looks at it.
        spill: A folder for what is too long to return; it need not exist yet. None where the
            run keeps no record.
        deadline: On the monotonic clock; None for none. Then the call is over for the notebook.
        cell_id: The cell that calls.
    """

    tool: str
    arguments: Mapping[str, Any]
    policy: Policy
    cwd: Path
    env: Mapping[str, str]
    spawn: Spawn
    cancelled: threading.Event
    spill: Path | None = None
    deadline: float | None = None
    cell_id: str | None = None

    def seconds_left(self, limit: float) -> float:
        """Seconds that may still be used of ``limit``, given the deadline; 0 when it has passed."""
        if self.deadline is None:
            return limit
        return max(0.0, min(limit, self.deadline - time.monotonic()))


class ToolSource(Protocol):
    """Tools that have to be fetched, and released when the run is over: a server's, a plugin's."""

    def open(self, name: str) -> AbstractContextManager[Iterable[Tool]]:
        """The tools, as long as the block lasts; opened once a run.

        Args:
            name: Under which the source was given; its tools are called ``NAME.tool``.

        Raises:
            ToolError: On entering: they cannot be had.
        """
        ...
