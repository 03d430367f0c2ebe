"""Where a cell's lines stand in its file, however that is laid out."""

from __future__ import annotations

import json
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notebook_executor.documents.source_lines import source_lines

_SOURCES = st.lists(st.text(st.sampled_from('ab \n"\\ü\u2028'), max_size=20), max_size=4)


def _notebook(sources: list[str]) -> Any:
    cells = [
        nbformat.v4.new_code_cell(source, id=f"c{number}") for number, source in enumerate(sources)
    ]
    return nbformat.v4.new_notebook(cells=cells)


@given(_SOURCES)
def test_each_line_is_found_where_nbformat_writes_it(sources: list[str]) -> None:
    text = nbformat.writes(_notebook(sources))
    lines = text.split("\n")

    found = source_lines(text.encode())

    assert len(found) == len(sources)
    for source, places in zip(sources, found, strict=True):
        assert places is not None
        parts = source.splitlines(keepends=True)
        if "\u2028" in source or not source:
            continue  # nbformat begins a new text there, Python no new line
        assert len(places.lines) == len(parts)
        for number, part in enumerate(parts, 1):
            written = lines[places.of(number) - 1].strip().rstrip(",")
            assert json.loads(written) == part
        assert '"source"' in lines[places.first - 2] or '"source"' in lines[places.first - 1]


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ('"one\\ntwo"', (1, 1, 1)),
        ('["one\\n", "two"]', (1, 1, 1)),
        ('["one\\n",\n"two"]', (1, 2, 1)),
        ('["o",\n"ne\\n",\n"two"]', (1, 3, 1)),
        ("[]", (1, 1, 1)),
    ],
)
def test_however_a_source_is_written(source: str, lines: tuple[int, ...]) -> None:
    """The third line is none that the source has: it is where the source begins."""
    text = f'{{"nbformat": 4, "cells": [{{"source": {source}}}]}}'

    (places,) = source_lines(text.encode())

    assert places is not None
    assert tuple(places.of(number) for number in (1, 2, 9)) == lines
    assert places.of(None) == 1


def test_what_has_no_sources_has_no_lines() -> None:
    assert source_lines(b'\xef\xbb\xbf{"worksheets": []}') == []
    assert source_lines(b'{"cells": [{"cell_type": "raw"}]}') == [None]
