"""Cells: the ids they get, and how they are found by id, tag or index."""

from __future__ import annotations

import copy
import json
from typing import Any

import nbformat
import pytest

from notebook_executor.documents.cells import find_cell, find_tagged, has_tag, source_hash
from notebook_executor.documents.reading import parse_notebook
from notebook_executor.errors import DocumentError


def cell(cell_id: str, *tags: str) -> dict[str, Any]:
    metadata = {"tags": list(tags)} if tags else {}
    return {"cell_type": "raw", "source": "", "id": cell_id, "metadata": metadata}


@pytest.fixture
def nb() -> nbformat.NotebookNode:
    cells = [cell("load"), cell("train", "slow"), cell("2"), cell("tag:x", "slow", "plot")]
    made: nbformat.NotebookNode = nbformat.from_dict({"cells": cells})
    return made


@pytest.mark.parametrize(
    ("address", "index"),
    [
        ("load", 0),
        ("tag:slow", 1),
        ("tag:plot", 3),
        (0, 0),
        (3, 3),
        ("1", 1),
        ("2", 2),
        ("tag:x", 3),
    ],
)
def test_an_address_names_a_cell(nb: nbformat.NotebookNode, address: str | int, index: int) -> None:
    assert find_cell(nb, address) == index


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("trian", "Did you mean train?"),
        ("slo", "Did you mean tag:slow?"),
        ("tag:slwo", "Did you mean tag:slow?"),
        ("tag:nothing-like-it", "An address is a cell's id"),
        (4, "An address is a cell's id"),
        (-1, "An address is a cell's id"),
        ("²", "An address is a cell's id"),
        ("", "An address is a cell's id"),
    ],
)
def test_an_unknown_address_gets_advice(
    nb: nbformat.NotebookNode, address: str | int, hint: str
) -> None:
    with pytest.raises(DocumentError, match=r"No cell .* in a notebook of 4 cells") as caught:
        find_cell(nb, address)

    assert caught.value.details["kind"] == "not_found"
    assert caught.value.hint.startswith(hint)


def test_tags(nb: nbformat.NotebookNode) -> None:
    assert has_tag(nb.cells[3], "plot")
    assert not has_tag(nb.cells[0], "plot")
    assert not has_tag({"metadata": {"tags": "plot"}}, "plot")
    assert find_tagged(nb, "slow") == 1
    assert find_tagged(nb, "none") is None


def test_a_hash_is_short_stable_and_takes_any_text() -> None:
    assert source_hash("x = 1") == "8ff436def145"
    assert len(source_hash("\ud83d")) == 12
    assert source_hash("a") != source_hash("b")


CODE: dict[str, Any] = {"cell_type": "code", "source": "x = 1", "metadata": {}}


def read(*cells: Any, minor: int = 5) -> nbformat.NotebookNode:
    content = {"nbformat": 4, "nbformat_minor": minor, "metadata": {}, "cells": list(cells)}
    return parse_notebook(json.dumps(content).encode(), "some.ipynb")


def test_ids_are_stable_unique_and_valid() -> None:
    kept, same = {**CODE, "id": "kept"}, {**CODE, "source": "other", "id": "kept"}
    bad = {**CODE, "id": "not valid!"}
    cells = [CODE, kept, same, CODE, bad, {**CODE, "id": 5}, {**CODE, "id": "a\n"}]

    first, second = read(*cells), read(*cells)

    ids = [cell.id for cell in first.cells]
    assert ids == [cell.id for cell in second.cells]
    assert len(set(ids)) == len(ids)
    assert ids[1] == "kept"
    nbformat.validate(first)


def test_validating_never_gets_to_draw_new_ids(recwarn: pytest.WarningsRecorder) -> None:
    notebook = read({**CODE, "id": "same"}, {**CODE, "id": "same"})
    before = copy.deepcopy(notebook)

    nbformat.validate(notebook)

    assert notebook == before
    assert not recwarn.list


def test_a_derived_id_gives_way_to_one_that_is_there() -> None:
    derived = read(CODE).cells[0].id

    ids = [cell.id for cell in read(CODE, {**CODE, "id": derived}).cells]

    assert ids[1] == derived
    assert ids[0] != derived


def test_any_number_of_equal_cells_get_ids() -> None:
    ids = [cell.id for cell in read(*[CODE] * 200).cells]

    assert len(set(ids)) == 200
    assert max(map(len, ids)) < 12


def test_ids_stay_when_another_cell_is_inserted() -> None:
    other = {**CODE, "source": "y = 2"}
    before = read(CODE, other, minor=4)
    after = read({**CODE, "source": "new"}, CODE, other, minor=4)

    assert [cell.id for cell in after.cells[1:]] == [cell.id for cell in before.cells]
