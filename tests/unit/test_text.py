"""Texts made plain, storable and short; bounds hold for any text and any bound."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notebook_executor.text import (
    clip,
    has_lone_surrogate,
    json_form,
    one_line,
    plain,
    storable,
    tail,
)

# All characters, lone surrogates and escapes among them.
_any_text = st.text(st.characters(exclude_categories=()) | st.sampled_from("\x1b[m;\n\r\ud800…"))
_limits = st.integers(0, 300)


@pytest.mark.parametrize(
    ("escaped", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[1;38;5;208mbold\x1b[m", "bold"),
        ("\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b[2J\x1b[Hcleared", "cleared"),
        ("\x1b[?25lhidden cursor\x1b[?25h", "hidden cursor"),
        ("a\x1bMb", "ab"),
        ("no escapes: [31m", "no escapes: [31m"),
        ("", ""),
    ],
)
def test_plain_text_has_no_escapes(escaped: str, shown: str) -> None:
    assert plain(escaped) == shown


@given(text=_any_text, limit=_limits)
def test_nothing_is_longer_than_its_limit(text: str, limit: int) -> None:
    assert len(clip(text, limit)) <= limit
    assert len(tail(text, limit)) <= limit
    assert len(one_line(text, limit)) <= limit


@given(text=_any_text, limit=_limits)
def test_what_fits_is_left_alone(text: str, limit: int) -> None:
    if len(text) <= limit:
        assert clip(text, limit) == text
        assert tail(text, limit) == text
    assert "\n" not in one_line(text, limit)


def test_clipping_keeps_head_and_tail_and_says_how_much_is_gone() -> None:
    clipped = clip("a" * 500 + "b" * 500, 200)

    assert clipped.startswith("a" * 50)
    assert clipped.endswith("b" * 80)
    head, note, end = clipped.split("\n")
    assert note == f"… {1000 - len(head) - len(end)} characters left out …"


def test_the_tail_is_the_end() -> None:
    assert tail("0123456789", 4) == "…789"
    assert tail("0123", 4) == "0123"


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | _any_text,
    lambda inner: st.lists(inner) | st.dictionaries(_any_text, inner) | st.tuples(inner, inner),
    max_leaves=10,
)


@given(value=_values)
def test_storable_values_can_be_written_and_keep_their_shape(value: Any) -> None:
    stored = storable(value)

    json.dumps(stored, ensure_ascii=False).encode()
    assert type(stored) is type(value)
    assert storable(stored) == stored
    if isinstance(value, str):
        assert len(stored) == len(value)
        assert has_lone_surrogate(value) == (stored != value)
        assert not has_lone_surrogate(stored)


def test_json_form_is_json_whatever_goes_in() -> None:
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]
    circle: dict[str, Any] = {}
    circle["self"] = circle

    for value in (deep, circle, {1: object(), None: {2, 3}}, (1, b"x"), [1, {"a": None}]):
        assert len(json.dumps(json_form(value))) < 100_000
    assert json_form({"a": [1, 2.5, None, True, "x"]}) == {"a": [1, 2.5, None, True, "x"]}
