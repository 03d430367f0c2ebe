"""Text of others inside of Markdown: it stays text, and calls nobody."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notebook_executor.markdown import code, fence, prose
from notebook_executor.text import readable, visible

pieces = st.lists(
    st.sampled_from([*"`|\\@#!<>&*_[](){}$\n\r\t -1a\u202e", "@everyone", "<!--", "```", "\\|"]),
    max_size=20,
).map("".join)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("plain words: 1 < 2", "plain words: 1 \\< 2"),
        ("ask @alice, see #12 and GH-7", "ask @\u200balice, see #\u200b12 and GH-\u200b7"),
        ("![x](http://e.org)", "\\!\\[x\\](http://e.org)"),
        ("two\nlines", "two lines"),
        ("a\u202eb", r"a\\u202eb"),
    ],
)
def test_words_are_words(given: str, shown: str) -> None:
    assert prose(given) == shown


def test_code_is_a_span_where_a_span_can_hold_it() -> None:
    assert code("notebooks/a b_*.ipynb <!-- @alice") == "`notebooks/a b_*.ipynb <!-- @alice`"
    assert code("a`|b") == "<code>a&#96;&#124;b</code>"
    assert code(" \n") == ""


def test_a_fence_is_longer_than_what_it_holds() -> None:
    assert fence("a\n````\nb", "diff") == "`````diff\na\n````\nb\n`````"


@given(text=pieces)
def test_code_never_ends_early(text: str) -> None:
    made = code(text)

    assert "\n" not in made
    assert "|" not in made
    if made.startswith("`"):
        assert "`" not in made[1:-1]
    elif made:
        assert re.fullmatch(r"<code>(?:[\w ]|&#\d+;)*</code>", made)


@given(text=pieces)
def test_words_have_no_mention_and_no_open_markup(text: str) -> None:
    made = prose(text)

    assert re.search(r"[@#!]\w", made) is None
    assert re.search(r"(?<!\\)(?:\\\\)*[`|<\[*]", made) is None
    assert "\n" not in made


def test_what_cannot_be_seen_is_shown() -> None:
    assert visible("\x1b[31mred\x1b[0m a\u202eb\x08\tc\n") == "red a\\u202eb\\u0008\tc\n"


@pytest.mark.parametrize(
    ("number", "told"), [(3, "3"), (12345.0, "12,345"), (0.123456789, "0.123457"), (1e20, "1e+20")]
)
def test_numbers_are_told_with_six_digits(number: float, told: str) -> None:
    assert readable(number) == told
