"""Which values are refused, with what advice, without any kernel."""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import pathlib
import uuid
from collections import OrderedDict, defaultdict, namedtuple
from typing import Any

import nbformat
import numpy
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notebook_executor.documents.parameters_cell import read_parameters
from notebook_executor.errors import ParameterError
from notebook_executor.execution.parameters import (
    check_parameters,
    check_types,
    check_values,
    inject_parameters,
)


class Colour(enum.Enum):
    RED = 1


class Name(enum.StrEnum):
    A = "a"


class Level(enum.IntEnum):
    LOW = 1


class Text(str):
    __slots__ = ()


class Number(int):
    __slots__ = ()


Point = namedtuple("Point", "x y")


def _circular() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        ((1, 2), "list(value)"),
        ({1, 2}, "sorted(value)"),
        (frozenset({1}), "sorted(value)"),
        (datetime.datetime(2026, 1, 2), "value.isoformat()"),
        (datetime.date(2026, 1, 2), "value.isoformat()"),
        (datetime.time(3, 4), "value.isoformat()"),
        (datetime.timedelta(1), "value.total_seconds()"),
        (decimal.Decimal("1.1"), "str(value)"),
        (fractions.Fraction(1, 3), "str(value)"),
        (b"raw", "base64"),
        (bytearray(b"raw"), "instead"),
        (pathlib.PurePosixPath("/a"), "str(value)"),
        (pathlib.Path("a"), "str(value)"),
        (uuid.UUID(int=1), "str(value)"),
        (numpy.float64(1.5), "value.item()"),
        (numpy.int64(3), "value.item()"),
        (numpy.bool_(True), "value.item()"),
        (numpy.str_("a"), "value.item()"),
        (numpy.array([1]), "value.tolist()"),
        (pandas.DataFrame({"a": [1]}), "to_dict"),
        (pandas.Timestamp("2026-01-02"), "isoformat"),
        (Colour.RED, "value.value"),
        (Name.A, "value.value"),
        (Level.LOW, "value.value"),
        (Text("a"), "instead"),
        (Number(1), "instead"),
        (Point(1, 2), "instead"),
        (OrderedDict(a=1), "instead"),
        (defaultdict(list), "instead"),
        (range(3), "instead"),
        (1j, "instead"),
        (..., "instead"),
        (object(), "instead"),
        (print, "instead"),
        (_circular(), "file"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_that_would_not_arrive_are_refused_with_advice(value: Any, advice: str) -> None:
    for place, parameters in (
        ("x", {"x": value}),
        ("x[1]", {"x": [0, value]}),
        ("x['deep'][0]", {"x": {"deep": [value]}}),
    ):
        with pytest.raises(ParameterError) as caught:
            check_values({"fine": 1, **parameters})
        assert place in caught.value.message
        assert advice in caught.value.hint


@pytest.mark.parametrize("key", [1, None, True, 1.5, (1,), Name.A])
def test_keys_that_would_become_text_are_refused(key: Any) -> None:
    with pytest.raises(ParameterError, match="key") as caught:
        check_values({"x": {"fine": 1, key: 2}})

    assert "strings as keys" in caught.value.hint


def test_nesting_is_bounded() -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]

    with pytest.raises(ParameterError, match="nested too deeply"):
        check_values({"x": deep})


def _notebook(source: str) -> nbformat.NotebookNode:
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": ["parameters"]})
    node: nbformat.NotebookNode = nbformat.v4.new_notebook(cells=[cell])
    node.metadata["papermill"] = nbformat.from_dict({"parameters": {}})
    return node


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)  # the first example pays for papermill's import
@given(value=_values)
def test_any_plain_value_is_written_as_python_that_means_it(value: Any) -> None:
    notebook, env = inject_parameters(_notebook("x = 1"), {"x": value}, "python3", "python")

    scope: dict[str, Any] = {}
    exec(notebook.cells[1].source, scope)
    assert type(scope["x"]) is type(value)
    assert repr(scope["x"]) == repr(value)
    assert env == {}


def test_a_lone_surrogate_is_written_as_an_escape() -> None:
    notebook, _ = inject_parameters(_notebook("x = 1"), {"x": "half \ud800"}, "python3", "python")

    assert notebook.cells[1].source == '# Parameters\nx = "half \\ud800"\n'


def test_values_for_languages_that_cannot_take_them_are_a_typed_error() -> None:
    with pytest.raises(ParameterError, match="bash") as caught:
        inject_parameters(_notebook("x=1"), {"x": {"a": 1}}, "bash", "bash")

    assert caught.value.hint


def test_all_missing_and_all_unknown_names_are_told_at_once() -> None:
    notebook = _notebook("a: int\nb: str\nc = 3")

    with pytest.raises(ParameterError, match=r"parameters 'a', 'b'"):
        check_parameters(notebook, {})
    with pytest.raises(ParameterError, match=r"parameters 'x', 'y'"):
        check_parameters(notebook, {"a": 1, "b": 2, "x": 1, "y": 2})
    check_parameters(notebook, {"a": 1, "b": ""})


TYPED = """\
count: Annotated[int, Ge(1)] = 1
mode: Literal["fast", "slow"] = "fast"
names: list[str] = []
ratio: float = 0.5
guess = 1
old = 5  # type: int
"""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"count": 2, "mode": "slow", "names": ["a"], "ratio": 1, "guess": "x"}, None),
        ({"count": 0}, "Parameter count must be Annotated[int, Ge(1)] (>= 1), not 0"),
        ({"count": "hunter2"}, "(>= 1), not 'hunter2'"),
        ({"mode": "fasst"}, "('fast' | 'slow'), not 'fasst'"),
        ({"names": ["a", 5]}, "must be list[str], not a list (input should be a valid string at"),
        ({"ratio": "s3cr3t"}, "Parameter ratio must be float, not a str"),
        ({"old": 1.5}, "Parameter old must be int, not a float"),
        ({"old": True, "mode": 3}, "not 3; Parameter old must be int, not a bool"),
    ],
)
def test_a_value_must_fit_its_declaration(given: dict[str, Any], said: str | None) -> None:
    cell = {"cell_type": "code", "source": TYPED, "metadata": {"tags": ["parameters"]}}
    declared = read_parameters(nbformat.from_dict({"metadata": {}, "cells": [cell]}))

    if said is None:
        check_types(declared, given)
        return
    with pytest.raises(ParameterError) as caught:
        check_types(declared, given)
    assert said in caught.value.message
