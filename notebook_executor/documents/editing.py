"""Edits applied to a notebook file: all of a batch, or none and the file untouched."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from notebook_executor.documents.changing import Change, Undo
from notebook_executor.documents.draft import Draft, DraftCell, names_of
from notebook_executor.documents.edit_operations import apply
from notebook_executor.documents.edits import Edit, parse_edits
from notebook_executor.documents.kernel_metadata import notebook_language, wanted_kernel
from notebook_executor.documents.locating import Seen
from notebook_executor.documents.preview import preview
from notebook_executor.documents.reading import parse_notebook, read_file
from notebook_executor.documents.replacing import ChangedMeanwhileError, exclusively
from notebook_executor.documents.schema import Violation, violations
from notebook_executor.documents.structure import invalid
from notebook_executor.errors import UsageError
from notebook_executor.models import Record
from notebook_executor.text import clip

_TEXT_LIMIT = 4000
EditsGiven = Edit | Mapping[str, Any] | Iterable[Edit | Mapping[str, Any]]


class AppliedEdit(Record):
    """What became of one edit."""

    op: str
    cell: str | None = None  # the id of the one cell it was about
    index: int | None = None  # where that is after the batch; None when it is gone
    hash: str | None = None  # of its source after the batch


class EditReport(Record):
    """What a batch of edits did, or would do."""

    path: str
    dry_run: bool
    changed: bool
    edits: tuple[AppliedEdit, ...]
    diff: str  # for reading: sources line by line, what else changed in words
    inverse: tuple[Edit, ...]  # applied to the result, these give the old file, byte for byte

    def __str__(self) -> str:
        if not self.changed:
            return f"{self.path}: nothing to change"
        verb = "would change" if self.dry_run else "changed"
        return clip(f"{self.path}: {verb}\n{self.diff}", _TEXT_LIMIT)


class _Batch:
    """Edits applied to the bytes of a file, in memory.

    Raises:
        DocumentError: The file is not a notebook of nbformat 4, an edit cannot be done, or the
            notebook would not be valid afterwards.
    """

    def __init__(self, data: bytes, name: str, edits: tuple[Edit, ...]) -> None:
        notebook = parse_notebook(data, name)
        self.draft = Draft(data.decode("utf-8"), name)
        self.touched: list[DraftCell | None] = []
        undo: list[Undo] = []
        language = notebook_language(notebook) or wanted_kernel(notebook) or ""
        seen = Seen(self.draft)
        for number, edit in enumerate(edits):
            change = Change(self.draft, seen, language)
            with _numbered(number, len(edits)):
                apply(change, edit)
            self.touched.append(change.touched)
            undo = [*change.undo, *undo]
        self.text = self.draft.text()
        self.data = self.text.encode("utf-8", "backslashreplace")
        self.changed = self.data != data
        self.names = _final_names(self.draft)
        self.inverse = tuple(make(self.names.__getitem__) for make in undo)
        _check_valid(self.draft, name)
        if self.draft.restored:
            parse_notebook(self.data, name)

    def told(self, edit: Edit, cell: DraftCell | None) -> AppliedEdit:
        if cell is None:
            return AppliedEdit(op=edit.op)
        if cell not in self.draft.cells:
            return AppliedEdit(op=edit.op, cell=cell.name)
        return AppliedEdit(
            op=edit.op,
            cell=self.names[cell],
            index=self.draft.cells.index(cell),
            hash=cell.hash,
        )


def edit_data(data: bytes, name: str, edits: EditsGiven) -> tuple[bytes, EditReport]:
    """Apply a batch of edits to the bytes of a notebook file, wherever they lie.

    Args:
        data: A notebook of nbformat 4.
        name: What errors and the report call it.
        edits: As ``edit_notebook`` takes them.

    Returns:
        The file's new bytes, and what was done.

    Raises:
        UsageError: One of them is not an edit.
        DocumentError: An edit cannot be done, or the notebook would not be valid afterwards.
        StaleEditError: An edit was made for something else than what is there.
    """
    batch = parse_edits(edits)
    done = _Batch(data, name, batch)
    return done.data, _report(done, name, batch, dry_run=False)


def edit_notebook(
    path: str | os.PathLike[str], edits: EditsGiven, *, dry_run: bool = False
) -> EditReport:
    """Apply a batch of edits to a notebook file, and change nothing else in it.

    Others who edit the same file at the same time wait, or are waited for.

    Args:
        path: A notebook of nbformat 4.
        edits: One or several, as models or as mappings; applied one after another.
        dry_run: Only tell what would change.

    Raises:
        UsageError: One of them is not an edit.
        DocumentError: The notebook cannot be read or written, an edit cannot be done, or the
            notebook would not be valid afterwards. The file is as it was before.
        StaleEditError: An edit was made for something else than what is there now.
    """
    batch = parse_edits(edits)
    if dry_run:
        return _report(_Batch(read_file(path), str(path), batch), path, batch, dry_run=True)
    with exclusively(path) as replacing:
        while True:
            data = replacing.read()
            done = _Batch(data, str(path), batch)
            try:
                if done.changed:
                    replacing.write(done.data)
            except ChangedMeanwhileError:
                continue
            return _report(done, path, batch, dry_run=False)


def _report(
    done: _Batch, path: str | os.PathLike[str], batch: tuple[Edit, ...], *, dry_run: bool
) -> EditReport:
    return EditReport(
        path=str(path),
        dry_run=dry_run,
        changed=done.changed,
        edits=tuple(map(done.told, batch, done.touched)),
        diff=preview(done.draft),
        inverse=done.inverse,
    )


@contextlib.contextmanager
def _numbered(number: int, count: int) -> Iterator[None]:
    """Let an error say which edit of a batch it is of."""
    try:
        yield
    except UsageError as error:
        place = f"edits[{number}]"
        message = f"{place}: {error.message}" if count > 1 else error.message
        message = message if count > 1 else message[0].upper() + message[1:]
        details = {**error.details, "place": place}
        raise type(error)(message, hint=error.hint, **details) from error


def _final_names(draft: Draft) -> dict[DraftCell, str]:
    """What each cell goes by in the inverse edits; those that are gone have names of their own."""
    names = dict(zip(draft.cells, names_of(draft.cells), strict=True))
    taken = set(names.values())
    for cell in draft.made:
        if cell not in names:
            free = (f"was-{number}" for number in itertools.count())
            name = cell.name if cell.name not in taken else next(f for f in free if f not in taken)
            names[cell] = name
            taken.add(name)
    return names


def _check_valid(draft: Draft, name: str) -> None:
    """Refuse what would break the format where it was not broken before."""
    restored = draft.restored
    touched = [c for c in draft.cells if c.text != c.original and c not in restored]
    before = _broken(draft, [c.original for c in touched if c.original], draft.original_metadata)
    known = {(violation.code, violation.message) for violation in before}
    metadata = draft.original_metadata if None in restored else draft.metadata
    after = _broken(draft, [cell.text for cell in touched], metadata)
    for violation in after:
        if (violation.code, violation.message) not in known:
            index = violation.cell_index
            cell = None if index is None else touched[index]
            where = f"cell {cell.name!r}" if cell is not None else "metadata"
            raise invalid(
                name,
                f"not changed, because the {where} would not be valid: {violation.message}",
                place=violation.place if cell is None else f"cells[{draft.cells.index(cell)}]",
            )


def _broken(draft: Draft, cells: list[str], metadata: str | None) -> list[Violation]:
    content = {
        "nbformat": 4,
        "nbformat_minor": draft.minor,
        "metadata": json.loads(metadata or "{}"),
        "cells": [json.loads(text) for text in cells],
    }
    return list(violations(content, 4, draft.minor))
