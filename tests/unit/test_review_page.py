"""The page of a review: whatever notebooks hold, it shows, runs nothing, asks nobody, and ends."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notebook_executor.review.models import ReferenceReview, Review, ReviewedNotebooks
from tests.reviews import (
    cell,
    differing,
    failing,
    held,
    passing,
    printed,
    review,
    shown,
)

PNG = "iVBORw0KGgo="
_ALONE = {"meta", "br", "img", "col", "rect"}
_ATTRIBUTES = {
    *("charset", "http-equiv", "content", "name", "lang", "class", "id", "href", "src", "alt"),
    *("aria-labelledby", "aria-label", "aria-hidden", "scope", "colspan", "data-name"),
    *("width", "height", "y", "viewbox", "preserveaspectratio"),
}
_TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "nav", "article"),
    *("section", "h1", "h2", "h3", "h4", "p", "ul", "li", "dl", "dt", "dd", "div", "span", "b"),
    *("strong", "a", "table", "colgroup", "col", "thead", "tbody", "tr", "th", "td", "pre"),
    *("details", "summary", "img", "svg", "rect", "mark", "br"),
}


class Page(HTMLParser):
    """What a browser finds; each element is known, closed, and without an effect."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.images: list[str] = []
        self.headings: list[tuple[int, str]] = []
        self.words = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _TAGS
        if tag not in _ALONE:
            self._open.append(tag)
        if re.fullmatch("h[1-4]", tag):
            self.headings.append((int(tag[1]), ""))
        for name, value in attrs:
            assert name in _ATTRIBUTES
            if name == "id":
                self.ids.append(value or "")
            if name == "href":
                self.links.append(value or "")
            if name == "src":
                self.images.append(value or "")
                assert (value or "").startswith("data:image/")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _ALONE

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data
        if self._open and re.fullmatch("h[1-4]", self._open[-1]):
            level, text = self.headings[-1]
            self.headings[-1] = level, text + data


def page(made: Review) -> Page:
    return Page(made.to_html())


def test_the_page_says_what_a_reviewer_wants_to_know(tmp_path: Path) -> None:
    before = [cell("limit = 0.95", "c0"), cell("show()", "c1", printed("a\nb\n"))]
    now = [cell("limit = 0.9", "c0"), cell("show()", "c1", printed("a\nc\n"))]
    made = review(
        passing("fine.ipynb"),
        held(tmp_path, differing("fleet.ipynb", warnings=["be careful"]), before, now),
        failing("bad.ipynb"),
        verdict="fail",
    )
    html = made.to_html()
    seen = Page(html)

    assert seen.headings[0] == (1, " Notebook review")
    assert [text for level, text in seen.headings if level == 2] == [
        " bad.ipynb",
        " fleet.ipynb",
        " fine.ipynb",
    ]
    assert "<dt>health_score</dt><dd>was <b>0.89</b>, is <b>0.94</b> ↑ " in html
    assert '<td class="came">limit = 0.9</td>' in html
    assert '<td class="gone"><mark>b</mark></td>' in html or '<td class="gone">b</td>' in html
    assert "cells[2] (bad.ipynb:57): ZeroDivisionError: division by zero" in seen.words
    assert "schedules/fleet.yaml:7 (fleet): division by zero" in seen.words
    assert "be careful" in seen.words
    assert "default-src 'none'" in html


def test_every_link_leads_somewhere_and_no_level_of_heading_is_left_out(tmp_path: Path) -> None:
    outputs = held(tmp_path, differing(), [cell("x", "c1")], [cell("y", "c1", printed("y"))])
    seen = page(review(passing("a"), outputs, failing("c"), verdict="fail"))

    assert len(seen.ids) == len(set(seen.ids))
    assert {link.removeprefix("#") for link in seen.links} <= set(seen.ids)
    assert {"#notebook-1", "#notebook-2", "#notebook-3", "#top"} <= set(seen.links)
    levels = [level for level, _ in seen.headings]
    assert all(new - old <= 1 for old, new in pairwise(levels))


def test_pictures_stand_side_by_side(tmp_path: Path) -> None:
    before = [cell("plot()", "c1", shown(image_png=PNG))]
    now = [cell("plot()", "c1", shown(image_png=f"{PNG[:4]}BBBB"))]
    html = review(held(tmp_path, passing(), before, now)).to_html()

    left, right = html.index(f"base64,{PNG}"), html.index(f"base64,{PNG[:4]}BBBB")
    assert left < right
    assert '<div class="pair">' in html[:left]
    assert "matches, as what differs does not count" in html
    assert "before: runs/reference/notebooks/fleet.ipynb" in html


def test_a_change_that_brings_its_own_reference_is_shown_beside_the_one_before(
    tmp_path: Path,
) -> None:
    own = ReferenceReview(path="runs/reference/x.ipynb", side="head", changed=True, compared=1)
    before = [cell("a", "c1", printed("old"))]
    now = [cell("a", "c1", printed("new"))]
    made = review(held(tmp_path, passing(reference=own), before, now))

    assert "cells[1] c1: as its own reference has it" in made.to_html()
    assert "before: the base's reference" in page(made).words
    assert "| ✅ yes (its own) |" in made.to_markdown()


def test_equal_outputs_are_counted_scraps_are_told_by_name_and_new_cells_stand_alone(
    tmp_path: Path,
) -> None:
    scrap = {"application/scrapbook.scrap.json+json": {"name": "x", "data": 1}}
    glued = {"output_type": "display_data", "metadata": {}, "data": scrap}
    before = [cell("a", "c0", printed("same")), cell("b", "c1", glued)]
    now = [cell("a", "c0", printed("same")), cell("b", "c1"), cell("c", "c2", printed("new"))]
    words = page(review(held(tmp_path, differing(), before, now), verdict="differs")).words

    assert "the same as before: cells[0] c0" in words
    assert "application/scrapbook" not in words
    assert "cells[2] c2: a new cell" in words


def test_without_a_reference_the_outputs_are_shown_alone(tmp_path: Path) -> None:
    notebook = passing(reference=None, matches_reference=None, cells=[])
    made = review(held(tmp_path, notebook, None, [cell("a", "c0", printed("hello"))]))
    html = made.to_html()

    assert '<div class="alone"><pre class="stream stdout">hello</pre></div>' in html
    assert "cells[0] c0: what it puts out" in html


def test_a_review_that_was_read_has_its_page_without_outputs(tmp_path: Path) -> None:
    made = review(held(tmp_path, differing(), [cell("a", "c1")], [cell("b", "c1", printed("x"))]))
    read = Review.model_validate_json(made.to_json())

    assert '<pre class="stream stdout">x</pre>' in made.to_html()
    words = page(read).words
    assert "This report was made without the executed notebook; see run 2026" in words
    assert "-a\n  +b" in words


def test_a_page_of_nothing_is_a_page() -> None:
    assert "no notebook changed" in page(review(verdict="nothing_to_compare")).words


def test_twenty_notebooks_with_twenty_megabytes_each_make_a_page_that_opens() -> None:
    picture = "A" * 2_000_000  # one for all: it is the page that must not hold them

    def big(number: int) -> Any:
        cells = [cell("plot()", f"c{n}", shown(image_png=picture)) for n in range(10)]
        made = passing(f"{number:02}.ipynb", output_path=f".nbx/{number:02}.ipynb")
        head = nbformat.v4.new_notebook(cells=cells)
        return made.with_notebooks(ReviewedNotebooks(head=head))

    html = review(*map(big, range(20))).to_html()

    assert len(html) < 20_000_000
    assert html.count("Left out, as this page would be too large: cells[") == 20
    assert "(2.0 MB)" in html
    assert "see .nbx/19.ipynb." in html


def test_many_outputs_of_a_cell_are_counted(tmp_path: Path) -> None:
    outputs = [shown(text_plain=f"value {n}") for n in range(5_000)]
    made = held(tmp_path, passing(), [cell("x", "c0")], [cell("x", "c0", *outputs)])
    html = review(made).to_html()

    assert "… and 4900 outputs more" in html
    assert html.count("<pre class=") == 100


def test_long_sources_are_cut_and_it_is_said(tmp_path: Path) -> None:
    texts = ["\n".join(f"{n} = {word * 900}" for n in range(400)) for word in "ab"]
    sides = [[cell(text, f"c{n}") for n in range(15)] for text in texts]
    html = review(held(tmp_path, passing(), *sides)).to_html()

    assert len(html) < 8_000_000
    assert "The rest is left out: this page would be too long." in html


hostile = st.lists(
    st.sampled_from(
        [
            *("<script>", "</script>", "<!--", "-->", "</article>", "</section>", "</style>", '"'),
            *("'", ">", "<", "&", "&lt;", "<img src=http://e.org/x onerror=y>", "javascript:x"),
            *("\u202e", "\ud800", "\x00", "\x1b[31m", "a", " ", "\n", "<svg onload=x>", "]]>"),
        ]
    ),
    max_size=8,
).map("".join)


@settings(max_examples=60)
@given(text=hostile)
def test_hostile_text_stays_text(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    rich = shown(text_html=text, image_png=text, text_plain=text)
    now = [cell(text, "c1", printed(text)), cell("x", "c2", rich)]
    made = held(
        tmp_path_factory.mktemp("page"),
        failing(f"a{text}", text, parameters={"p": text}, parameters_from=text, warnings=[text]),
        [cell("x", "c1", printed("x"))],
        now,
    )
    html = review(made, verdict="fail", head=text, warnings=[text]).to_html()

    Page(html)
    assert not set(html) & {"\u202e", "\x1b", "\x00"}
    assert html.encode()
