"""What changed from one notebook to another: nbdime's operations, and a summary of them.

Cell ids, execution counts and the times of a run differ between two runs of one notebook, and say
nothing: they are taken out before the comparison, so that operations and summary agree.
"""

from __future__ import annotations

import difflib
import json
import operator
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from notebook_executor.documents.canonical import non_finite_places
from notebook_executor.documents.reading import parse_notebook, read_notebook
from notebook_executor.documents.structure import CURRENT_MINOR
from notebook_executor.documents.writing import serialise
from notebook_executor.models import Record
from notebook_executor.text import clip, one_line

if TYPE_CHECKING:
    from nbformat import NotebookNode

_TEXT_LIMIT = 4000
_SOURCE_DIFF_LIMIT = 1500
_CONTEXT_LINES = 2
_RUN_METADATA = ("nbx", "papermill")
_CELL_RUN_METADATA = ("execution", "papermill")

Aspect = Literal["cell_type", "source", "outputs", "metadata", "attachments"]
_ASPECTS: tuple[Aspect, ...] = ("cell_type", "source", "outputs", "metadata", "attachments")


class CellRef(Record):
    """A cell that only one of the notebooks has."""

    index: int  # in the notebook that has it
    id: str
    cell_type: str
    source_preview: str  # the first 80 characters


class CellChange(Record):
    """A cell that both notebooks have, and that is not the same in them."""

    index_a: int
    index_b: int
    id: str  # in the second notebook
    cell_type: str
    changed: tuple[Aspect, ...]
    source_diff: str = ""  # unified, without file names; cut in the middle when it is long


class DiffSummary(Record):
    """What changed, cell by cell, and how many cells changed in which respect."""

    added: tuple[CellRef, ...]
    removed: tuple[CellRef, ...]
    changed: tuple[CellChange, ...]
    sources_changed: int
    outputs_changed: int
    metadata_changed: int
    notebook_metadata: tuple[str, ...]  # names of the entries that changed


class NotebookDiff(Record):
    """The difference of two notebooks, apart from ids, execution counts and times."""

    path_a: str
    path_b: str
    identical: bool
    summary: DiffSummary
    ops: tuple[dict[str, Any], ...]  # nbdime's diff format

    def __str__(self) -> str:
        return clip("\n".join(_lines(self)), _TEXT_LIMIT)


class _Alignment(NamedTuple):
    pairs: list[tuple[int, int]]
    removed: list[int]
    added: list[int]


class _Rules(dict[str, Any]):
    """Rules for paths in a notebook, and one for all other paths.

    A defaultdict would keep each path it is asked for, and nbdime takes paths that are there for
    those of lists: it fails over an object where another cell has a list.
    """

    def __init__(self, rules: dict[str, Any], *, otherwise: Any) -> None:
        super().__init__(rules)
        self._otherwise = otherwise

    def __missing__(self, path: str) -> Any:
        return self._otherwise


def diff_notebooks(path_a: str | os.PathLike[str], path_b: str | os.PathLike[str]) -> NotebookDiff:
    """Compare two notebook files.

    Raises:
        DocumentError: One of them is not a readable notebook.
    """
    a, b = _comparable(path_a), _comparable(path_b)
    ops = _nbdime_ops(a, b)
    cell_ops: list[dict[str, Any]] = next((o["diff"] for o in ops if o["key"] == "cells"), [])
    return NotebookDiff(
        path_a=str(path_a),
        path_b=str(path_b),
        identical=not ops,
        summary=_summary(a, b, _aligned(cell_ops, len(a.cells))),
        ops=tuple(ops),
    )


def _comparable(path: str | os.PathLike[str]) -> NotebookNode:
    """A notebook without what differs from run to run; NaN, which equals nothing, as null."""
    nb = read_notebook(path)
    if non_finite_places(nb):
        nb = parse_notebook(serialise(nb), str(path))
    nb.nbformat_minor = CURRENT_MINOR
    _drop(nb.metadata, _RUN_METADATA)
    for cell in nb.cells:
        _drop(cell.metadata, _CELL_RUN_METADATA)
        for item in (cell, *cell.get("outputs", [])):
            if "execution_count" in item:
                item["execution_count"] = None
    return nb


def _drop(metadata: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        metadata.pop(name, None)


def _nbdime_ops(a: NotebookNode, b: NotebookNode) -> list[dict[str, Any]]:
    """nbdime's operations under rules of our own, whatever this process has set it to ignore.

    nbdime pairs lines by likeness, each with each: minutes for an output of a thousand lines.
    Here lines are equal or not.
    """
    from nbdime.diffing import notebooks as rules
    from nbdime.diffing.config import DiffConfig
    from nbdime.diffing.generic import diff, diff_sequence_multilevel

    # compare_cell_moderate is left out: it looks into nbdime's global rules.
    predicates = {
        "/cells": [
            rules.compare_cell_approximate,
            rules.compare_cell_strict,
            rules.compare_cell_by_ids,
        ],
        "/cells/*/outputs": [rules.compare_output_approximate, rules.compare_output_strict],
    }
    differs = {
        "/cells": diff_sequence_multilevel,
        "/cells/*": rules.diff_ignore_keys(diff, ("id",)),
        "/cells/*/outputs": diff_sequence_multilevel,
    }
    config = DiffConfig(
        predicates=_Rules(predicates, otherwise=[operator.eq]),
        differs=_Rules(differs, otherwise=_value_ops),
    )
    ops: list[dict[str, Any]] = json.loads(json.dumps(diff(a, b, path="", config=config)))
    return ops


def _value_ops(a: Any, b: Any, path: str = "", config: Any = None) -> Any:
    from nbdime.diffing.generic import diff
    from nbdime.diffing.seq_difflib import diff_sequence_difflib

    if isinstance(a, str) and isinstance(b, str):
        return diff_sequence_difflib(a.splitlines(True), b.splitlines(True)) if a != b else []
    return diff(a, b, path=path, config=config)


def _aligned(cell_ops: list[dict[str, Any]], count_a: int) -> _Alignment:
    """Which cells belong together, by the operations on the list of cells."""
    found = _Alignment([], [], [])
    position_a = position_b = 0
    for op in [*cell_ops, {"op": "end", "key": count_a}]:
        while position_a < op["key"]:
            found.pairs.append((position_a, position_b))
            position_a, position_b = position_a + 1, position_b + 1
        if op["op"] == "addrange":
            count = len(op["valuelist"])
            found.added.extend(range(position_b, position_b + count))
            position_b += count
        elif op["op"] == "removerange":
            found.removed.extend(range(position_a, position_a + op["length"]))
            position_a += op["length"]
    return found


def _summary(a: NotebookNode, b: NotebookNode, alignment: _Alignment) -> DiffSummary:
    changes = [_change(a, b, i, j) for i, j in alignment.pairs]
    changed = tuple(change for change in changes if change.changed)
    counts = {name: sum(name in change.changed for change in changed) for name in _ASPECTS}
    entries = sorted({*a.metadata, *b.metadata})
    return DiffSummary(
        added=tuple(_ref(b, index) for index in alignment.added),
        removed=tuple(_ref(a, index) for index in alignment.removed),
        changed=changed,
        sources_changed=counts["source"],
        outputs_changed=counts["outputs"],
        metadata_changed=counts["metadata"],
        notebook_metadata=tuple(k for k in entries if a.metadata.get(k) != b.metadata.get(k)),
    )


def _ref(nb: NotebookNode, index: int) -> CellRef:
    cell = nb.cells[index]
    preview = one_line(cell.get("source", ""), 80)
    return CellRef(index=index, id=cell.id, cell_type=cell.cell_type, source_preview=preview)


def _change(a: NotebookNode, b: NotebookNode, index_a: int, index_b: int) -> CellChange:
    cell_a, cell_b = a.cells[index_a], b.cells[index_b]
    changed = tuple(name for name in _ASPECTS if cell_a.get(name) != cell_b.get(name))
    return CellChange(
        index_a=index_a,
        index_b=index_b,
        id=cell_b.id,
        cell_type=cell_b.cell_type,
        changed=changed,
        source_diff=_source_diff(cell_a.source, cell_b.source) if "source" in changed else "",
    )


def _source_diff(source_a: str, source_b: str) -> str:
    lines_a, lines_b = source_a.splitlines(), source_b.splitlines()
    lines = difflib.unified_diff(lines_a, lines_b, lineterm="", n=_CONTEXT_LINES)
    return clip("\n".join(list(lines)[2:]), _SOURCE_DIFF_LIMIT)


def _lines(diff: NotebookDiff) -> Iterator[str]:
    names = f"{diff.path_a} → {diff.path_b}"
    if diff.identical:
        yield f"{names}: the same, apart from ids, execution counts and times"
        return
    summary = diff.summary
    yield (
        f"{names}: cells added {len(summary.added)}, removed {len(summary.removed)}, changed "
        f"{len(summary.changed)} (sources {summary.sources_changed}, outputs "
        f"{summary.outputs_changed}, metadata {summary.metadata_changed})"
    )
    if summary.notebook_metadata:
        yield f"~ metadata of the notebook: {', '.join(summary.notebook_metadata)}"
    for sign, refs in (("-", summary.removed), ("+", summary.added)):
        for ref in refs:
            yield f"{sign} cells[{ref.index}] {ref.id} {ref.cell_type}: {ref.source_preview}"
    for change in summary.changed:
        moved = f" → cells[{change.index_b}]" if change.index_a != change.index_b else ""
        yield f"~ cells[{change.index_a}]{moved} {change.id}: {', '.join(change.changed)}"
        if change.source_diff:
            yield "  " + change.source_diff.replace("\n", "\n  ")
