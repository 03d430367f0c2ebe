"""The merge: what only one side changed is taken, what both did is a conflict, nothing is lost."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbdime import merge_notebooks as nbdime_merge

from notebook_executor.documents.merge_report import NotebookMerge
from notebook_executor.documents.merging import merge_documents, merge_notebooks
from notebook_executor.documents.reading import adopt, read_notebook
from notebook_executor.documents.schema import violations
from notebook_executor.documents.three_way import Clash, merge_text, merge_value
from notebook_executor.documents.writing import serialise
from notebook_executor.errors import DocumentError, UsageError
from tests.unit.test_documents_patching import code, documents, files, write

X, SHOW, Y = code("x = 1", "x"), code("print(x)", "show", "1\n"), code("y = 3\ny += x", "y")
BASE = (X, SHOW, Y)
NEW = code("import os", "new")


class Merge:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, ours: Any, theirs: Any, base: Any = BASE) -> NotebookMerge:
        merged = merge_notebooks(
            write(self.folder / "base.ipynb", *base),
            write(self.folder / "ours.ipynb", *ours),
            write(self.folder / "theirs.ipynb", *theirs),
            self.folder / "merged.ipynb",
        )
        assert not list(violations(merged.notebook, 4, 5))
        return merged


@pytest.fixture
def merge(tmp_path: Path) -> Merge:
    return Merge(tmp_path)


def with_source(cell: dict[str, Any], source: str) -> dict[str, Any]:
    return {**cell, "source": source}


def sources(merged: NotebookMerge) -> list[str]:
    return [cell.source for cell in merged.notebook.cells]


def kinds(merged: NotebookMerge) -> list[tuple[str, str]]:
    return [(conflict.kind, conflict.place) for conflict in merged.conflicts]


@settings(max_examples=50, deadline=None)
@given(base=files, other=files, ours_changed=st.booleans())
def test_where_one_side_is_unchanged_the_result_is_the_other(
    tmp_path_factory: pytest.TempPathFactory, base: bytes, other: bytes, ours_changed: bool
) -> None:
    folder = tmp_path_factory.mktemp("merge")
    contents = {"base": base, "ours": base, "theirs": base}
    contents["ours" if ours_changed else "theirs"] = other
    for name, content in contents.items():
        (folder / name).write_bytes(content)

    merged = merge_notebooks(folder / "base", folder / "ours", folder / "theirs", folder / "out")

    assert merged.clean
    assert (folder / "out").read_bytes() == other


@settings(max_examples=60, deadline=None)
@given(base=documents, other=documents)
def test_so_it_is_for_the_merge_of_the_documents_itself(base: Any, other: Any) -> None:
    before, changed = adopt(base), adopt(other)

    for sides in ((before, changed), (changed, before), (changed, changed)):
        merged, conflicts = merge_documents(before, *sides)
        assert not conflicts
        assert serialise(merged) == serialise(changed)


@settings(max_examples=60, deadline=None)
@given(base=documents, ours=documents, theirs=documents)
def test_any_merge_gives_a_notebook_that_opens_and_marks_its_conflicts(
    base: Any, ours: Any, theirs: Any
) -> None:
    nodes = [adopt(node) for node in (base, ours, theirs)]
    before = copy.deepcopy([serialise(node) for node in nodes])

    merged, conflicts = merge_documents(*nodes)

    assert not list(violations(adopt(json.loads(serialise(merged))), 4, 5))
    assert [serialise(node) for node in nodes] == before
    for conflict in conflicts:
        assert conflict.index is None or merged.cells[conflict.index].id == conflict.id
        assert conflict.index is None or conflict.kind in _marked(merged, conflict.index)


def _marked(merged: Any, index: int) -> list[str]:
    found: list[str] = merged.cells[index].metadata.nbx.conflict
    return found


def test_changes_of_both_sides(merge: Merge) -> None:
    merged = merge(
        [with_source(X, "x = 2"), SHOW, Y, NEW],
        [NEW, X, SHOW, with_source(Y, "y = 3\ny += 2 * x")],
    )

    assert merged.clean
    assert sources(merged) == ["import os", "x = 2", "print(x)", "y = 3\ny += 2 * x", "import os"]
    assert str(merged).endswith("merged.ipynb: merged")


def test_changes_of_both_sides_in_one_source(merge: Merge) -> None:
    base = code("import a\n\nx = 1\nprint(x)", "c")
    ours = with_source(base, "import a, b\n\nx = 1\nprint(x)")
    theirs = with_source(base, "import a\n\nx = 1\nprint(x + 1)")

    assert sources(merge([ours], [theirs], [base])) == ["import a, b\n\nx = 1\nprint(x + 1)"]


def test_the_same_line_changed_twice_is_a_conflict_with_marks(merge: Merge) -> None:
    merged = merge([with_source(X, "x = 2"), SHOW, Y], [with_source(X, "x = 3"), SHOW, Y])

    assert kinds(merged) == [("source", "cells[0].source")]
    conflict = merged.conflicts[0]
    assert (conflict.base, conflict.ours, conflict.theirs) == ("x = 1", "x = 2", "x = 3")
    assert sources(merged)[0] == "<<<<<<< ours\nx = 2\n=======\nx = 3\n>>>>>>> theirs"
    assert merged.notebook.cells[0].metadata.nbx.conflict == ["source"]
    assert "! cells[0].source (x): both changed the same lines" in str(merged)
    assert "ours: x = 2; theirs: x = 3" in str(merged)
    assert len(merged.for_llm(100)) <= 100


def test_a_deleted_cell(merge: Merge) -> None:
    assert sources(merge([X, Y], BASE)) == ["x = 1", "y = 3\ny += x"]
    counted = {**SHOW, "execution_count": 7, "id": "other"}
    assert sources(merge([X, Y], [X, counted, Y])) == ["x = 1", "y = 3\ny += x"]

    merged = merge([X, Y], [X, with_source(SHOW, "print(x, 1)"), Y])

    assert kinds(merged) == [("deleted", "cells[1]")]
    assert sources(merged)[1:5] == [
        "`<<<<<<< ours`",
        "`=======`",
        "print(x, 1)",
        "`>>>>>>> theirs`",
    ]


def test_cells_that_both_sides_added_at_one_place(merge: Merge) -> None:
    other = code("import re", "re")
    assert sources(merge([NEW, *BASE], [NEW, *BASE]))[0:2] == ["import os", "x = 1"]
    assert sources(merge([NEW, *BASE], [NEW, other, *BASE]))[:2] == ["import os", "import re"]

    merged = merge([NEW, *BASE], [other, *BASE])

    assert kinds(merged) == [("added", "cells[0]")]
    assert (merged.conflicts[0].ours, merged.conflicts[0].theirs) == (["import os"], ["import re"])
    assert sources(merged)[1:4:2] == ["import os", "import re"]


def test_a_cell_moved_here_and_changed_there(merge: Merge) -> None:
    merged = merge([Y, X, SHOW], [X, SHOW, with_source(Y, "y = 4\ny += x")])

    assert merged.clean
    assert sources(merged) == ["y = 4\ny += x", "x = 1", "print(x)"]


def test_outputs(merge: Merge) -> None:
    def shown(text: str, count: int | None = None) -> list[Any]:
        return [X, code("print(x)", "show", text, count), Y]

    assert merge(shown("2\n"), shown("1\n", 9)).notebook.cells[1].outputs[0].text == "2\n"
    merged = merge(shown("2\n", 1), shown("3\n", 2))

    assert kinds(merged) == [("outputs", "cells[1].outputs")]
    assert [output.text for output in merged.notebook.cells[1].outputs] == [
        "<<<<<<< ours\n",
        "2\n",
        "=======\n",
        "3\n",
        ">>>>>>> theirs\n",
    ]


def test_metadata_of_cells_and_of_the_notebook(tmp_path: Path) -> None:
    def tagged(name: str, tags: list[str], **more: Any) -> Path:
        path = tmp_path / f"{name}.ipynb"
        return write(path, {**X, "metadata": {"tags": tags, **more}}, title=name, papermill=name)

    merged = merge_notebooks(
        tagged("base", []), tagged("ours", ["a"], x=1), tagged("theirs", ["b"], y=2)
    )

    assert merged.output_path is None
    assert kinds(merged) == [("metadata", "metadata.title"), ("metadata", "cells[0].metadata.tags")]
    found = merged.notebook.cells[0].metadata
    assert (found.tags, found.x, found.y, found.nbx) == (["a"], 1, 2, {"conflict": ["metadata"]})
    assert merged.notebook.metadata.title == "ours"
    assert merged.notebook.metadata.nbx == {"conflict": ["metadata"]}


def test_a_base_that_was_not_there(tmp_path: Path) -> None:
    ours, theirs = write(tmp_path / "ours", X), write(tmp_path / "theirs", X, Y)
    (tmp_path / "base").write_bytes(b"")

    assert sources(merge_notebooks(tmp_path / "base", ours, theirs)) == ["x = 1", "y = 3\ny += x"]


def test_a_merge_is_data(merge: Merge) -> None:
    merged = merge([with_source(X, "x = 2"), SHOW, Y], [with_source(X, "x = 3"), SHOW, Y])

    read = NotebookMerge.model_validate_json(merged.to_json())

    assert read == merged
    assert read.notebook == merged.notebook
    unwritten = read.model_copy(update={"output_path": None})
    with pytest.raises(UsageError, match="holds no notebook"):
        NotebookMerge.model_validate_json(unwritten.to_json()).notebook  # noqa: B018


def test_what_cannot_be_read_leaves_the_output_as_it_was(tmp_path: Path) -> None:
    base = write(tmp_path / "base.ipynb", X)
    (tmp_path / "broken.ipynb").write_text("<<<<<<< ours\n")
    (tmp_path / "out.ipynb").write_text("old")

    with pytest.raises(DocumentError, match=r"broken\.ipynb: not JSON"):
        merge_notebooks(base, base, tmp_path / "broken.ipynb", tmp_path / "out.ipynb")

    assert (tmp_path / "out.ipynb").read_text() == "old"


LINES = ["a\n", "b\n", "c\n", "d\n", "e\n", "f\n", "g\n"]


@settings(max_examples=50, deadline=None)
@given(
    ours=st.lists(st.sampled_from([0, 1, 2]), max_size=2),
    theirs=st.lists(st.sampled_from([4, 5, 6]), max_size=2),
    deleted=st.booleans(),
)
def test_clean_merges_are_those_of_nbdime(
    ours: list[int], theirs: list[int], deleted: bool
) -> None:
    base = notebook([code("".join(LINES), "c"), *BASE])
    sides = []
    for number, changed in enumerate((ours, theirs)):
        lines = [f"{number} {line}" if i in changed else line for i, line in enumerate(LINES)]
        sides.append([code("".join(lines), "c"), *BASE])
    if deleted:
        del sides[0][2]
    sides[1][-1] = with_source(Y, "y = 3\ny += 2 * x")
    mine, other = (notebook(side) for side in sides)

    merged, conflicts = merge_documents(base, mine, other)
    expected, _ = nbdime_merge(base, mine, other)

    assert not conflicts
    assert merged.cells == expected.cells


def notebook(found: list[dict[str, Any]]) -> nbformat.NotebookNode:
    return adopt({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": found})


texts = st.lists(st.sampled_from(["a\n", "b\n", "c", "c\r\n", "\n"]), max_size=5).map("".join)


@settings(deadline=None)
@given(base=texts, ours=texts, theirs=texts)
def test_a_merged_text_holds_the_lines_of_both(base: str, ours: str, theirs: str) -> None:
    merged = merge_text(base, ours, theirs)

    assert merge_text(base, ours, base).text == ours
    assert merge_text(base, base, theirs).text == theirs
    assert merge_text(base, ours, ours).text == ours
    if merged.conflict:
        assert merged.text.count("<<<<<<< ours\n") == merged.text.count("=======\n") >= 1
        assert merged.text.count(">>>>>>> theirs") == merged.text.count("=======\n")


def test_objects_are_merged_name_by_name() -> None:
    clashes: list[Clash] = []

    merged = merge_value(
        {"same": 1, "both": 1, "gone": 1, "deep": {"x": 1, "y": 1}, "flag": True},
        {"same": 1, "both": 2, "deep": {"x": 2, "y": 1}, "flag": 1},
        {"same": 1, "both": 3, "gone": 2, "deep": {"x": 1, "y": 2}, "flag": True, "new": []},
        clashes,
    )

    assert merged == {"same": 1, "both": 2, "gone": 2, "deep": {"x": 2, "y": 2}, "flag": 1,
                      "new": []}  # fmt: skip
    assert merged["flag"] is not True
    assert clashes == [Clash(("both",), 1, 2, 3), Clash(("gone",), 1, None, 2)]


def test_reading_a_merged_file_gives_the_merged_notebook(merge: Merge) -> None:
    merged = merge([with_source(X, "x = 2"), SHOW, Y], [X, SHOW, with_source(Y, "y")])

    assert merged.output_path is not None
    assert read_notebook(merged.output_path) == merged.notebook
