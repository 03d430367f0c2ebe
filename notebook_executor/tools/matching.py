"""When two calls of a tool are the same call, and how alike they are if they are not."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from notebook_executor.text import clip
from notebook_executor.tools.redaction import REDACTED

_COMPARED = 2_000
_SHOWN = 80


def canonical(
    arguments: Mapping[str, Any], parameters: Mapping[str, Any], ignored: Collection[str] = ()
) -> dict[str, Any]:
    """The arguments that make a call what it is.

    Without those that are ignored, and without those that say what leaving them out says; ``1.0``
    is ``1``, as in JSON Schema.

    Args:
        arguments: As they came.
        parameters: The tool's JSON Schema, for the defaults.
        ignored: Names of arguments that do not count.
    """
    properties = parameters.get("properties")
    known = properties if isinstance(properties, Mapping) else {}
    kept = {}
    for name in sorted(arguments.keys() - set(ignored)):
        value = _plain(arguments[name])
        described = known.get(name)
        default = described.get("default") if isinstance(described, Mapping) else None
        if not _same(value, _plain(default)):
            kept[name] = value
    return kept


def matches(recorded: Any, given: Any) -> bool:
    """Whether a recorded value, in which secrets were blanked, may have been this one."""
    if isinstance(recorded, str) and REDACTED in recorded:
        if not isinstance(given, str):
            return recorded == REDACTED
        pattern = ".*".join(map(re.escape, recorded.split(REDACTED)))
        return re.fullmatch(pattern, given, re.DOTALL) is not None
    if isinstance(recorded, dict) and isinstance(given, dict):
        return recorded.keys() == given.keys() and all(
            matches(value, given[name]) for name, value in recorded.items()
        )
    if isinstance(recorded, list) and isinstance(given, list):
        return len(recorded) == len(given) and all(map(matches, recorded, given))
    return _same(recorded, given)


def likeness(recorded: Mapping[str, Any], given: Mapping[str, Any]) -> float:
    """How alike two calls' canonical arguments are, from 0 to 2."""
    names = recorded.keys() | given.keys()
    equal = sum(name in recorded and name in given and matches(recorded[name], given[name])
                for name in names)  # fmt: skip
    one, other = (as_text(dict(side))[:_COMPARED] for side in (recorded, given))
    share = equal / len(names) if names else 1.0
    return share + difflib.SequenceMatcher(None, one, other, autojunk=False).quick_ratio()


def differences(recorded: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """In words, in which arguments two calls differ; values are cut short."""
    told = []
    for name in sorted(recorded.keys() | given.keys()):
        if name not in given:
            told.append(f"{name} was {_shown(recorded[name])} and is left out")
        elif name not in recorded:
            told.append(f"{name} was left out and is {_shown(given[name])}")
        elif not matches(recorded[name], given[name]):
            told.append(f"{name} was {_shown(recorded[name])} and is {_shown(given[name])}")
    return ", ".join(told)


def shown_call(tool: str, arguments: Mapping[str, Any]) -> str:
    """A call as a message names it."""
    given = ", ".join(f"{name}={_shown(value)}" for name, value in arguments.items())
    return f"{tool}({clip(given, 4 * _SHOWN)})"


def as_text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _same(one: Any, other: Any) -> bool:
    # Not ==, to which True is 1.
    return as_text(one) == as_text(other)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _shown(value: Any) -> str:
    return clip(as_text(value), _SHOWN)
