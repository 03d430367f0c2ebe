"""What is wrong in a file of entries, in words, and where."""

from __future__ import annotations

import difflib
from typing import Any

from pydantic import ValidationError

from notebook_executor.models import Record
from notebook_executor.schedule.entry import (
    NAME_PATTERN,
    URL_PATTERN,
    Commit,
    Entry,
    Keep,
    Notify,
    Retries,
    Webhook,
)
from notebook_executor.schedule.yaml_places import Document, Place, Step

_MODELS: dict[Step, type[Record]] = {
    "retries": Retries,
    "keep": Keep,
    "commit": Commit,
    "notify": Notify,
    "webhook": Webhook,
}
# What pydantic says in the words of Python, by the type of its error.
_WORDS = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "dict_type": "must be a mapping",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "model_type": "must be a mapping",
    "string_too_short": "must not be empty",
    "string_type": "must be a text",
    "too_short": "must not be empty",
    "tuple_type": "must be a list",
}
_PATTERNS = {
    NAME_PATTERN: "must be at most 100 letters, digits, dots, dashes and _, not a dot first",
    URL_PATTERN: "must begin with http:// or https://",
}
# What other schedulers call it.
_ELSEWHERE = {
    "cron": "schedule",
    "id": "name",
    "notebook": "path",
    "output": "output_path",
    "params": "parameters",
    "paused": "suspend",
    "tz": "timezone",
}


class Problem(Record):
    """A mistake in a file of entries, or in what an entry refers to."""

    file: str
    line: int  # from 1
    column: int  # from 1
    entry: str | None = None  # the name of the entry, where it has one
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class Source:
    """Where an entry stands."""

    def __init__(self, file: str, document: Document, path: tuple[Step, ...]) -> None:
        self.file = file
        self._document = document
        self._path = path

    def find(self, *path: Step, key: bool = False) -> Place:
        """Where a field, or a part of it, stands."""
        return self._document.find((*self._path, *path), key=key)

    def problem(
        self, name: str | None, message: str, *path: Step, hint: str = "", key: bool = False
    ) -> Problem:
        line, column = self.find(*path, key=key)
        return Problem(
            file=self.file, line=line, column=column, entry=name, message=message, hint=hint
        )


def explain(error: ValidationError, value: dict[str, Any], source: Source) -> list[Problem]:
    """One problem for each place, in their order; what the branches of a union say is joined."""
    name = value.get("name") if isinstance(value.get("name"), str) else None
    found: dict[tuple[Step, ...], list[str]] = {}
    unknown = []
    for item in error.errors(include_url=False):
        path = _within(value, item["loc"])
        if item["type"] == "extra_forbidden":
            message, hint = _unknown(path)
            unknown.append(source.problem(name, message, *path, hint=hint, key=True))
        elif item["type"] == "missing":
            found[*path, item["loc"][-1]] = ["is missing"]
        # A list whose items are wrong counts as empty, too.
        elif item["type"] != "too_short" or not any(at[: len(path)] == path for at in found):
            found.setdefault(path, []).append(_told(item))
    known = [
        source.problem(
            name, f"{'.'.join(map(str, path))} {'; or '.join(dict.fromkeys(told))}", *path
        )
        for path, told in found.items()
    ]
    return sorted(unknown + known, key=lambda problem: (problem.line, problem.column))


def _within(value: Any, location: tuple[Step, ...]) -> tuple[Step, ...]:
    """The path that a location of pydantic's means, which names the branches of unions too."""
    path: list[Step] = []
    for step in location:
        holds = isinstance(value, dict) and step in value
        if holds or (isinstance(value, list) and isinstance(step, int) and step < len(value)):
            value = value[step]
            path.append(step)
    return tuple(path)


def _unknown(path: tuple[Step, ...]) -> tuple[str, str]:
    model = next((_MODELS[step] for step in reversed(path[:-1]) if step in _MODELS), Entry)
    given, known = str(path[-1]), list(model.model_fields)
    close = difflib.get_close_matches(given.lower(), known, n=1)
    if model is Entry and given.lower() in _ELSEWHERE:
        close = [_ELSEWHERE[given.lower()]]
    hint = f"Did you mean {close[0]}?" if close else f"Known are {', '.join(known)}."
    return f"there is no field {given!r:.60}", hint


def _told(item: Any) -> str:
    told = _WORDS.get(item["type"]) or _PATTERNS.get(item.get("ctx", {}).get("pattern", ""))
    if told is None:
        told = item["msg"].removeprefix("Value error, ").replace("Input should", "must", 1)
    given = item["input"]
    if item["type"] != "value_error" and isinstance(given, str | int | float | None):
        return f"{told}, not {given!r:.60}"
    return told
