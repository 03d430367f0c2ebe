"""A policy from YAML, or from a mapping: what is wrong with it, in which line, what was meant."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from notebook_executor.errors import UsageError
from notebook_executor.tools.policy import Policy

_PYTHON_ONLY = "approve"


def load_policy(path: Path) -> Policy:
    """Read a policy file.

    Raises:
        UsageError: It cannot be read, or says what no policy can; the line is named.
    """
    import yaml

    try:
        text = path.read_text("utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        loaded = yaml.safe_load(text)
    except FileNotFoundError as error:
        raise UsageError(f"There is no policy file {path}", hint="Name one that is.") from error
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(f"The policy file {path} cannot be read: {reason}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise UsageError(f"{path}{where}, is not YAML: {problem}") from error
    lines = _Lines(node, path)
    return _checked({} if loaded is None else loaded, lines.place, str(path))


def policy_of(given: Policy | Mapping[str, Any] | str | os.PathLike[str], root: Path) -> Policy:
    """The policy that a caller means.

    Args:
        given: A policy, a mapping of its fields, or the path of a file.
        root: Where relative paths of files start.

    Raises:
        UsageError: It is none of these, or says what no policy can.
    """
    if isinstance(given, Policy):
        return given
    if isinstance(given, Mapping):
        return _checked(dict(given), lambda _: "The policy", "The policy")
    return load_policy(root / given)


def _checked(loaded: Any, place: Any, name: str) -> Policy:
    if not isinstance(loaded, dict):
        raise UsageError(
            f"{name} does not hold a policy", hint="Begin with 'allow:', a list of tools."
        )
    try:
        return Policy.model_validate(loaded)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        loc = tuple(first["loc"])
        at, field = place(loc), ".".join(str(part) for part in loc)
        if first["type"] == "extra_forbidden":
            raise UsageError(f"{at}: there is no {field!r}", hint=_meant(loc)) from error
        message = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{at}: {field}: {message}", hint="docs/tools.md shows one.") from error


def _meant(loc: tuple[int | str, ...]) -> str:
    model: type[BaseModel] = Policy
    for part in loc[:-1]:
        # Every field that has fields of its own is of one model.
        model = cast(type[BaseModel], model.model_fields[str(part)].annotation)
    known = [name for name in model.model_fields if name != _PYTHON_ONLY]
    close = difflib.get_close_matches(str(loc[-1]), known, n=1, cutoff=0.5)
    return f"Did you mean {close[0]!r}?" if close else f"There are {', '.join(known)}."


class _Lines:
    """In which line of a YAML document something is.

    Raises:
        UsageError: A key is there twice: one of them would count for nothing.
    """

    def __init__(self, node: Any, path: Path) -> None:
        self._path = path
        self._lines: dict[tuple[int | str, ...], int] = {}
        self._add(node, ())

    def _add(self, node: Any, loc: tuple[int | str, ...]) -> None:
        if node is None:
            return
        self._lines.setdefault(loc, node.start_mark.line + 1)
        if node.id == "mapping":
            for key, value in node.value:
                inside = (*loc, key.value)
                if inside in self._lines:
                    raise UsageError(f"{self._at(key.start_mark.line + 1)}: {key.value!r} again")
                self._lines[inside] = key.start_mark.line + 1
                self._add(value, inside)
        elif node.id == "sequence":
            for index, value in enumerate(node.value):
                self._add(value, (*loc, index))

    def _at(self, line: int) -> str:
        return f"{self._path}, line {line}"

    def place(self, loc: tuple[int | str, ...]) -> str:
        while loc and loc not in self._lines:
            loc = loc[:-1]
        return self._at(self._lines.get(loc, 1))
