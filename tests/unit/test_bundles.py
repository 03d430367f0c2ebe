"""What a MIME bundle says in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest

from notebook_executor.bundles import only_names, telling, words_of
from notebook_executor.documents.outline import outline
from notebook_executor.execution.results import output_text

MARKDOWN = {"text/markdown": "# Title", "text/plain": "<IPython.core.display.Markdown object>"}
PICTURE = {"image/png": "iVBORw0KGgo=", "text/plain": "<IPython.core.display.Image object>"}
STYLER = "<pandas.io.formats.style.Styler at 0x7f2a>"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"text/plain": "42"}, "42"),
        ({"text/plain": "42", "text/html": "<b>42</b>"}, "42"),
        ({"text/plain": ["a\n", "b"]}, "a\nb"),
        ({"text/plain": "<Figure size 640x480>", "image/png": "iVBO"}, "<Figure size 640x480>"),
        ({"text/plain": "<__main__.Own at 0x7f2a>"}, "<__main__.Own at 0x7f2a>"),
        (MARKDOWN, "# Title"),
        ({"text/markdown": ["# T\n", "it"]}, "# T\nit"),
        ({"text/latex": "$x$", "text/plain": "<IPython.core.display.Latex object>"}, "$x$"),
        ({"text/html": "<i>1</i>", "text/plain": STYLER}, "<i>1</i>"),
        ({"text/html": f'<img src="{"A" * 300}">'}, '<img src="[base64, 300 characters]">'),
        ({"application/json": {"ä": [1]}}, '{"ä": [1]}'),
        (PICTURE, ""),
        ({}, ""),
    ],
)
def test_words(data: dict[str, Any], words: str) -> None:
    assert words_of(data) == words


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("<IPython.core.display.Markdown object>\n<IPython.core.display.Latex object>", True),
        (STYLER, True),
        ("", False),
        ("<Figure>", False),
        ("<b>bold</b>", False),
        ("<IPython.core.display.Markdown object>\nand more", False),
    ],
)
def test_the_name_of_a_class_is_nothing_to_read(text: str, names: bool) -> None:
    assert only_names(text) is names


def test_a_name_is_kept_where_there_is_nothing_else() -> None:
    assert telling({"text/plain": STYLER}) == {"text/plain": STYLER}
    assert telling(PICTURE) == {"image/png": PICTURE["image/png"]}


def test_outlines_and_results_have_the_words(tmp_path: Path) -> None:
    displays = [
        nbformat.v4.new_output("display_data", data=data)
        for data in (MARKDOWN, PICTURE, {"text/html": "<p>there</p>"})
    ]
    cell = nbformat.v4.new_code_cell("show()", outputs=displays)
    file = tmp_path / "a.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), file)

    assert outline(file)[0].output_preview == "# Title [image/png, 12 characters] <p>there</p>"
    assert output_text(cell) == "# Title\n[image/png]\n<p>there</p>\n"
