"""The docs page says what the suite asserts, and nothing else."""

from __future__ import annotations

import re

from .corpus import BY_NAME
from .differences import DIFFERENCES
from .documentation import PAGE, page


def test_page_is_made_from_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "run: python -m tests.differential.documentation"
    )


def test_page_lists_every_difference_and_nothing_else() -> None:
    headings = re.findall(r"(?m)^### (.+)$", PAGE.read_text(encoding="utf-8"))
    assert headings == [difference.name for difference in DIFFERENCES]


def test_each_difference_names_notebooks_of_the_corpus() -> None:
    for difference in DIFFERENCES:
        assert difference.notebooks
        assert set(difference.notebooks) <= set(BY_NAME), difference.name
