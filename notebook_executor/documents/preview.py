"""What a batch of edits changes, for reading: sources line by line, all else in words."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from typing import Any

from notebook_executor.documents.draft import Draft, DraftCell, joined
from notebook_executor.text import one_line

_CONTEXT_LINES = 2
_VALUE = 120


def preview(draft: Draft) -> str:
    """The difference of a draft to the file it comes from."""
    return "\n".join(_lines(draft))


def _lines(draft: Draft) -> Iterator[str]:
    if draft.metadata != draft.original_metadata:
        yield "~ metadata of the notebook"
        yield from _entries(
            json.loads(draft.original_metadata or "{}"), json.loads(draft.metadata or "{}")
        )
    for index, cell in enumerate(draft.seen):
        if cell not in draft.cells:
            yield f"- cells[{index}] {cell.name}"
            yield from (f"  -{line}" for line in cell.source.splitlines())
    moved = _moved(draft)
    for index, cell in enumerate(draft.cells):
        if cell.original is None or cell not in draft.seen:
            yield f"+ cells[{index}] {cell.name} {cell.content.get('cell_type')}"
            yield from (f"  +{line}" for line in cell.source.splitlines())
        elif cell in moved:
            yield f"~ cells[{draft.seen.index(cell)}] → cells[{index}] {cell.name}"
            yield from _changes(cell)
        elif cell.text != cell.original:
            yield f"~ cells[{index}] {cell.name}"
            yield from _changes(cell)


def _moved(draft: Draft) -> set[DraftCell]:
    """The fewest cells that must move to get from the old order to the new one."""
    old = [cell for cell in draft.seen if cell in draft.cells]
    new = [cell for cell in draft.cells if cell in draft.seen]
    if old == new:
        return set()
    blocks = difflib.SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    stayed = {cell for block in blocks for cell in old[block.a : block.a + block.size]}
    return set(new) - stayed


def _changes(cell: DraftCell) -> Iterator[str]:
    old, new = json.loads(cell.original or "{}"), cell.content
    before, after = joined(old["source"]).splitlines(), joined(new["source"]).splitlines()
    found = difflib.unified_diff(before, after, lineterm="", n=_CONTEXT_LINES)
    yield from (f"  {line}" for line in list(found)[2:])
    if old.get("cell_type") != new.get("cell_type"):
        yield f"  type: {old.get('cell_type')} → {new.get('cell_type')}"
    yield from _entries(old.get("metadata", {}), new.get("metadata", {}))
    if old.get("outputs") != new.get("outputs"):
        yield f"  outputs: {len(old.get('outputs', ()))} → {len(new.get('outputs', ()))}"


def _entries(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for key in sorted({*old, *new}):
        if old.get(key) != new.get(key):
            yield f"  metadata.{key}: {_shown(old, key)} → {_shown(new, key)}"


def _shown(entries: dict[str, Any], key: str) -> str:
    if key not in entries:
        return "(none)"
    return one_line(json.dumps(entries[key], ensure_ascii=False), _VALUE)
