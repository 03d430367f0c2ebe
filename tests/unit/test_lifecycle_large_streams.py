"""A large stream message read in pieces: the same text as json gives, and nothing cut in two."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from notebook_executor.lifecycle.large_streams import LARGE, in_pieces

_ANY = st.text(min_size=1, max_size=40)


def pieces(text: str, *, ascii_only: bool = False) -> list[str]:
    content = json.dumps({"name": "stdout", "text": text}, ensure_ascii=ascii_only)
    found = list(in_pieces(memoryview(content.encode())))
    assert {one["name"] for one in found} == {"stdout"}
    return [one["text"] for one in found]


@settings(max_examples=12)
@given(_ANY, st.booleans())
@example("\\", True)
@example("\\n", True)
@example('"', False)
@example("😀", True)
@example("😀", False)
@example("é", False)
@example("x\n", False)
@example('{"name": "stdout", "text": "', False)
def test_the_pieces_are_the_text(fragment: str, ascii_only: bool) -> None:
    text = "x" + fragment * (5 * LARGE // 2 // len(fragment.encode()))

    found = pieces(text, ascii_only=ascii_only)

    assert "".join(found) == text


def test_pieces_are_small_and_end_with_a_line_where_there_are_lines() -> None:
    found = pieces(("x" * 1023 + "\n") * 4096)

    assert len(found) > 3
    assert {len(piece) <= LARGE for piece in found} == {True}
    assert {piece[-1] for piece in found} == {"\n"}


def test_a_long_line_is_cut_between_characters() -> None:
    found = pieces("é" * 2 * LARGE)

    assert len(found) > 3
    assert {len(piece.encode()) <= LARGE for piece in found} == {True}


@pytest.mark.parametrize(
    "content",
    [
        '{"text": "%s", "name": "stdout"}',
        '{"name": "stdout", "text": "%s", "more": "1"}',
        '{"name": "stdout", "text": ["%s"]}',
    ],
)
def test_what_is_made_otherwise_is_read_all_the_same(content: str) -> None:
    content %= "x" * 3 * LARGE

    found = list(in_pieces(memoryview(content.encode())))

    assert "".join("".join(one["text"]) for one in found) == "x" * 3 * LARGE
    assert found[-1].keys() == json.loads(content).keys()


@pytest.mark.parametrize(
    "content",
    [
        '{"name": "stdout", "text": "%s',
        '{"name": "stdout", "text": "%s\\q%s"}',
        '{"name": "stdout", "text": "%s"%s"}',
        "%s",
    ],
)
def test_what_is_no_json_ends_in_an_error(content: str) -> None:
    content = content.replace("%s", "x" * 2 * LARGE)

    with pytest.raises(ValueError, match=r".+"):
        list(in_pieces(memoryview(content.encode())))
