"""The JSON of a notebook: nbformat's bytes, but always valid and always encodable."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notebook_executor.documents.canonical import non_finite_places
from notebook_executor.documents.reading import parse_notebook, read_notebook
from notebook_executor.documents.writing import serialise, write_notebook
from notebook_executor.errors import DocumentError

NAN = float("nan")

texts = st.text(max_size=20)  # lone surrogates are left out: nbformat cannot write them
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)
bundles = st.fixed_dictionaries(
    {"text/plain": texts, "application/json": json_values, "image/svg+xml": texts}
)
displays = st.builds(lambda data: {"output_type": "display_data", "data": data}, bundles)
streams = st.builds(lambda text: {"output_type": "stream", "text": text}, texts)
cells = st.builds(
    lambda kind, source, outputs, tags: {
        "cell_type": kind,
        "source": source,
        "metadata": {"tags": tags, "trusted": True},
        **({"outputs": outputs} if kind == "code" else {"attachments": {"a.txt": {"t": source}}}),
    },
    st.sampled_from(["code", "markdown", "raw"]),
    texts,
    st.lists(displays | streams, max_size=3),
    json_values,
)


def notebook(*outputs: Any, source: str = "x", **metadata: Any) -> nbformat.NotebookNode:
    code = {"cell_type": "code", "id": "a", "source": source, "metadata": {}}
    cells = [{**code, "execution_count": None, "outputs": list(outputs)}]
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}
    made: nbformat.NotebookNode = nbformat.from_dict(content)
    return made


def display(data: Any) -> dict[str, Any]:
    return {"output_type": "display_data", "data": data, "metadata": {}}


@given(cells=st.lists(cells, max_size=3), metadata=st.dictionaries(texts, json_values, max_size=3))
def test_the_bytes_are_those_of_nbformat(cells: Any, metadata: Any) -> None:
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}
    for cell in cells:
        cell["metadata"]["tags"] = []
    read = parse_notebook(json.dumps(content).encode(), "any")
    read.metadata["orig_nbformat"] = 3
    for cell in read.cells:
        cell.metadata["trusted"] = True

    ours = serialise(read)

    assert ours.decode() == nbformat.v4.nbjson.writes(read) + "\n"


@pytest.mark.parametrize("line", ["x\n", "a\rb\r\n", "é\u2028y\x0b\x85\n", "😀", "\r\n\r"])
@pytest.mark.parametrize("end", ["", "end", "\n"])
def test_long_streams_are_written_in_pieces_with_the_bytes_of_nbformat(line: str, end: str) -> None:
    node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1\n2", id="c")])
    node.cells[0].outputs = [
        nbformat.v4.new_output("stream", name="stderr", text="short\n"),
        nbformat.v4.new_output("stream", name="stdout", text=line * 100_000 + end),
        nbformat.v4.new_output("display_data", data={"text/plain": "a\nb"}),
    ]

    written = serialise(node)

    assert written == (nbformat.writes(node) + "\n").encode()


def test_serialising_changes_nothing() -> None:
    nb = notebook(display({"text/plain": "a\nb", "n": NAN}), orig_nbformat=3)
    nb.cells[0].metadata["trusted"] = True
    before = copy.deepcopy(nb)

    serialise(nb)

    assert repr(nb) == repr(before)


def test_what_is_not_finite_becomes_null() -> None:
    nb = notebook(display({"application/json": [1.5, NAN, {"a": -math.inf}]}), top=math.inf)

    content = json.loads(serialise(nb), parse_constant=pytest.fail)

    assert content["metadata"] == {"top": None}
    assert content["cells"][0]["outputs"][0]["data"]["application/json"] == [1.5, None, {"a": None}]


def test_the_places_of_what_is_not_finite() -> None:
    fine, two = display({"application/json": [1.5]}), {"x": [0, {"y z": NAN}], "z": NAN}
    nb = notebook(fine, display({"application/json": two}), deep=[[math.inf]])
    nb.cells[0].metadata["a"] = NAN

    assert non_finite_places(notebook(fine)) == []
    assert non_finite_places(nb) == [
        "metadata.deep[0][0]",
        "cells[0].metadata.a",
        'cells[0].outputs[1].data["application/json"].x[1]["y z"]',
    ]


def test_lone_surrogates_are_written_and_come_back(tmp_path: Path) -> None:
    odd = "half \ud83d, name \udcff, \U0001f6f0"
    nb = notebook(display({"text/plain": odd, "application/json": {odd: [odd]}}), source=odd)

    write_notebook(nb, tmp_path / "odd.ipynb")

    (tmp_path / "odd.ipynb").read_text(encoding="utf-8", errors="strict")
    assert read_notebook(tmp_path / "odd.ipynb") == nb


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"a": [1, {2}]}, "metadata.bad.a[1]"),
        ({"a": {1: 0, "b": 0}}, "metadata.bad.a"),
        ({(1, 2): 0}, "metadata.bad"),
        (b"\xff", "metadata.bad"),
        (Path(), "metadata.bad"),
    ],
)
def test_what_json_has_no_form_for_is_named(value: Any, place: str) -> None:
    nb = notebook()
    dict.__setitem__(nb.metadata, "bad", value)

    with pytest.raises(DocumentError) as caught:
        serialise(nb)

    assert caught.value.details["place"] == place


def test_a_value_that_holds_itself_is_refused() -> None:
    nb = notebook()
    loop: list[Any] = []
    loop.append(loop)
    nb.cells[0].metadata["self"] = loop

    with pytest.raises(DocumentError, match=r"cells\[0\] cannot be written"):
        serialise(nb)


def test_a_mebibyte_output_is_not_copied_into_the_view() -> None:
    text = "x" * (1 << 20)
    nb = notebook(display({"image/png": text}))

    assert text.encode() in serialise(nb)
    assert nb.cells[0].outputs[0].data["image/png"] is text
