"""What each operation means: one function each."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from notebook_executor.documents import edits
from notebook_executor.documents.cells import tags
from notebook_executor.documents.changing import Change, impossible
from notebook_executor.documents.draft import DraftCell, check_cell, written_hash
from notebook_executor.documents.parameter_default import with_default
from notebook_executor.documents.written import write_member
from notebook_executor.errors import StaleEditError
from notebook_executor.text import clip

_SHOWN_SOURCE = 2000
_SHOWN_PLACES = 10


def apply(change: Change, edit: edits.Edit) -> None:
    """Do to the draft what an edit says.

    Raises:
        DocumentError: It cannot be done, or was made for something else than what is there.
    """
    _OPERATIONS[edit.op](change, edit)


def _replace_source(change: Change, edit: edits.ReplaceSource) -> None:
    change.set_source(change.find(edit.cell, edit.if_hash), edit.source, edit.outputs)


def _find_replace(change: Change, edit: edits.FindReplace) -> None:
    cells = change.draft.cells
    if edit.cell is not None:
        cells = [change.find(edit.cell, edit.if_hash)]
    found = [cell for cell in cells if edit.find in cell.source]
    count = sum(cell.source.count(edit.find) for cell in found)
    if count == 0 or (edit.count is not None and edit.count != count):
        raise _found_otherwise(change, edit, found, count)
    for cell in list(found):
        change.set_source(cell, cell.source.replace(edit.find, edit.replace), edit.outputs)
    change.touched = found[0] if len(found) == 1 else None


def _found_otherwise(
    change: Change, edit: edits.FindReplace, found: list[DraftCell], count: int
) -> StaleEditError:
    where = "the notebook" if edit.cell is None else f"the cell {edit.cell!r}"
    places = [
        f"{cell.name} line {number}"
        for cell in found
        for number, line in enumerate(cell.source.splitlines(), 1)
        if edit.find in line
    ][:_SHOWN_PLACES]
    told = f" ({', '.join(places)})" if places else ""
    source = change.touched.source if change.touched and not found else ""
    now = f". It reads now:\n{clip(source, _SHOWN_SOURCE)}" if source else ""
    return StaleEditError(
        f"{edit.find!r:.200} is {count} times in {where}{told}, not {edit.count or 'once or more'}"
        + now,
        hint="Give more of the text around it, or the count; null for any." if count else "",
        kind="stale",
        count=count,
        source=source,
    )


def _insert_before(change: Change, edit: edits.InsertBefore) -> None:
    anchor = change.find(edit.cell, edit.if_hash)
    change.insert(change.draft.cells.index(anchor), edit)


def _insert_after(change: Change, edit: edits.InsertAfter) -> None:
    anchor = change.find(edit.cell, edit.if_hash)
    change.insert(change.draft.cells.index(anchor) + 1, edit)


def _append(change: Change, edit: edits.Append) -> None:
    change.insert(len(change.draft.cells), edit)


def _delete(change: Change, edit: edits.Delete) -> None:
    change.delete(change.find(edit.cell, edit.if_hash))


def _move(change: Change, edit: edits.Move) -> None:
    cell = change.find(edit.cell, edit.if_hash)
    if edit.before is not None:
        change.move(cell, change.seen.find(edit.before), 0)
    elif edit.after is not None:
        change.move(cell, change.seen.find(edit.after), 1)


def _set_tags(change: Change, edit: edits.SetTags) -> None:
    cell = change.find(edit.cell, edit.if_hash)
    metadata = cell.content.get("metadata", {})
    new = dict.fromkeys(edit.tags)
    if list(new) == tags(cell.content):
        return
    kept = {key: value for key, value in metadata.items() if key != "tags" or new}
    change.set_metadata(cell, {**kept, **({"tags": list(new)} if new else {})})


def _set_metadata(change: Change, edit: edits.SetMetadata) -> None:
    if edit.cell is not None:
        cell = change.find(edit.cell, edit.if_hash)
        change.set_metadata(cell, _merged(cell.content.get("metadata", {}), edit.metadata))
        return
    before = change.draft.metadata
    old = json.loads(before or "{}")
    new = _merged(old, edit.metadata)
    if new != old:
        change.draft.set_metadata(new)
        _undo_metadata(change, before)


def _merged(old: Any, patch: dict[str, Any]) -> dict[str, Any]:
    """RFC 7396: objects are merged, null takes a key out, anything else replaces what was there."""
    merged = dict(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), value) if isinstance(value, dict) else value
    return merged


def _undo_metadata(change: Change, before: str | None) -> None:
    after = written_hash(change.draft.metadata or "")
    change.undo_with(lambda _: edits.Restore(written={"metadata": before}, if_written=after))


def _set_parameter(change: Change, edit: edits.SetParameter) -> None:
    cell = next((c for c in change.draft.cells if "parameters" in tags(c.content)), None)
    if cell is None:
        raise impossible(
            "the notebook has no cell tagged 'parameters'",
            hint="Insert one, or tag the cell that declares them.",
        )
    change.touched = cell
    change.seen.check(cell, edit.if_hash)
    source = with_default(cell.source, edit.name, edit.value, change.language)
    change.set_source(cell, source, edit.outputs)


def _clear_outputs(change: Change, edit: edits.ClearOutputs) -> None:
    if edit.cell is None:
        cells = [c for c in change.draft.cells if c.content.get("cell_type") == "code"]
    else:
        cells = [change.find(edit.cell, edit.if_hash)]
        kind = cells[0].content.get("cell_type")
        if kind != "code":
            raise impossible(f"the cell {edit.cell!r} is a {kind} cell: it has no outputs")
    for cell in cells:
        change.clear_outputs(cell)


def _restore(change: Change, edit: edits.Restore) -> None:
    cell = None if edit.cell is None else change.find(edit.cell)
    now = (change.draft.metadata or "") if cell is None else cell.text
    if edit.if_written not in (None, written_hash(now)):
        raise StaleEditError(
            f"{'the metadata' if cell is None else f'the cell {edit.cell!r}'} has changed since: "
            f"its JSON is now\n{clip(now, _SHOWN_SOURCE)}",
            hint="Edit what is there now.",
            kind="stale",
            source=now,
        )
    if cell is not None:
        for key, written in edit.written.items():
            now = write_member(now, key, written, change.draft.layout)
        change.rewrite(cell, check_cell(now))
        change.draft.restored.add(cell)
    elif "metadata" in edit.written and edit.written["metadata"] != change.draft.metadata:
        before = change.draft.metadata
        change.draft.restore_metadata(edit.written["metadata"])
        _undo_metadata(change, before)


_OPERATIONS: dict[str, Callable[[Change, Any], None]] = {
    "replace_source": _replace_source,
    "find_replace": _find_replace,
    "insert_before": _insert_before,
    "insert_after": _insert_after,
    "append": _append,
    "delete": _delete,
    "move": _move,
    "set_tags": _set_tags,
    "set_metadata": _set_metadata,
    "set_parameter": _set_parameter,
    "clear_outputs": _clear_outputs,
    "restore": _restore,
}
