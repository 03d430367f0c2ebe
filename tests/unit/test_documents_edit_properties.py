"""What holds for any notebook file, however it is written, and for any batch of edits."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notebook_executor.documents.editing import edit_notebook
from notebook_executor.documents.reading import parse_notebook
from notebook_executor.documents.writing import serialise
from notebook_executor.documents.written import elements, members
from notebook_executor.errors import UsageError

lines = st.sampled_from(
    ["x = 1", "é 'ü'", "", "\\u00e9", '"\\', "</b>", "𝄞", "\x1b[0m", "\t", "a\rb"]
)
sources = st.lists(lines, max_size=4).map("\n".join)
outputs = st.lists(
    sources.map(lambda text: {"name": "stdout", "output_type": "stream", "text": [text]}),
    max_size=2,
)
metadata = st.sampled_from(
    [{}, {"tags": ["a"]}, {"z": 1, "b": {"é": [1.5, None]}}, {"tags": ["b", "a"], "nbx": {"y": 1}}]
)


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A notebook file as some tool may have written it."""
    minor = draw(st.sampled_from([4, 5]))
    as_text = draw(st.booleans())
    content = {
        "nbformat": 4,
        "nbformat_minor": minor,
        "metadata": draw(metadata),
        "cells": [_cell(draw, number, minor, as_text) for number in range(draw(st.integers(0, 4)))],
    }
    return _written(draw, content)


def _cell(draw: st.DrawFn, number: int, minor: int, as_text: bool) -> dict[str, Any]:
    source = draw(sources)
    cell: dict[str, Any] = {
        "source": source if as_text else source.splitlines(True),
        "metadata": draw(metadata),
        "cell_type": draw(st.sampled_from(["code", "markdown"])),
    }
    if cell["cell_type"] == "code":
        cell |= {"outputs": draw(outputs), "execution_count": draw(st.sampled_from([None, 3]))}
    return cell | ({"id": f"cell-{number}"} if minor == 5 else {})


def _written(draw: st.DrawFn, content: dict[str, Any]) -> bytes:
    text = json.dumps(
        content,
        indent=draw(st.sampled_from([1, 2, 4, "\t", 0, None])),
        ensure_ascii=draw(st.booleans()),
        sort_keys=draw(st.booleans()),
        separators=draw(st.sampled_from([None, (",", ":")])),
    )
    text = text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))
    if draw(st.booleans()):  # as if by hand; no string here holds a comma
        text = text.replace(",", " ,  ", 3)
    end = draw(st.sampled_from(["", "\n", "\n\n"]))
    return (draw(st.sampled_from(["", "\ufeff"])) + text + end).encode()


addresses = st.integers(0, 4) | st.sampled_from(["cell-0", "cell-1", "cell-3", "tag:a", "2", "new"])
new_cells = st.fixed_dictionaries(
    {"source": sources},
    optional={
        "cell_type": st.sampled_from(["code", "markdown", "raw"]),
        "id": st.just("new"),
        "tags": st.just(["t"]),
    },
)
policies = st.sampled_from(["stale", "clear", "keep"])


def _op(name: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"op": st.just(name), **fields})


of_cell = {"cell": addresses}
some_edits = st.one_of(
    _op("replace_source", **of_cell, source=sources, outputs=policies),
    _op("find_replace", find=st.sampled_from(["x", "é", "\n"]), replace=lines, count=st.none()),
    st.builds(lambda op, new: {**op, **new}, _op("insert_before", **of_cell), new_cells),
    st.builds(lambda op, new: {**op, **new}, _op("insert_after", **of_cell), new_cells),
    st.builds(lambda op, new: {**op, **new}, _op("append"), new_cells),
    _op("delete", **of_cell),
    _op("move", **of_cell, after=addresses),
    _op("move", **of_cell, before=addresses),
    _op("set_tags", **of_cell, tags=st.lists(st.sampled_from("abc"), max_size=2, unique=True)),
    _op("set_metadata", **of_cell, metadata=st.sampled_from([{"b": None}, {"é": {"n": [1]}}])),
    _op("set_metadata", metadata=st.sampled_from([{"z": None}, {"b": {"y": "é"}}])),
    _op("clear_outputs"),
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any") / "a.ipynb"


@given(data=files(), batch=st.lists(some_edits, min_size=1, max_size=5))
def test_an_edit_and_its_inverse_leave_the_same_bytes(
    path: Path, data: bytes, batch: list[Any]
) -> None:
    path.write_bytes(data)
    try:
        report = edit_notebook(path, batch)
    except UsageError:
        assert path.read_bytes() == data
        return
    edited = path.read_bytes()
    assert report.changed == (edited != data)
    parse_notebook(edited, "edited")

    back = edit_notebook(path, json.loads(report.to_json())["inverse"])
    assert path.read_bytes() == data

    edit_notebook(path, back.inverse)
    assert path.read_bytes() == edited


@given(data=files(), source=sources, number=st.integers(0, 3), policy=policies)
def test_a_one_cell_edit_changes_that_cell_alone(
    path: Path, data: bytes, source: str, number: int, policy: str
) -> None:
    text = data.decode()
    places = list(elements(text, members(text, text.index("{"))["cells"].start))
    if number >= len(places):
        return
    path.write_bytes(data)

    edit_notebook(
        path, {"op": "replace_source", "cell": number, "source": source, "outputs": policy}
    )

    edited = path.read_bytes().decode()
    start, end = places[number][0]
    assert edited.startswith(text[:start])
    assert edited.endswith(text[end:])
    notebook = parse_notebook(path.read_bytes(), "edited")
    assert notebook.cells[number].source == source


@given(data=files(), batch=st.lists(some_edits, max_size=3))
def test_what_is_canonical_stays_canonical(path: Path, data: bytes, batch: list[Any]) -> None:
    canonical = serialise(parse_notebook(data, "any"))
    assert serialise(parse_notebook(canonical, "any")) == canonical
    path.write_bytes(canonical)
    with contextlib.suppress(UsageError):
        edit_notebook(path, batch)

    edited = path.read_bytes()
    assert serialise(parse_notebook(edited, "any")) == edited


@given(source=sources)
def test_lines_that_stay_are_written_as_they_were(path: Path, source: str) -> None:
    cell = '{"cell_type": "raw", "source": ["\\u003cb\\u003e\\n", "\\/"], "metadata": {}}'
    path.write_text(f'{{"cells": [{cell}], "metadata": {{}}, "nbformat": 4, "nbformat_minor": 4}}')

    edit_notebook(path, {"op": "replace_source", "cell": 0, "source": f"<b>\n{source}"})

    assert '"\\u003cb\\u003e\\n"' in path.read_text()
