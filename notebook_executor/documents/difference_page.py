"""A difference as one page of its own."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from notebook_executor.documents.difference_parts import (
    difference_parts,
    difference_style,
    pair,
)
from notebook_executor.documents.difference_text import title
from notebook_executor.html_page import html_page

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from notebook_executor.documents.difference import NotebookDiff

_STYLE = "body { max-width: 100rem; }\nh1 { font-size: 1.1rem; margin: 0 0 .6rem; }\n"


def page(diff: NotebookDiff, a: NotebookNode, b: NotebookNode) -> str:
    """The page.

    Args:
        diff: What changed.
        a: The first notebook, as it was compared.
        b: The second.
    """
    names = pair(escape(diff.path_a), escape(diff.path_b), "names")
    body = [
        f"<header><h1>{escape(title(diff))}</h1>{names}</header>\n<main>\n",
        *difference_parts(diff, a, b),
        "</main>",
    ]
    return html_page(f"{diff.path_a} → {diff.path_b}", body, difference_style(), _STYLE)
