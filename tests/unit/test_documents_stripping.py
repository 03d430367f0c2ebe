"""Stripping: as nbstripout does it, with ids kept, and all else written as it was."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import nbformat
import nbstripout
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notebook_executor.documents.reading import parse_notebook
from notebook_executor.documents.stripping import notebooks_to_strip, strip_data, strip_file
from notebook_executor.documents.volatile import VOLATILE_CELL_METADATA, VOLATILE_METADATA
from notebook_executor.documents.writing import serialise
from notebook_executor.errors import DocumentError

stream = {"output_type": "stream", "name": "stdout", "text": "a\nb"}
result = {
    "output_type": "execute_result",
    "execution_count": 3,
    "data": {"image/png": "aGVsbG8=", "text/plain": "<A>"},
    "metadata": {},
}
metadata = st.fixed_dictionaries(
    {},
    optional={
        "tags": st.sampled_from([[], ["keep_output"], ["x"]]),
        "keep_output": st.just(True),
        "init_cell": st.booleans(),
        "collapsed": st.just(True),
        "papermill": st.just({"status": "completed"}),
        "mine": st.just({"é": 1}),
    },
)
cells = st.fixed_dictionaries(
    {
        "cell_type": st.sampled_from(["code", "code", "markdown"]),
        "source": st.sampled_from(["x\ny", "é", ""]),
        "metadata": metadata,
        "execution_count": st.sampled_from([None, 3]),
        "outputs": st.lists(st.sampled_from([stream, result]), max_size=2),
    }
)
top = st.sampled_from([{}, {"papermill": {"version": "2"}, "kernelspec": {"name": "p"}}])


def content(given: list[Any], metadata: Any) -> dict[str, Any]:
    made = [{**copy.deepcopy(cell), "id": f"cell-{n}"} for n, cell in enumerate(given)]
    for cell in made:
        if cell["cell_type"] != "code":
            del cell["outputs"], cell["execution_count"]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": made}


@given(given=st.lists(cells, max_size=3), metadata=top)
def test_a_canonical_notebook_is_stripped_as_nbstripout_does(
    given: list[Any], metadata: Any
) -> None:
    data = serialise(parse_notebook(json.dumps(content(given, metadata)).encode(), "any"))
    theirs = nbformat.reads(data, as_version=4)
    keys = [f"metadata.{name}" for name in VOLATILE_METADATA]
    keys += [f"cell.metadata.{name}" for name in VOLATILE_CELL_METADATA]
    nbstripout.strip_output(
        theirs, keep_output=None, keep_count=False, keep_id=True, extra_keys=keys
    )

    ours = strip_data(data, "any")

    assert ours == serialise(theirs)
    assert strip_data(ours, "any") is not None
    assert strip_data(ours, "any") == ours


@given(
    given=st.lists(cells, max_size=3),
    indent=st.sampled_from([2, 4, "\t", None]),
    ascii_only=st.booleans(),
)
def test_what_is_not_stripped_is_written_as_it_was(
    given: list[Any], indent: Any, ascii_only: bool
) -> None:
    written = content(given, {"mine": "é"})
    data = json.dumps(written, indent=indent, ensure_ascii=ascii_only).encode()

    stripped = json.loads(strip_data(data, "any"))

    assert json.dumps(stripped, indent=indent, ensure_ascii=ascii_only).encode() == strip_data(
        data, "any"
    )
    assert [cell["id"] for cell in stripped["cells"]] == [cell["id"] for cell in written["cells"]]


def test_a_notebook_of_version_3_is_stripped() -> None:
    cell = {
        "cell_type": "code",
        "input": "1",
        "outputs": [{"output_type": "stream", "stream": "stdout", "text": "1"}],
        "language": "python",
        "prompt_number": 3,
        "metadata": {},
    }
    sheet = {"cells": [cell], "metadata": {}}
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [sheet]}

    stripped = strip_data(json.dumps(old).encode(), "old")

    found = json.loads(stripped)
    assert (found["nbformat"], found["worksheets"][0]["cells"][0]["outputs"]) == (3, [])
    assert strip_data(stripped, "old") is stripped


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b'{"cells": 5, "nbformat": 4}', b"\xff"])
def test_what_is_no_notebook_is_refused(data: bytes) -> None:
    with pytest.raises(DocumentError):
        strip_data(data, "any")


def test_contradicting_marks_are_refused() -> None:
    marks = {"tags": ["keep_output"], "keep_output": False}
    cell = {"cell_type": "code", "source": "", "metadata": marks, "outputs": []}

    with pytest.raises(DocumentError, match="contradicts"):
        strip_data(json.dumps(content([{**cell, "execution_count": None}], {})).encode(), "any")


def test_a_file_is_replaced_only_if_there_is_something_to_strip(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    cell = {"cell_type": "code", "source": "1", "metadata": {}, "execution_count": 1}
    path.write_text(json.dumps(content([{**cell, "outputs": [stream]}], {})))
    before = path.read_bytes()

    assert strip_file(path, check=True)
    assert path.read_bytes() == before
    assert strip_file(path)
    assert not strip_file(path, check=True)
    inode = path.stat().st_ino
    assert not strip_file(path)
    assert path.stat().st_ino == inode
    assert list(tmp_path.iterdir()) == [path]


def test_runs_and_hidden_folders_are_left_alone(tmp_path: Path) -> None:
    root = tmp_path / "runs" / "project"  # that the project itself lies in "runs" says nothing
    names = [
        "a.ipynb",
        "b/c.ipynb",
        "runs/x/d.ipynb",
        "b/runs/e.ipynb",
        ".ipynb_checkpoints/f.ipynb",
    ]
    for name in [*names, "b/notes.txt"]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()

    found = notebooks_to_strip([root, root / "runs/x/d.ipynb"], root)

    assert [str(path.relative_to(root)) for path in found] == ["a.ipynb", "b/c.ipynb"]
