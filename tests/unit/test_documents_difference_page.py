"""The page of a difference: whatever a notebook holds, it shows, runs nothing and asks nobody."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notebook_executor.documents.difference import NotebookDiff
from notebook_executor.documents.diffing import diff_notebooks
from notebook_executor.documents.page_table import text_table
from notebook_executor.documents.safe_html import sanitised
from notebook_executor.errors import UsageError
from tests.unit.test_documents_patching import code, files, write

PNG = "iVBORw0KGgo="


class Tags(HTMLParser):
    """All that a browser could run or ask for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.dangers: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        for name, value in attrs:
            harmless = name == "src" and (value or "").startswith("data:image/")
            if name.startswith("on") or (name in ("src", "href", "srcset") and not harmless):
                self.dangers.append(f"{tag} {name}={value}")


def page_of(folder: Path, a: list[Any], b: list[Any]) -> str:
    diff = diff_notebooks(write(folder / "a.ipynb", *a), write(folder / "b.ipynb", *b))
    return diff.to_html()


def display(**data: Any) -> dict[str, Any]:
    mimes = {mime.replace("_", "/"): value for mime, value in data.items()}
    return {"output_type": "display_data", "data": mimes, "metadata": {}}


def with_outputs(*outputs: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**code("show()", "show"), "outputs": list(outputs)}]


def test_images_are_in_the_page_side_by_side(tmp_path: Path) -> None:
    one, other = display(image_png=PNG), display(image_png=f"{PNG[:6]}\n{PNG[6:]}\n")
    html = page_of(tmp_path, with_outputs(one), with_outputs(other, display(image_jpeg=PNG)))

    assert html.count(f'src="data:image/png;base64,{PNG}"') == 2
    assert html.count(f'src="data:image/jpeg;base64,{PNG}"') == 1


def test_an_svg_is_an_image_and_no_part_of_the_page(tmp_path: Path) -> None:
    svg = {"image/svg+xml": "<svg><script>alert(1)</script></svg>"}
    output = {"output_type": "display_data", "data": svg, "metadata": {}}
    html = page_of(tmp_path, with_outputs(), with_outputs(output))

    assert 'src="data:image/svg+xml;base64,PHN2Zz48' in html
    assert not Tags(html).names & {"svg", "script"}


def test_html_is_shown_without_what_it_could_do(tmp_path: Path) -> None:
    hostile = (
        "<table onclick=x><tr><td style='background:url(http://e.org)'>1 &lt; 2</td></tr></table>"
        "<script>alert(1)</script><img src=http://e.org/x.png><svg><g onload=x></svg>"
        "<a href='javascript:alert(1)'>here</a><iframe src=x>no</iframe></section></main>"
    )
    html = page_of(tmp_path, with_outputs(), with_outputs(display(text_html=hostile)))

    assert "<table><tr><td>1 &lt; 2</td></tr></table><img><a>here</a>" in html
    assert html.count("</section>") == html.count("<section")
    assert Tags(html).dangers == []


def test_what_is_no_image_is_told_as_text(tmp_path: Path) -> None:
    odd = [display(image_png='"><script>x</script>'), display(application_x="<b>")]
    html = page_of(tmp_path, with_outputs(), with_outputs(*odd, display(image_png=[1])))

    assert "image/png, 20 bytes, sha256" in html
    assert "script" not in Tags(html).names


def test_an_object_is_shown_in_the_form_that_says_something(tmp_path: Path) -> None:
    hostile = "# Title\n\n<script>alert(1)</script>\u202e ![](http://e.org/x.png)"
    named = display(text_markdown=hostile, text_plain="<IPython.core.display.Markdown object>")
    data = display(text_plain="<IPython.core.display.JSON object>", application_json={"rows": 7})
    html = page_of(tmp_path, with_outputs(), with_outputs(named, data))

    shown = "# Title\n\n&lt;script&gt;alert(1)&lt;/script&gt;\\u202e ![](http://e.org/x.png)"
    assert f'<pre class="text">{shown}</pre>' in html
    assert "&quot;rows&quot;: 7" in html
    assert "IPython" not in html
    assert Tags(html).dangers == []


def test_cells_that_came_went_moved_and_stayed(tmp_path: Path) -> None:
    before = [code(f"cell {n} of the <notebook>", f"c{n}") for n in range(6)]
    after = [before[5], before[1], before[2], code("fresh", "fresh"), before[3], before[4]]
    html = page_of(tmp_path, before, after)

    headings = re.findall(r"<h2>(.*?)</h2>|<p class=\"same\">(.*?)</p>", html)
    assert [one or other for one, other in headings] == [
        "cells[5] → cells[0] c5 · code: moved",
        "removed cells[0] c0 · code",
        "2 unchanged cells",
        "added cells[3] fresh · code",
        "2 unchanged cells",
    ]
    assert "cell 5 of the &lt;notebook&gt;" in html


def test_lines_stand_side_by_side_with_what_changed_marked() -> None:
    lines = [f"line {n}" for n in range(20)]
    table = text_table("\n".join(lines), "\n".join([*lines[:9], "line nine", *lines[10:], "end"]))

    assert '<td class="gone">line <mark>9</mark></td>' in table
    assert '<td class="came">line <mark>nine</mark></td>' in table
    assert table.count('class="break"') == 2
    assert "line 5" not in table
    assert '<td class="none"></td><td class="number">21</td><td class="came">end</td>' in table


def test_a_page_stays_small_whatever_changed(tmp_path: Path) -> None:
    texts = ["\n".join(f"{n} {word * 50}" for n in range(20_000)) for word in "ab"]
    html = page_of(tmp_path, [code(texts[0], "x", texts[0])], [code(texts[1], "x", texts[1])])

    assert len(html) < 1_000_000
    assert "lines more" in html


def test_a_difference_that_was_read_has_no_page(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ipynb", code("x", "x"))
    read = NotebookDiff.model_validate_json(diff_notebooks(path, path).to_json())

    with pytest.raises(UsageError, match="has no notebooks to show"):
        read.to_html()


@settings(max_examples=40, deadline=None)
@given(a=files, b=files)
def test_any_two_notebooks_make_a_page(
    tmp_path_factory: pytest.TempPathFactory, a: bytes, b: bytes
) -> None:
    folder = tmp_path_factory.mktemp("page")
    for name, data in (("a.ipynb", a), ("b.ipynb", b)):
        (folder / name).write_bytes(data)

    html = diff_notebooks(folder / "a.ipynb", folder / "b.ipynb", noise=True).to_html()

    assert Tags(html).dangers == []
    assert html.encode().decode() == html


pieces = st.sampled_from(
    [
        *("<script>", "</script>", "<script/>", "<svg ", "onload=x", ">", "<", "</", "<!--", "-->"),
        *("<img src=", "data:image/png;base64,AA==", "data:text/html,x", "javascript:x", "&lt;"),
        *("<b>", "</b>", "<style>", "</style>", "<![CDATA[", "]]>", "<?", "'", '"', "`", "\0", "/"),
        *("<a href=", "<textarea>", "<title>", "<td", "<plaintext>", "<base href=//e.org>", " x"),
    ]
)


@settings(deadline=None)
@given(html=st.lists(pieces, max_size=12).map("".join))
def test_sanitised_html_is_harmless_and_stays_in_its_place(html: str) -> None:
    safe = sanitised(html)

    found = Tags(f"<section>{safe}</section><p>after</p>")
    assert found.dangers == []
    assert not found.names & {"script", "style", "svg", "base", "title", "textarea", "plaintext"}
    assert "p" in found.names
    assert sanitised(safe) == safe
