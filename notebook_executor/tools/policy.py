"""What the tools of a run may do.

A policy governs tools. Without a sandbox, the code of a notebook can do by itself whatever its
user can.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from notebook_executor.models import Record
from notebook_executor.tools.budgets import BudgetRules
from notebook_executor.tools.commands import TerminalRules
from notebook_executor.tools.hosts import WebRules
from notebook_executor.tools.paths import FileRules
from notebook_executor.tools.redaction import RedactionRules
from notebook_executor.tools.tool import Call


class Policy(Record):
    """What a notebook may have done through tools. The empty policy allows nothing.

    Attributes:
        allow: Names of tools, ``fleet.*`` for all of a source. Empty allows none.
        terminal: Which commands the terminal may run.
        files: Where files may be read and written.
        web: Which hosts may be reached.
        limits: How much the tools may do, in a run and in a cell.
        redact: What is recorded nowhere.
        approve: Asked before each call that everything else allows; False, or an exception,
            refuses it. Called on the call's thread, several at a time; in Python only.
    """

    allow: tuple[str, ...] = ()
    terminal: TerminalRules = TerminalRules()
    files: FileRules = FileRules()
    web: WebRules = WebRules()
    limits: BudgetRules = BudgetRules()
    redact: RedactionRules = RedactionRules()
    approve: Callable[[Call], bool] | None = Field(None, exclude=True, repr=False)

    @field_validator("allow", mode="before")
    @classmethod
    def _list(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError(f"a list of tools is wanted, not the text {value!r:.50}")
        return value

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Policy:
        """Read a policy file (YAML).

        Raises:
            UsageError: It cannot be read, or says what no policy can; the line is named.
        """
        from notebook_executor.tools.policy_file import load_policy

        return load_policy(Path(path))

    def allows(self, tool: str) -> bool:
        """Whether the tool may be called at all."""
        return any(fnmatchcase(tool, pattern) for pattern in self.allow)

    def rooted(self, root: Path) -> Policy:
        """The same policy, with absolute paths: relative ones start at the project's root."""
        return self.model_copy(update={"files": self.files.rooted(root)})
