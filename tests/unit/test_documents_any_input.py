"""Whatever a file holds: a notebook that everything here can use, or a typed error."""

from __future__ import annotations

import contextlib
import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notebook_executor.documents.canonical import non_finite_places
from notebook_executor.documents.cells import check_runnable, find_cell
from notebook_executor.documents.diffing import diff_notebooks
from notebook_executor.documents.editing import edit_notebook
from notebook_executor.documents.outline import outline
from notebook_executor.documents.parameters_cell import read_parameters
from notebook_executor.documents.reading import adopt, parse_notebook, read_notebook
from notebook_executor.documents.stripping import strip_data
from notebook_executor.documents.validation import validate_notebook
from notebook_executor.documents.writing import serialise
from notebook_executor.errors import DocumentError, UsageError
from notebook_executor.scraps.collecting import collect_scraps

WORDS = [
    *("cell_type", "code", "markdown", "raw", "heading", "source", "metadata", "outputs", "id"),
    *("output_type", "stream", "display_data", "execute_result", "error", "pyout", "name", "text"),
    *("data", "text/plain", "image/png", "traceback", "ename", "evalue", "execution_count", "tags"),
    *("parameters", "kernelspec", "language_info", "attachments", "input", "worksheets", "cells"),
    *("papermill", "scrapbook", "display", "application/scrapbook.scrap.json+json", "trusted"),
    *("language", "python", "x = 1", "x: int", "nbformat", "\ud800", "level", "encoder", "json"),
]
words = st.sampled_from(WORDS)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.sampled_from([0, -1, 1.5, float("nan")]) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)


def oddly(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """An object with these fields, where any may be missing, or hold anything."""
    usual = st.fixed_dictionaries({}, optional=fields)
    one_odd = st.tuples(usual, st.dictionaries(words, values, max_size=1))
    return usual | one_odd.map(lambda both: {**both[0], **both[1]}) | values


output = oddly(
    output_type=st.sampled_from(["stream", "display_data", "execute_result", "error"]),
    name=st.just("stdout"),
    text=st.just("a\nb") | st.just(["a\n", "b"]),
    data=st.dictionaries(words, values, max_size=2),
    metadata=st.just({}) | st.just({"scrapbook": {"name": "x", "display": True}}),
)
cell = oddly(
    cell_type=st.sampled_from(["code", "code", "markdown", "raw"]),
    source=st.sampled_from(["x = 1", "%magic\nx: int", ["x = ", "1"], ""]),
    metadata=st.just({}) | st.just({"tags": ["parameters"]}),
    outputs=st.lists(output, max_size=2),
    id=st.sampled_from(["a", "b"]),
    attachments=st.dictionaries(words, st.dictionaries(words, values, max_size=1), max_size=1),
)
version_4 = st.fixed_dictionaries(
    {"nbformat": st.just(4), "cells": st.lists(cell, max_size=3)},
    optional={"nbformat_minor": st.integers(0, 6), "metadata": st.just({}) | values},
)
old_cell = oddly(
    cell_type=st.sampled_from(["code", "markdown", "heading"]),
    input=words,
    source=words,
    outputs=st.lists(output, max_size=1),
    level=st.just(1),
)
old = st.fixed_dictionaries(
    {
        "nbformat": st.sampled_from([2, 3]),
        "worksheets": st.lists(oddly(cells=st.lists(old_cell, max_size=2)), max_size=2),
    },
    optional={"metadata": values},
)


@given(content=version_4 | old | values)
def test_any_content(tmp_path_factory: pytest.TempPathFactory, content: Any) -> None:
    path = tmp_path_factory.mktemp("any") / "a.ipynb"
    path.write_text(json.dumps(content), encoding="utf-8")
    before = path.read_bytes()

    report = validate_notebook(path)
    error = failure_of_using(path)
    if error is not None:
        assert error.details["kind"] == "invalid_notebook"
        assert not report.valid
    assert path.read_bytes() == before


edits: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"op": "replace_source", "cell": 0, "source": "\ud800"},
        {"op": "append", "source": "q"},
        {"op": "delete", "cell": 0},
        {"op": "set_metadata", "metadata": {"k": 1}},
        {"op": "set_metadata", "cell": 0, "metadata": {"k": 1}},
        {"op": "set_parameter", "name": "x", "value": [1]},
        {"op": "clear_outputs"},
    ]
)


@given(content=version_4 | old | values, edit=edits, indent=st.sampled_from([1, None]))
def test_any_content_is_edited_and_stripped_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: Any, edit: dict[str, Any], indent: Any
) -> None:
    path = tmp_path_factory.mktemp("any") / "a.ipynb"
    before = json.dumps(content, indent=indent).encode()
    path.write_bytes(before)
    with contextlib.suppress(DocumentError):
        stripped = strip_data(before, "any")
        assert strip_data(stripped, "any") == stripped
    try:
        report = edit_notebook(path, edit)
    except UsageError:
        assert path.read_bytes() == before
        return
    edit_notebook(path, report.inverse)
    assert path.read_bytes() == before


def failure_of_using(path: Path) -> DocumentError | None:
    try:
        use(path)
    except DocumentError as error:
        return error
    return None


def use(path: Path) -> None:
    nb = read_notebook(path)
    again = parse_notebook(serialise(nb), "again")
    assert serialise(again) == serialise(nb)
    given = copy.deepcopy(nb)
    assert serialise(adopt(nb)) == serialise(nb) == serialise(given)
    assert [find_cell(nb, c.id) for c in nb.cells] == list(range(len(nb.cells)))
    assert [cell.id for cell in outline(path)] == [cell.id for cell in nb.cells]
    non_finite_places(nb)
    collect_scraps(nb)
    assert diff_notebooks(path, path).identical
    with contextlib.suppress(DocumentError):  # code that is not Python, or cannot be sent
        check_runnable(nb)
        read_parameters(nb).json_schema()
