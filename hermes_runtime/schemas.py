"""Checks a value against a JSON Schema, with the keywords that describe results.

A kernel may have no validator installed. A keyword that is not understood is refused, not ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hermes_runtime.formats import ScrapError
from hermes_runtime.plain import short

_TYPES: dict[str, Any] = {
    "null": type(None),
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "string": str,
    "array": list,
    "object": dict,
}
_SAID = {"title", "description", "default", "examples", "$schema", "$comment"}
_BOUNDS = {
    "minimum": lambda value, bound: value >= bound,
    "maximum": lambda value, bound: value <= bound,
    "exclusiveMinimum": lambda value, bound: value > bound,
    "exclusiveMaximum": lambda value, bound: value < bound,
}
_LENGTHS = {
    "minLength": (str, lambda value, bound: len(value) >= bound),
    "maxLength": (str, lambda value, bound: len(value) <= bound),
    "minItems": (list, lambda value, bound: len(value) >= bound),
    "maxItems": (list, lambda value, bound: len(value) <= bound),
    "pattern": (str, lambda value, pattern: re.search(pattern, value) is not None),
}
_NESTED = {"type", "enum", "const", "anyOf", "items", "properties", "required"}
_KNOWN = {*_SAID, *_BOUNDS, *_LENGTHS, *_NESTED, "additionalProperties"}


def check_schema(name: str, value: Any, schema: Mapping[str, Any]) -> None:
    """Compare a scrap's JSON value with its declared schema.

    Raises:
        ScrapError: It does not fit, or the schema has a keyword that is not understood.
    """
    for place, problem in _problems(value, schema, ""):
        where = f" at {place}" if place else ""
        raise ScrapError(f"scrap {name!r}: the value{where} {problem}", name, place)


def _problems(value: Any, schema: Any, place: str) -> Iterator[tuple[str, str]]:
    if not isinstance(schema, Mapping) or not set(schema) <= _KNOWN:
        odd = sorted(set(schema) - _KNOWN) if isinstance(schema, Mapping) else schema
        yield place, f"has a schema that is not understood: {odd}; known: {sorted(_KNOWN)}"
        return
    found = [key for key in schema if not _fits(key, value, schema[key])]
    for key in found:
        yield place, f"is {short(value)}, and its schema says {key} {schema[key]!r}"
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from _problems(item, schema["items"], f"{place}[{index}]")
    if isinstance(value, dict):
        yield from _of_object(value, schema, place)


def _of_object(
    value: dict[str, Any], schema: Mapping[str, Any], place: str
) -> Iterator[tuple[str, str]]:
    properties = schema.get("properties", {})
    for key in schema.get("required", ()):
        if key not in value:
            yield place, f"lacks {key!r}, which its schema requires"
    for key, item in value.items():
        declared = properties.get(key, schema.get("additionalProperties", True))
        if declared is False:
            yield place, f"has {key!r}, which its schema does not know"
        elif declared is not True:
            yield from _problems(item, declared, f"{place}[{key!r}]")


def _fits(key: str, value: Any, expected: Any) -> bool:
    if key == "type":
        types = [expected] if isinstance(expected, str) else expected
        return any(_has_type(value, one) for one in types)
    if key in _BOUNDS:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return not number or bool(_BOUNDS[key](value, expected))
    if key in _LENGTHS:
        kind, holds = _LENGTHS[key]
        return not isinstance(value, kind) or bool(holds(value, expected))
    if key == "const":
        return _same(value, expected)
    if key == "enum":
        return any(_same(value, one) for one in expected)
    if key == "anyOf":
        return any(not list(_problems(value, one, "")) for one in expected)
    return True


def _has_type(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    whole = name == "integer" and isinstance(value, float) and value.is_integer()
    return whole or isinstance(value, _TYPES.get(name, ()))


def _same(value: Any, expected: Any) -> bool:
    """Equality as JSON has it: 1 is 1.0, and neither is true."""
    return bool(value == expected) and isinstance(value, bool) == isinstance(expected, bool)
