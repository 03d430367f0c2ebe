"""The diff: nbdime's operations and our summary, which must agree, and what is only noise."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbdime import patch
from nbdime.diff_utils import to_diffentry_dicts
from nbdime.diffing.notebooks import reset_notebook_differ, set_notebook_diff_targets

from notebook_executor.documents.difference import NotebookDiff
from notebook_executor.documents.diffing import diff_notebooks
from notebook_executor.errors import DocumentError


def code(source: str, cell_id: str, *texts: str, count: int | None = None) -> dict[str, Any]:
    results = [
        {
            "output_type": "execute_result",
            "data": {"text/plain": text},
            "metadata": {},
            "execution_count": count,
        }
        for text in texts
    ]
    fields = {"cell_type": "code", "id": cell_id, "source": source, "metadata": {}}
    return {**fields, "outputs": results, "execution_count": count}


LOAD, TRAIN = code("data = load()", "load"), code("for x in data:\n    train(x)", "train", "0.89")
CELLS = [LOAD, TRAIN, code("report(data)", "report", "<table>")]


class Compare:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, cells: list[Any], **metadata: Any) -> Path:
        content = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}
        path = self.folder / name
        path.write_text(json.dumps(content))
        return path

    def __call__(self, a: list[Any], b: list[Any]) -> NotebookDiff:
        return diff_notebooks(self.write("a.ipynb", a), self.write("b.ipynb", b))


@pytest.fixture
def compare(tmp_path: Path) -> Compare:
    return Compare(tmp_path)


def changed(diff: NotebookDiff) -> list[tuple[int, int, tuple[str, ...]]]:
    return [(change.index_a, change.index_b, change.changed) for change in diff.summary.changed]


def test_the_same_notebook(compare: Compare) -> None:
    diff = compare(CELLS, CELLS)

    assert (diff.identical, diff.ops) == (True, ())
    assert str(diff).endswith("b.ipynb: the same, apart from ids, execution counts and times")


def test_two_runs_of_one_notebook_are_the_same(compare: Compare) -> None:
    run = copy.deepcopy(CELLS)
    for number, cell in enumerate(run):
        cell |= {"id": f"other-{number}", "execution_count": number}
        cell["metadata"] = {"papermill": {"duration": 0.1}, "execution": {"iopub.status.busy": "…"}}
        for output in cell["outputs"]:
            output["execution_count"] = number
    a = compare.write("a.ipynb", CELLS, papermill={"duration": 1}, nbx={"run_id": "1"})
    b = compare.write("b.ipynb", run, papermill={"duration": 2})

    diff = diff_notebooks(a, b)

    assert (diff.identical, diff.ops) == (True, ())


def test_a_changed_source(compare: Compare) -> None:
    diff = compare(CELLS, [LOAD, {**TRAIN, "source": "for x in data:\n    fit(x)"}, CELLS[2]])

    assert changed(diff) == [(1, 1, ("source",))]
    assert (diff.summary.sources_changed, diff.summary.outputs_changed) == (1, 0)
    assert diff.summary.changed[0].source_diff.splitlines() == [
        "@@ -1,2 +1,2 @@",
        " for x in data:",
        "-    train(x)",
        "+    fit(x)",
    ]
    assert "~ cells[1] train: source\n  @@ -1,2 +1,2 @@\n   for x in data:" in str(diff)


def test_a_changed_output_and_changed_metadata(compare: Compare) -> None:
    tagged = {**LOAD, "metadata": {"tags": ["parameters"]}}
    diff = compare(CELLS, [tagged, code(TRAIN["source"], "train", "0.94"), CELLS[2]])

    assert changed(diff) == [(0, 0, ("metadata",)), (1, 1, ("outputs",))]
    assert (diff.summary.outputs_changed, diff.summary.metadata_changed) == (1, 1)
    assert "(sources 0, outputs 1, metadata 1)" in str(diff)


def test_added_and_removed_cells(compare: Compare) -> None:
    new = code("plot(data)\nmore", "plot")
    diff = compare(CELLS, [new, LOAD, CELLS[2]])

    assert [(ref.index, ref.id) for ref in diff.summary.added] == [(0, "plot")]
    assert [(ref.index, ref.id) for ref in diff.summary.removed] == [(1, "train")]
    assert changed(diff) == []
    assert "+ cells[0] plot code: plot(data) more" in str(diff)


def test_a_cell_that_moved_down_is_shown_with_both_places(compare: Compare) -> None:
    diff = compare(CELLS, [code("new", "new"), *CELLS[:2], code("report(data)", "report", "<b>")])

    assert changed(diff) == [(2, 3, ("outputs",))]
    assert "~ cells[2] → cells[3] report: outputs" in str(diff)


def test_the_metadata_of_the_notebook(tmp_path: Path) -> None:
    compare = Compare(tmp_path)
    a = compare.write("a.ipynb", CELLS, title="a", kept=1)
    b = compare.write("b.ipynb", CELLS, title="b", kept=1, more=2)

    diff = diff_notebooks(a, b)

    assert diff.summary.notebook_metadata == ("more", "title")
    assert not diff.identical
    assert "~ metadata of the notebook: more, title" in str(diff)


def test_one_name_may_hold_a_list_here_and_an_object_there(compare: Compare) -> None:
    """nbdime raises RuntimeError over this with the rules it comes with."""
    listed = [{**LOAD, "metadata": {"x": [number]}} for number in (1, 2)]
    mapped = [{**TRAIN, "metadata": {"x": {"y": number}}} for number in (1, 2)]

    diff = compare([listed[0], mapped[0]], [listed[1], mapped[1]])

    assert changed(diff) == [(0, 0, ("metadata",)), (1, 1, ("metadata",))]


def test_nan_equals_itself(compare: Compare) -> None:
    cell = code("x", "x", "y")
    cell["outputs"][0]["data"]["application/json"] = [float("nan")]

    assert compare([cell], [cell]).identical


def test_what_others_told_nbdime_to_ignore_is_not_ignored(compare: Compare) -> None:
    set_notebook_diff_targets(sources=False, outputs=False, metadata=False)
    try:
        diff = compare(CELLS, [LOAD, code("for x in data:\n    fit(x)", "train", "0.94"), CELLS[2]])
    finally:
        reset_notebook_differ()

    assert changed(diff) == [(1, 1, ("source", "outputs"))]
    assert {op["key"] for op in diff.ops[0]["diff"][0]["diff"]} == {"source", "outputs"}


def test_eight_thousand_changed_lines_are_data_and_a_bounded_text(compare: Compare) -> None:
    long = [code("\n".join(f"{name}{n} = 1" for n in range(999)), f"c{k}") for k, name in
            enumerate("abcdefgh")]  # fmt: skip
    other = [{**cell, "source": cell["source"].replace("= 1", "= 2")} for cell in long]

    diff = compare(long, other)

    assert len(str(diff)) <= 4000
    assert diff.summary.sources_changed == 8
    assert NotebookDiff.model_validate_json(diff.to_json()) == diff


def test_a_file_that_cannot_be_read(compare: Compare, tmp_path: Path) -> None:
    a = compare.write("a.ipynb", CELLS)

    with pytest.raises(DocumentError, match=r"Did you mean .*a\.ipynb"):
        diff_notebooks(a, tmp_path / "aa.ipynb")


sources = st.sampled_from(["a = 1", "a = 1\nb = 2", "print('hello world')", "import os", ""])
documents = st.lists(
    st.builds(code, sources, st.just("x"), st.sampled_from(["1", "a long line of text", "2"])),
    max_size=5,
)


@settings(deadline=None, max_examples=60)
@given(a=documents, b=documents)
def test_operations_and_summary_agree(
    tmp_path_factory: pytest.TempPathFactory, a: list[Any], b: list[Any]
) -> None:
    """The operations make b of a, and the summary accounts for each cell of both once."""
    compare = Compare(tmp_path_factory.mktemp("diff"))
    for cells in (a, b):
        for number, cell in enumerate(cells):
            cell["id"] = f"{id(cells)}-{number}"

    diff = compare(a, b)
    summary = diff.summary

    told = (*summary.added, *summary.removed, *summary.moved, *summary.changed)
    assert diff.identical == (not told)
    assert len(a) - len(summary.removed) == len(b) - len(summary.added)
    patched = patch(nbformat.from_dict({"cells": a}), to_diffentry_dicts(list(diff.ops)))
    assert [without_id(cell) for cell in patched["cells"]] == [without_id(cell) for cell in b]


def without_id(cell: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in cell.items() if key != "id"}


def test_a_cell_that_moved_is_neither_added_nor_removed(compare: Compare) -> None:
    later = {**LOAD, "source": "data = load(1)"}
    diff = compare(CELLS, [TRAIN, CELLS[2], later])

    assert [(move.index_a, move.index_b, move.changed) for move in diff.summary.moved] == [
        (0, 2, ("source",))
    ]
    assert (diff.summary.added, diff.summary.removed, diff.summary.changed) == ((), (), ())
    assert diff.summary.sources_changed == 1
    assert "~ cells[0] → cells[2] load: moved, source\n  @@ -1 +1 @@\n  -data = load()" in str(diff)


def test_tools_that_number_cells_anew_do_not_mislead(compare: Compare) -> None:
    """nbstripout numbers ids from 0: each cell has the id that another one had."""
    before = [{**cell, "id": str(n)} for n, cell in enumerate(CELLS)]
    after = [{**cell, "id": str(n)} for n, cell in enumerate([code("new", ""), *CELLS])]

    diff = compare(before, after)

    assert [ref.index for ref in diff.summary.added] == [0]
    assert (diff.summary.changed, diff.summary.moved) == ((), ())


def test_a_rewritten_cell_is_known_by_its_likeness(compare: Compare) -> None:
    other = code("for x in data:\n    train(x, epochs=2)", "fresh", "0.89")

    assert changed(compare(CELLS, [LOAD, other, CELLS[2]])) == [(1, 1, ("source",))]


def test_noise_counts_when_it_is_asked_for(compare: Compare) -> None:
    a = compare.write("a.ipynb", CELLS)
    b = compare.write("b.ipynb", [{**LOAD, "id": "other", "execution_count": 3}, *CELLS[1:]])

    assert diff_notebooks(a, b).identical
    diff = diff_notebooks(a, b, noise=True)

    assert changed(diff) == [(0, 0, ("id", "execution_count"))]
    assert "~ cells[0] other: id, execution_count" in str(diff)


def test_a_lossless_difference_sees_how_a_file_is_written(tmp_path: Path) -> None:
    compare = Compare(tmp_path)
    a, b = compare.write("a.ipynb", CELLS), compare.write("b.ipynb", CELLS)
    assert str(diff_notebooks(a, b, lossless=True)).endswith("the same, byte for byte")
    b.write_bytes(b.read_bytes() + b"\n")

    diff = diff_notebooks(a, b, lossless=True)

    assert not diff.identical
    assert diff.ops == ()
    assert str(diff).endswith("the same notebook, written in another way")


@pytest.mark.parametrize("value", [1.0, True])
def test_equal_in_python_is_not_the_same_in_json(compare: Compare, value: Any) -> None:
    """nbdime does not see these differences."""
    listed = [{**LOAD, "metadata": {"x": {"y": [number]}}} for number in (1, value)]

    assert changed(compare(listed[:1], listed[1:])) == [(0, 0, ("metadata",))]


def test_outputs_are_told_by_what_they_say(compare: Compare) -> None:
    image = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "A" * 400}}
    before, after = code("x", "x", "1"), code("x", "x", "2")
    after["outputs"].append(image)

    told = compare([before], [after]).summary.changed[0].outputs_diff

    assert "-1\n+2\n+[image/png, 400 bytes, sha256 " in told
    assert "AAAA" not in told


def test_markdown_cannot_be_broken_out_of(compare: Compare) -> None:
    fenced = {**LOAD, "cell_type": "markdown", "source": "```\n<script>\n````"}
    del fenced["outputs"], fenced["execution_count"]
    told = compare([fenced], [{**fenced, "source": "```\n<b>\n````"}]).to_markdown()

    assert "`````diff\n@@ -1,3 +1,3 @@\n ```\n-<script>\n+<b>\n ````\n`````\n" in told
    assert "\\<script\\>" in compare([fenced], []).to_markdown()


@pytest.mark.parametrize("budget", [1, 50, 300, 2000])
def test_a_budget_is_kept(compare: Compare, budget: int) -> None:
    diff = compare(CELLS, [code(f"x = {n}\n" * 50, f"c{n}") for n in range(30)])

    assert len(diff.for_llm(budget)) <= budget


def test_ten_thousand_lines_of_output_take_no_time(compare: Compare) -> None:
    """nbdime pairs lines by their likeness, each with each: minutes."""
    texts = ["\n".join(f"step {n}: loss {n * factor}" for n in range(10_000)) for factor in (1, 2)]
    cells = [[code("train()", "train", text)] for text in texts]

    assert changed(compare(*cells)) == [(0, 0, ("outputs",))]
