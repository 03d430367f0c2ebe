"""Two notebooks that were made of one, brought together cell by cell."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from notebook_executor.documents.cell_merge import (
    Conflict,
    Version,
    merge_cell,
    merge_metadata,
)
from notebook_executor.documents.cells import assign_ids
from notebook_executor.documents.comparable import comparable, finite
from notebook_executor.documents.merge_report import (
    ConflictKind,
    MergeConflict,
    NotebookMerge,
)
from notebook_executor.documents.pairing import pair_cells
from notebook_executor.documents.reading import parse_notebook, read_file, too_deep
from notebook_executor.documents.rewriting import write_like
from notebook_executor.documents.structure import place_of
from notebook_executor.documents.three_way import MIDDLE, OURS, THEIRS
from notebook_executor.documents.writing import serialise, write_bytes

if TYPE_CHECKING:
    from nbformat import NotebookNode

# What git gives for the base when both sides have added the file.
_NOTHING = b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'

StrPath = str | os.PathLike[str]


def merge_notebooks(
    base: StrPath, ours: StrPath, theirs: StrPath, output: StrPath | None = None
) -> NotebookMerge:
    """Merge two notebook files.

    Where one side is unchanged, the result is the other, byte for byte.

    Args:
        base: What both were made of; an empty file where there was nothing.
        ours: One of them.
        theirs: The other.
        output: Where the result goes, conflicts or not; None for nowhere.

    Raises:
        DocumentError: One of them is not a readable notebook, or the result cannot be written.
    """
    files = [read_file(base) or _NOTHING, read_file(ours), read_file(theirs)]
    names = [str(base), str(ours), str(theirs)]
    versions = [parse_notebook(data, name) for data, name in zip(files, names, strict=True)]
    try:
        merged, conflicts = merge_documents(*versions)
    except RecursionError:
        raise too_deep(" or ".join(names)) from None
    if output is not None:
        _write(merged, files[1], _same_bytes(merged, files, versions), output)
    report = NotebookMerge(
        path_base=names[0],
        path_ours=names[1],
        path_theirs=names[2],
        output_path=None if output is None else str(output),
        clean=not conflicts,
        conflicts=tuple(conflicts),
    )
    report._notebook = merged
    return report


def _same_bytes(
    merged: NotebookNode, files: Sequence[bytes], versions: Sequence[NotebookNode]
) -> bytes | None:
    """The file of the side that the result is equal to, if there is one."""
    base, ours, theirs = files
    if ours == base or theirs == base:
        return theirs if ours == base else ours
    written = serialise(merged)
    equal = (data for data, nb in zip(files, versions, strict=True) if serialise(nb) == written)
    return next(equal, None)


def _write(merged: NotebookNode, ours: bytes, same: bytes | None, output: StrPath) -> None:
    if same is None:
        write_like(merged, ours, output)
    else:
        write_bytes(same, output)


def merge_documents(
    base: NotebookNode, ours: NotebookNode, theirs: NotebookNode
) -> tuple[NotebookNode, list[MergeConflict]]:
    """Merge two notebooks in memory, which stay as they are."""
    from nbformat import from_dict

    base, ours, theirs = finite(base), finite(ours), finite(theirs)
    merge = _Merge(base, ours, theirs)
    merge.run()
    top, conflicts = merge_metadata(base, ours, theirs)
    merged = from_dict({**top, "cells": merge.cells})
    assign_ids(merged.cells)
    found = [MergeConflict(index=None, id=None, **conflict._asdict()) for conflict in conflicts]
    for index, conflict in merge.conflicts:
        place = f"{place_of(['cells', index])}.{conflict.place}".rstrip(".")
        told = conflict._replace(place=place)._asdict()
        found.append(MergeConflict(index=index, id=merged.cells[index].id, **told))
    return merged, found


class _Side:
    """One of the two notebooks: where the base's cells are in it, and what it adds.

    Attributes:
        at: Indices of the base's cells in this notebook.
        moved: Indices, in this notebook, of cells that changed their place, and in the base.
        inserted: Indices of cells that are new here, by the base's cell that they stand before.
    """

    def __init__(self, base: NotebookNode, nb: NotebookNode) -> None:
        plain = comparable(nb, noise=False).cells
        self.cells = [Version(raw, cell) for raw, cell in zip(nb.cells, plain, strict=True)]
        pairing = pair_cells(base.cells, nb.cells)
        self.at = dict([*pairing.pairs, *pairing.moved])
        self.moved = {j: i for i, j in pairing.moved}
        self.inserted: dict[int, list[int]] = {}
        place = {j: i for i, j in pairing.pairs}
        slot = 0
        for j in range(len(nb.cells)):
            if j in place:
                slot = place[j] + 1
            else:
                self.inserted.setdefault(slot, []).append(j)


class _Split(NamedTuple):
    """Two lists of new cells: what both begin with, what is left of each, what both end with."""

    before: list[Version]
    ours: list[Version]
    theirs: list[Version]
    after: list[Version]


class _Merge:
    """The merge of the cells, in the order of the base."""

    def __init__(self, base: NotebookNode, ours: NotebookNode, theirs: NotebookNode) -> None:
        plain = comparable(base, noise=False).cells
        self._base = [Version(raw, cell) for raw, cell in zip(base.cells, plain, strict=True)]
        self._ours, self._theirs = _Side(base, ours), _Side(base, theirs)
        self._elsewhere = {*self._ours.moved.values(), *self._theirs.moved.values()}
        self.cells: list[dict[str, Any]] = []
        self.conflicts: list[tuple[int, Conflict]] = []

    def run(self) -> None:
        for slot in range(len(self._base) + 1):
            self._add_inserted(slot)
            if slot < len(self._base) and slot not in self._elsewhere:
                self._add_kept(slot)

    def _add_inserted(self, slot: int) -> None:
        """New cells and those that have moved here; where both sides moved a cell, ours counts."""
        ours, theirs = self._ours.inserted.get(slot, []), self._theirs.inserted.get(slot, [])
        if self._inserted_alike(ours, theirs):
            self._add_in_order(self._ours, ours)
            return
        placed = set(self._ours.moved.values())
        theirs = [k for k in theirs if self._theirs.moved.get(k) not in placed]
        new_ours = [self._ours.cells[j] for j in ours if j not in self._ours.moved]
        new_theirs = [self._theirs.cells[k] for k in theirs if k not in self._theirs.moved]
        if not (new_ours and new_theirs):
            self._add_in_order(self._ours, ours)
            self._add_in_order(self._theirs, theirs)
            return
        self._add_in_order(self._ours, [j for j in ours if j in self._ours.moved])
        self._add_in_order(self._theirs, [k for k in theirs if k in self._theirs.moved])
        split = _split(new_ours, new_theirs)
        self._add(split.before)
        if split.ours and split.theirs:
            sources = ([v.raw["source"] for v in side] for side in (split.ours, split.theirs))
            self._add_both("added", split.ours, split.theirs, None, *sources)
        else:
            self._add([*split.ours, *split.theirs])
        self._add(split.after)

    def _inserted_alike(self, ours: list[int], theirs: list[int]) -> bool:
        if len(ours) != len(theirs):
            return False
        for j, k in zip(ours, theirs, strict=True):
            if self._ours.moved.get(j) != self._theirs.moved.get(k):
                return False
            if not self._ours.cells[j].like(self._theirs.cells[k]):
                return False
        return True

    def _add_in_order(self, side: _Side, indices: list[int]) -> None:
        for j in indices:
            if j in side.moved:
                self._add_kept(side.moved[j])
            else:
                self._add([side.cells[j]])

    def _add_kept(self, i: int) -> None:
        """A cell of the base, unless a side has deleted it and the other left it alone."""
        base = self._base[i]
        ours, theirs = self._version(self._ours, i), self._version(self._theirs, i)
        if ours is not None and theirs is not None:
            cell, conflicts = merge_cell(base, ours, theirs)
            self.conflicts += [(len(self.cells), conflict) for conflict in conflicts]
            self.cells.append(cell)
        elif (left := ours or theirs) is not None and not left.like(base):
            sides = ([side] if side else [] for side in (ours, theirs))
            sources = (side.raw["source"] if side else None for side in (base, ours, theirs))
            self._add_both("deleted", *sides, *sources)

    @staticmethod
    def _version(side: _Side, i: int) -> Version | None:
        return side.cells[side.at[i]] if i in side.at else None

    def _add(self, versions: list[Version]) -> None:
        self.cells += [dict(version.raw) for version in versions]

    def _add_both(
        self,
        kind: ConflictKind,
        ours: list[Version],
        theirs: list[Version],
        *values: Any,
    ) -> None:
        """Both sides' cells between marks."""
        self.conflicts.append((len(self.cells), Conflict(kind, "", *values)))
        self.cells.append(_mark_cell(OURS, kind))
        self._add(ours)
        self.cells.append(_mark_cell(MIDDLE, kind))
        self._add(theirs)
        self.cells.append(_mark_cell(THEIRS, kind))


def _split(ours: list[Version], theirs: list[Version]) -> _Split:
    shorter = min(len(ours), len(theirs))
    start = next((n for n in range(shorter) if not ours[n].like(theirs[n])), shorter)
    rest = shorter - start
    end = next((n for n in range(rest) if not ours[-1 - n].like(theirs[-1 - n])), rest)
    return _Split(
        ours[:start],
        ours[start : len(ours) - end],
        theirs[start : len(theirs) - end],
        ours[len(ours) - end :],
    )


def _mark_cell(text: str, kind: str) -> dict[str, Any]:
    """A cell that shows a mark; its id follows from its source."""
    metadata = {"nbx": {"conflict": [kind]}}
    return {"cell_type": "markdown", "metadata": metadata, "source": f"`{text}`"}
