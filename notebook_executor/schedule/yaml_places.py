"""YAML that knows where each value stands: the core schema of YAML 1.2, which is JSON's.

Unlike PyYAML's own loaders: ``on``, ``yes``, dates and ``12:30`` are texts, a key that comes twice
is an error, and depth and size have limits (libyaml's composer ends the process at deep nesting,
and a few lines of aliases can stand for gigabytes).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import yaml

Step = str | int
Place = tuple[int, int]  # line and column, from 1
_DEEPEST = 50
_MOST_VALUES = 2_000_000
_TAG = "tag:yaml.org,2002:"
_NULL = re.compile(r"(?:~|null|Null|NULL)?")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INTEGERS = (
    (re.compile(r"[-+]?[0-9]+"), 10),
    (re.compile(r"0o[0-7]+"), 8),
    (re.compile(r"0x[0-9a-fA-F]+"), 16),
)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NAMED_FLOAT = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


class YamlError(Exception):
    """What cannot be read, and where."""

    def __init__(self, message: str, place: Place) -> None:
        super().__init__(message)
        self.message = message
        self.place = place


@dataclass
class Document:
    """One of the documents of a file, and where its parts stand.

    Attributes:
        value: None, bool, int, float, str, lists, and dicts whose keys are texts.
        keys: Where a mapping's key stands, by the path to its value.
        values: Where a value stands.
    """

    value: Any = None
    keys: dict[tuple[Step, ...], Place] = field(default_factory=dict)
    values: dict[tuple[Step, ...], Place] = field(default_factory=dict)

    def find(self, path: tuple[Step, ...], *, key: bool = False) -> Place:
        """Where a value, or its key, stands; for one that is not there, the part around it."""
        while path and path not in self.values:
            path, key = path[:-1], False
        return self.keys.get(path, self.values[path]) if key else self.values[path]


def read_documents(text: str) -> list[Document]:
    """All documents of a text; empty ones are left out.

    Raises:
        YamlError: It is not YAML, or more than is reasonable.
    """
    import yaml

    try:
        return list(
            _documents(yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
        )
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        told = ", ".join(part for part in (error.problem, error.context) if part)
        raise YamlError(told or "not YAML", _place(mark)) from error
    except yaml.YAMLError as error:
        position = getattr(error, "position", 0)
        raise YamlError(getattr(error, "reason", str(error)), place_of(text, position)) from error


def place_of(text: str, position: int) -> Place:
    """Line and column of a character of a text."""
    before = text[:position]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _place(mark: yaml.Mark | None) -> Place:
    return (1, 1) if mark is None else (mark.line + 1, mark.column + 1)


def _documents(events: Iterator[Any]) -> Iterator[Document]:
    import yaml

    budget = _Budget()
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            reading = _Reading(events, budget)
            reading.document.value = reading.value(next(events), ())
            if reading.document.value is not None:
                yield reading.document


class _Budget:
    """How many values there have been, those that aliases stand for included."""

    def __init__(self) -> None:
        self.spent = 0

    def spend(self, count: int, place: Place) -> None:
        self.spent += count
        if self.spent > _MOST_VALUES:
            raise YamlError(f"more than {_MOST_VALUES:,} values, aliases included", place)


class _Reading:
    """One document, from the events of libyaml's parser."""

    def __init__(self, events: Iterator[Any], budget: _Budget) -> None:
        self.document = Document()
        self._events = events
        self._budget = budget
        self._anchors: dict[str, tuple[Any, int]] = {}  # the value, and how many it is

    def value(self, event: Any, path: tuple[Step, ...]) -> Any:
        import yaml

        place = _place(event.start_mark)
        self.document.values[path] = place
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor, place)
        if len(path) > _DEEPEST:
            raise YamlError(f"nested more than {_DEEPEST} deep", place)
        before = self._budget.spent
        self._budget.spend(1, place)
        if isinstance(event, yaml.MappingStartEvent):
            value: Any = self._mapping(event, path, place)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(event, path, place)
        else:
            value = _scalar(event, place)
        if event.anchor:
            self._anchors[event.anchor] = value, self._budget.spent - before
        return value

    def _alias(self, anchor: str | None, place: Place) -> Any:
        if anchor is None or anchor not in self._anchors:
            raise YamlError(f"there is no anchor &{anchor} before this", place)
        value, size = self._anchors[anchor]
        self._budget.spend(size, place)
        return value

    def _sequence(self, event: Any, path: tuple[Step, ...], place: Place) -> list[Any]:
        import yaml

        _refuse_tag(event, "seq", place)
        items: list[Any] = []
        while not isinstance(item := next(self._events), yaml.SequenceEndEvent):
            items.append(self.value(item, (*path, len(items))))
        return items

    def _mapping(self, event: Any, path: tuple[Step, ...], place: Place) -> dict[str, Any]:
        import yaml

        _refuse_tag(event, "map", place)
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        while not isinstance(key := next(self._events), yaml.MappingEndEvent):
            at = _place(key.start_mark)
            name = _key(key, at)
            if name in own:
                raise YamlError(f"{name!r:.60} is there twice", at)
            if name == "<<" and key.implicit[0]:
                merged = {**self._merged(next(self._events), path, at), **merged}
                continue
            own[name] = self.value(next(self._events), (*path, name))
            self.document.keys[*path, name] = at
        return {**merged, **own}

    def _merged(self, event: Any, path: tuple[Step, ...], at: Place) -> dict[str, Any]:
        """What ``<<: *other`` brings in; of several mappings, the first one that has a key."""
        given = self.value(event, (*path, "<<"))
        found: dict[str, Any] = {}
        for part in given if isinstance(given, list) else [given]:
            if not isinstance(part, dict):
                raise YamlError("<< is followed by a mapping, or a list of them", at)
            found = {**part, **found}
        for name in found:
            self.document.keys.setdefault((*path, name), at)
            self.document.values.setdefault((*path, name), at)
        return found


def _key(event: Any, place: Place) -> str:
    import yaml

    # A quoted "1" is a text, a plain 1 or null is not; on, yes and dates are texts here.
    key = _scalar(event, place) if isinstance(event, yaml.ScalarEvent) else None
    if not isinstance(key, str):
        raise YamlError("a key is not a text; put it in quotes", place)
    return key


def _refuse_tag(event: Any, plain: str, place: Place) -> None:
    if event.tag not in (None, "!", _TAG + plain):
        raise YamlError(f"the tag {_shown(event.tag)} means nothing here", place)


def _shown(tag: str) -> str:
    return tag.replace(_TAG, "!!")


def _scalar(event: Any, place: Place) -> Any:
    if event.tag in ("!", _TAG + "str") or (event.tag is None and not event.implicit[0]):
        return event.value
    if event.tag is not None:
        raise YamlError(f"the tag {_shown(event.tag)} means nothing here", place)
    try:
        return _plain(event.value)
    except ValueError as error:
        raise YamlError(str(error), place) from error


def _plain(text: str) -> Any:
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
        return text[0] in "tT"
    for pattern, base in _INTEGERS:
        if pattern.fullmatch(text):
            return int(text, base)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _NAMED_FLOAT.fullmatch(text):
        return float(text.replace(".", "").lower())
    return text
