"""What a review's report says, and that it says the most important things in any room."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from notebook_executor.documents.output_comparison import Difference
from notebook_executor.review import report_words as words
from notebook_executor.review.models import CellReview, Review, ScrapDelta
from notebook_executor.review.report_markdown import MARKER
from notebook_executor.review.report_text import lines
from tests.reviews import PATH, SCORE, cell, differing, failing, held, passing, review

_MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_OURS = {
    *("h2", "h3", "p", "strong", "em", "table", "thead", "tbody", "tr", "th", "td", "ul", "li"),
    *("code", "pre", "details", "summary", "br"),
}
hostile = st.lists(
    st.sampled_from(
        [
            *("<script>", "</script>", "<!--", "-->", "</details>", "<img src=x onerror=y>", "`"),
            *(
                "```",
                "~~~",
                "|",
                "\\",
                "\\|",
                "@alice",
                "@org/team",
                "#12",
                "!7",
                "GH-3",
                "\n",
                " ",
            ),
            *("\u202e", "\x1b[31m", "\r", "\u2028", "[x](javascript:y)", "![x](http://e.org)"),
            *("**", "__", "***", "# ", "- ", "1. ", "> ", "&lt;", "&#64;", "a", "fixes #1", "$x$"),
        ]
    ),
    max_size=10,
).map("".join)


class Rendered(HTMLParser):
    """A comment as a forge shows it: its tags, and its words outside of code."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.words = ""
        self.rows: list[int] = []
        self.open: list[str] = []
        self._code = 0
        self.feed(_MARKDOWN.render(markdown))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._code += tag == "code"
        self.open += [tag] if tag != "br" else []
        if tag == "tr":
            self.rows.append(0)
        self.rows[-1:] = [count + (tag in ("td", "th")) for count in self.rows[-1:]]
        assert not [name for name, _ in attrs if name.startswith("on") or name in ("href", "src")]

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag == "code"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += "" if self._code else data


def failed(**fields: Any) -> Review:
    given: dict[str, Any] = {"verdict": "fail"}
    return review(passing("a.ipynb"), differing("b.ipynb"), failing("c.ipynb"), **(given | fields))


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (review(), "no notebook changed"),
        (review(passing()), "1 notebook changed: 1 matches its reference"),
        (
            failed(),
            "3 notebooks changed: 1 does not execute, 1 differs from its reference, "
            "1 matches its reference",
        ),
        (
            review(
                passing("a", change="deleted", executes=None, matches_reference=None),
                passing("b", matches_reference=None),
                passing("c", matches_reference=None),
                passing("d", verdict="fail"),
                passing("e", executes=None, matches_reference=None),
            ),
            "5 notebooks changed: 1 fails a step, 2 execute, with nothing to compare, "
            "1 is deleted, 1 was not executed",
        ),
    ],
)
def test_the_headline_counts_what_became_of_each(made: Review, said: str) -> None:
    assert words.headline(made) == said


@pytest.mark.parametrize(
    ("delta", "said"),
    [
        (SCORE, "was 0.89, is 0.94 ↑"),
        (ScrapDelta(base=12, head=3, change=-9, direction="down"), "was 12, is 3 ↓"),
        (ScrapDelta(base="a", head=[1], direction="changed"), 'was "a", is [1] ≠'),
        (ScrapDelta(base=None, head=1, direction="new"), "is 1 (new)"),
        (ScrapDelta(base=1, head=None, direction="gone"), "was 1 (gone)"),
        (ScrapDelta(base=None, head=1, direction="unknown"), "is 1"),
        (ScrapDelta(base=True, head=True, direction="same"), "is true, as it was"),
        (
            ScrapDelta(base=1.00000001, head=1.00000002, change=1e-8, direction="up"),
            "was 1.00000001, is 1.00000002 ↑",
        ),
        (ScrapDelta(base=10**400, head=2, direction="down"), f"was {10**400}, is 2 ↓"),
    ],
)
def test_a_scrap_is_told_as_it_was_and_is(delta: ScrapDelta, said: str) -> None:
    assert words.was_and_is(delta) == said


@pytest.mark.parametrize(
    ("delta", "said"),
    [
        (SCORE, "+0.05 (+5.6%)"),
        (ScrapDelta(base=0, head=-2, change=-2, direction="down"), "−2"),
        (ScrapDelta(base=-4, head=-2, change=2, direction="up"), "+2 (+50.0%)"),
        (ScrapDelta(base="a", head="b", direction="changed"), ""),
    ],
)
def test_a_change_is_told_in_numbers_and_as_a_share(delta: ScrapDelta, said: str) -> None:
    assert words.change(delta) == said


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "agent/edit (2e2e2e2e2e) against main (1f1f1f1f1f), since 3d3d3d3d3d"),
        ({"merge_base": "1f" * 20}, "agent/edit (2e2e2e2e2e) against main (1f1f1f1f1f)"),
        (
            {"head": "working tree", "head_commit": None, "merge_base": None},
            "working tree against main (1f1f1f1f1f), with no history in common",
        ),
        (
            {"head": "2e" * 20, "merge_base": "1f" * 20},
            "2e2e2e2e2e against main (1f1f1f1f1f)",
        ),
    ],
)
def test_it_is_told_what_was_compared(fields: dict[str, Any], said: str) -> None:
    assert words.compared(review(**fields)) == said


def test_times_and_memory_are_told_with_what_they_were() -> None:
    assert words.seconds(2.14, 200.0) == "2.1 s (was 3 min 20 s)"
    assert words.seconds(0.0123) == "0.012 s"
    assert words.seconds(None) == ""
    assert words.memory(2**30, 2**20) == "1,024 MiB (was 1 MiB)"


def test_a_comment_says_the_verdict_first_and_each_answer_apart() -> None:
    told = failed().to_markdown()

    assert told.startswith(f"{MARKER}\n## ❌ Notebook review: fails\n\n**3 notebooks changed: ")
    rows = [line for line in told.split("\n") if line.startswith("| `")]
    assert [row.split(" | ")[:3] for row in rows] == [
        ["| `c.ipynb`", "❌ no", "–"],
        ["| `b.ipynb`", "✅ yes", "⚠️ no"],
        ["| `a.ipynb`", "✅ yes", "✅ yes"],
    ]
    assert "`health_score` was 0.89, is 0.94 ↑" in rows[1]
    assert "cells\\[2\\] (c.ipynb:57): ZeroDivisionError: division by zero" in told
    assert "❌ schedules/fleet.yaml:7 (fleet): division by zero. Say it there, too." in told
    assert "1 of 3 compared cells differs** from `runs/reference/b.ipynb` (the base's)" in told
    assert "-b\n+c\n" in told
    assert "`terminal` 2 (was 1): 1 ok, 1 failed, 2 replayed" in told


def test_the_source_is_folded_and_in_a_fence(tmp_path: Path) -> None:
    made = held(tmp_path, passing(), [cell("x = 1", "c0")], [cell("x = 2", "c0")])
    told = review(made).to_markdown()

    assert "<details><summary>Source: 1 cell changed</summary>\n\n`~ cells[0] c0: source`" in told
    assert "```diff\n@@ -1 +1 @@\n-x = 1\n+x = 2\n```" in told


def test_text_tells_the_same_in_lines() -> None:
    told = str(failed())

    assert told.startswith("fail: 3 notebooks changed: 1 does not execute")
    assert "c.ipynb modified · executes: no · matches reference: –\ncells[2] (c.ipynb:57)" in told
    assert "  >   2 1 / x\n" in told
    assert "health_score was 0.89, is 0.94 ↑ +0.05 (+5.6%)\n" in told
    assert "  stdout\n     a\n    -b\n    +c\n  in its scraps\n" in told
    assert "tool terminal: 2 (was 1): 1 ok, 1 failed, 2 replayed" in told
    kinds = {line.text: line.kind for line in lines(failed())}
    assert kinds["    -b"] == "removed"
    assert kinds["cells[2] (c.ipynb:57): ZeroDivisionError: division by zero"] == "bad"


def test_of_objects_that_differ_it_is_told_what_they_show() -> None:
    differences = [
        Difference(
            kind="text/plain", problem="value", expected="<IPython.core.display.Markdown object>",
            actual="<IPython.core.display.Latex object>",
        ),
        Difference(kind="text/markdown", problem="missing", expected="# Title"),
        Difference(kind="text/latex", problem="unexpected", actual="$x$"),
    ]  # fmt: skip
    shown = CellReview(
        index=0, id="c0", status="ok", duration_seconds=0.5, matches=False, differences=differences
    )
    made = review(differing(cells=[shown]), verdict="differs")

    for told in (made.to_markdown(), str(made)):
        assert "# Title" in told
        assert "text/latex is not expected" in told
        assert "IPython" not in told


def test_what_matters_least_is_left_out_first_and_named() -> None:
    whole = failed()
    for told in (whole.to_markdown(1_700), whole.for_llm(900)):
        assert "ZeroDivisionError" in told
        assert "was 0.89, is 0.94" in told
        assert re.search(r"[Ll]eft out to keep this short: .*steps", told)


@pytest.mark.parametrize("count", [1, 60])
@pytest.mark.parametrize("max_chars", [0, 1, 60, 400, 3_000, 60_000])
def test_no_report_is_longer_than_asked_for(count: int, max_chars: int) -> None:
    notebooks = [
        kind(f"notebooks/{number:03}.ipynb")
        for number in range(count)
        for kind in (passing, differing, failing)
    ]
    made = review(*notebooks, verdict="fail", warnings=["w" * 500] * 30)

    assert len(made.for_llm(max_chars)) <= max_chars
    assert len(made.to_markdown(max_chars)) <= max(max_chars, 1)
    if max_chars >= 400:
        assert made.for_llm(max_chars).startswith(f"fail: {3 * count} notebooks changed")
        assert made.to_markdown(max_chars).startswith(f"{MARKER}\n## ❌")


@settings(max_examples=60)
@given(text=hostile)
def test_a_comment_calls_nobody_and_holds_no_markup_but_ours(text: str) -> None:
    notebooks = [
        failing(f"a{text}.ipynb", text, warnings=[text], parameters_from=text),
        differing(f"b{text}.ipynb", scraps={f"s{text}": ScrapDelta(
            base=text, head=f"{text}.", direction="changed")}),
    ]  # fmt: skip
    made = review(*notebooks, verdict="fail", head=f"h{text}", warnings=[text])
    told = made.to_markdown()
    seen = Rendered(told)

    assert seen.tags <= _OURS
    assert re.search(r"[@#!]\w|GH-\d", seen.words) is None
    assert set(seen.rows) <= {5, 4}
    assert seen.open == []
    assert not set(told) & {"\u202e", "\x1b", "\r", "\u2028"}
    assert len(told) <= 60_000


@given(text=hostile, max_chars=st.integers(0, 3_000))
def test_text_is_plain_and_bounded(text: str, max_chars: int) -> None:
    made = review(failing(f"a{text}.ipynb", text), verdict="fail", warnings=[text])
    told = made.for_llm(max_chars)

    assert len(told) <= max_chars
    assert not set(told) & {"\u202e", "\x1b", "\r", "\u2028"}


def test_the_json_of_a_review_is_read_back_to_the_same_report() -> None:
    made = failed()
    read = Review.model_validate_json(made.to_json())

    assert read.to_markdown() == made.to_markdown()
    assert str(read) == str(made)
    assert PATH not in str(read)
