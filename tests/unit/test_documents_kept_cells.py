"""Cells that stay as they are need not be encoded again, and never hide one that has changed."""

from __future__ import annotations

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notebook_executor.documents import kept_cells
from notebook_executor.documents.canonical import cell_text, chunks
from notebook_executor.documents.kept_cells import KeptCells
from notebook_executor.documents.writing import serialise

steps = st.lists(st.tuples(st.sampled_from(["change", "finish", "write"]), st.integers(0, 3)))


def _notebook(*texts: str) -> nbformat.NotebookNode:
    made: nbformat.NotebookNode = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("", id=f"c{number}") for number in range(len(texts))]
    )
    for cell, text in zip(made.cells, texts, strict=True):
        cell.outputs = [nbformat.v4.new_output("stream", text=text)]
    return made


def _written(nb: nbformat.NotebookNode, kept: KeptCells) -> bytes:
    return b"".join(chunks(nb, kept))


@given(steps)
def test_what_is_written_is_the_notebook_whenever_its_cells_change(
    steps: list[tuple[str, int]],
) -> None:
    nb, kept = _notebook("a", "b", "c", "d"), KeptCells()
    for number, (step, index) in enumerate(steps):
        if step == "change":
            kept.changes(index)
            nb.cells[index].outputs[0].text = f"{number}\n"
        elif step == "finish":
            kept.stays(index)
            cell_text(index, nb.cells[index], kept)
        else:
            assert _written(nb, kept) == serialise(nb)
    assert _written(nb, kept) == serialise(nb)


def test_a_cell_that_stays_is_encoded_once_and_one_that_changes_each_time() -> None:
    nb, kept = _notebook("stays", "changes"), KeptCells()
    kept.changes(1)
    first = _written(nb, kept)
    for cell in nb.cells:
        cell.outputs[0].text = "later"

    assert _written(nb, kept) == first.replace(b"changes", b"later")


@pytest.mark.parametrize(
    ("texts", "encoded_anew"),
    [(["x" * 70_000, "x" * 65_500, "x"], [0, 1]), (["x" * 600, "x" * 600], [1])],
    ids=["large ones", "more than there is room for"],
)
def test_what_is_kept_is_bounded(
    monkeypatch: pytest.MonkeyPatch, texts: list[str], encoded_anew: list[int]
) -> None:
    if len(texts) == 2:
        monkeypatch.setattr(kept_cells, "_MOST_BYTES", 1500)
    nb, kept = _notebook(*texts), KeptCells()

    assert _written(nb, kept) == serialise(nb)

    assert [index for index in range(len(texts)) if kept.get(index) is None] == encoded_anew
    kept.changes(0)
    kept.stays(0)
    assert _written(nb, kept) == serialise(nb)
    assert [index for index in range(len(texts)) if kept.get(index) is None] == encoded_anew
