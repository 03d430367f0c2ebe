"""Names for the identifiers that kernels make up: the same graph gets the same names."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from .cases import Json

_UUID = re.compile(
    r"(?<![0-9a-f])(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![0-9a-f])"
)
_WIDGETS = "application/vnd.jupyter.widget-state+json"


def name_identifiers(view: Json) -> Json:
    """Replace each UUID by ``<id N>``, numbered in the order in which a reader meets them.

    Outputs come first, then the widgets that they show, then what those refer to; widgets that
    nothing refers to follow, ordered by their state. So two runs agree, and a reference that
    points to another widget is still seen.
    """
    states = _widget_states(view)
    names: dict[str, str] = {}
    _visit(_outputs(view), states, names)
    for key in sorted(states, key=lambda key: _masked(states[key])):
        _visit([key], states, names)
    named: Json = map_text(
        view, lambda text: _UUID.sub(lambda match: names.get(match[0], match[0]), text)
    )
    return named


def map_text(value: Any, change: Callable[[str], str]) -> Any:
    """The value with each string in it changed, keys included."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key): map_text(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [map_text(item, change) for item in value]
    return value


def _visit(roots: list[Any], states: Json, names: dict[str, str]) -> None:
    pending = list(_identifiers(roots))
    while pending:
        identifier = pending.pop(0)
        if identifier not in names:
            names[identifier] = f"<id {len(names) + 1}>"
            pending.extend(_identifiers(states.get(identifier)))


def _identifiers(value: Any) -> Iterator[str]:
    yield from _UUID.findall(json.dumps(value, sort_keys=True))


def _masked(value: Any) -> str:
    return _UUID.sub("<id>", json.dumps(value, sort_keys=True))


def _outputs(view: Json) -> list[Any]:
    cells = (view["notebook"] or {}).get("cells", [])
    return [output for cell in cells for output in cell.get("outputs", ())]


def _widget_states(view: Json) -> Json:
    metadata = (view["notebook"] or {}).get("metadata", {})
    states: Json = metadata.get("widgets", {}).get(_WIDGETS, {}).get("state", {})
    return states
