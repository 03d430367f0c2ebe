"""What a project says of its reviews: ``[tool.notebook_executor.review]`` in pyproject.toml."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase
from typing import Any

from pydantic import Field, ValidationError

from notebook_executor.documents.output_comparison import RegressionRules
from notebook_executor.errors import UsageError
from notebook_executor.models import Record

FILE = "pyproject.toml"
_TABLE = "tool.notebook_executor.review"


class NotebookPolicy(RegressionRules):
    """How one notebook is reviewed: what it is run with, and what of it is compared."""

    parameters: dict[str, Any] | None = None  # None: the schedule's, else its defaults
    cells: tuple[str | int, ...] | None = None  # compared: an id, tag:NAME or an index; None: all
    timeout: float | None = Field(None, gt=0)  # seconds a cell; None: the caller's
    run_timeout: float | None = Field(None, gt=0)


class ReviewPolicy(Record):
    """What the table says; paths and patterns are relative to the project, as in the shell.

    Attributes:
        references: The notebooks that are to have an accepted reference; None: all.
        defaults: What holds for all notebooks.
        notebooks: What holds for those that a pattern names, by the pattern.
    """

    references: tuple[str, ...] | None = None
    defaults: dict[str, Any] = Field(default_factory=dict)
    notebooks: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @classmethod
    def of(cls, data: bytes | None) -> ReviewPolicy:
        """What a project's pyproject.toml says; None is no such file.

        Raises:
            UsageError: It is not TOML, or the table says what none can.
        """
        table = _table(data)
        notebooks = {key: value for key, value in table.items() if key.endswith(".ipynb")}
        for pattern, value in notebooks.items():
            if not isinstance(value, dict):
                raise _wrong(f'of "{pattern}" is not a table')
        defaults = {
            _field(key): value
            for key, value in table.items()
            if key not in notebooks and key != "references"
        }
        found = {pattern: _fields(value) for pattern, value in notebooks.items()}
        try:
            policy = cls(references=table.get("references"), defaults=defaults, notebooks=found)
        except ValidationError as error:
            raise _wrong(_told(error)) from error
        for pattern in ("", *found):
            policy.notebook(pattern)  # refuses what none can be
        return policy

    def notebook(self, path: str) -> NotebookPolicy:
        """What holds for a notebook: a later pattern counts more, its own path most.

        Raises:
            UsageError: The table says what none can.
        """
        said = dict(self.defaults)
        for pattern, fields in self.notebooks.items():
            if pattern != path and fnmatchcase(path, pattern):
                said |= fields
        said |= self.notebooks.get(path, {})
        try:
            return NotebookPolicy.model_validate(said)
        except ValidationError as error:
            of = f'of "{path}" ' if path else ""
            raise _wrong(
                f"{of}says: {_told(error)}",
                hint=f"Known are {', '.join(NotebookPolicy.model_fields)}, and references for all.",
            ) from error

    def files(self) -> list[str]:
        """The files that it speaks of."""
        every = [self.notebook(pattern) for pattern in ("", *self.notebooks)]
        return [name for rules in every for name in rules.sanitize_with]

    def wants_reference(self, path: str) -> bool:
        """Whether a notebook is one of those that have a reference."""
        if self.references is None:
            return True
        return any(fnmatchcase(path, pattern) for pattern in self.references)


def _table(data: bytes | None) -> dict[str, Any]:
    if data is None:
        return {}
    try:
        said: Any = tomllib.loads(data.decode("utf-8"))
    except ValueError as error:  # not UTF-8, or not TOML
        raise UsageError(f"{FILE} cannot be read: {error}", hint="Mend it first.") from error
    for key in _TABLE.split("."):
        said = said.get(key, {}) if isinstance(said, dict) else {}
    if not isinstance(said, dict):
        raise _wrong("is not a table")
    return said


def _field(name: str) -> str:
    return name.replace("-", "_")


def _fields(said: dict[str, Any]) -> dict[str, Any]:
    return {_field(key): value for key, value in said.items()}


def _told(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())


def _wrong(what: str, hint: str = "") -> UsageError:
    return UsageError(f"[{_TABLE}] in {FILE} {what}", hint=hint)
