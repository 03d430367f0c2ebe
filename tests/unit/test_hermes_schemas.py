"""The schemas that ``glue`` takes mean what jsonschema says they mean."""

from __future__ import annotations

from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from hermes_runtime.formats import ScrapError
from hermes_runtime.schemas import check_schema

VALUES: list[Any] = [
    None, True, False, 0, 1, -2, 1.0, 1.5, "", "abc", "äöü", [], [1, "a"], [1, [2, -3]], [True],
    {}, {"a": 1}, {"a": None, "b": [1]}, {"b": {"a": -1}},
]  # fmt: skip
SCHEMAS: list[dict[str, Any]] = [
    {},
    *({"type": kind} for kind in ("null", "boolean", "integer", "number", "string")),
    {"type": ["array", "object"], "title": "t", "description": "d"},
    {"enum": [1, "abc", None]},
    {"const": True},
    {"minimum": 0, "exclusiveMaximum": 1.5},
    {"exclusiveMinimum": 0, "maximum": 1},
    {"minLength": 1, "maxLength": 3, "pattern": "b|ö"},
    {"minItems": 1, "maxItems": 1},
    {"items": {"type": "integer"}},
    {"items": {"items": {"minimum": 0}}},
    {"required": ["a"]},
    {"properties": {"a": {"type": "integer"}}, "additionalProperties": False},
    {"additionalProperties": {"type": "array"}},
    {"properties": {"b": {"properties": {"a": {"minimum": 0}}}}},
    {"anyOf": [{"type": "string"}, {"minimum": 1}]},
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=repr)
def test_the_verdicts_are_the_reference_s(schema: dict[str, Any]) -> None:
    reference = jsonschema.Draft202012Validator(schema)

    assert [value for value in VALUES if fits(value, schema)] == [
        value for value in VALUES if reference.is_valid(value)
    ]


def fits(value: Any, schema: dict[str, Any]) -> bool:
    try:
        check_schema("x", value, schema)
    except ScrapError:
        return False
    return True


@pytest.mark.parametrize(
    ("value", "schema", "message"),
    [
        ({"a": [1, -2]}, {"properties": {"a": {"items": {"minimum": 0}}}},
         r"the value at \['a'\]\[1\] is -2, and its schema says minimum 0"),
        ({}, {"required": ["a"]}, r"the value lacks 'a', which its schema requires"),
        ({"b": 1}, {"additionalProperties": False}, r"has 'b', which its schema does not know"),
        (1, {"multipleOf": 2}, r"a schema that is not understood: \['multipleOf'\]"),
        (1, "number", r"a schema that is not understood: number"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told(value: Any, schema: Any, message: str) -> None:
    with pytest.raises(ScrapError, match=message):
        check_schema("x", value, schema)
