"""One edit at work on a draft: what it rewrites, and the edits that take it back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from notebook_executor.documents import edits
from notebook_executor.documents.cells import source_hash
from notebook_executor.documents.draft import Draft, DraftCell, joined
from notebook_executor.documents.locating import Seen
from notebook_executor.documents.outline import check_complete
from notebook_executor.documents.volatile import OUTPUTS_OF, without_paths
from notebook_executor.documents.written import member_texts, replace_member
from notebook_executor.errors import DocumentError

Name = Callable[[DraftCell], str]
# Made once the batch is over, when each cell's id is known.
Undo = Callable[[Name], edits.Edit]


def impossible(message: str, hint: str = "") -> DocumentError:
    """The error for an edit that the notebook has no place for."""
    return DocumentError(message, hint=hint, kind="invalid_edit")


class Change:
    """One edit at work.

    Attributes:
        language: The notebook's.
        touched: The cell it is about, if it is about one.
        undo: What takes it back, the last thing first.
    """

    def __init__(self, draft: Draft, seen: Seen, language: str) -> None:
        self.draft = draft
        self.seen = seen
        self.language = language
        self.touched: DraftCell | None = None
        self.undo: list[Undo] = []

    def find(self, address: str | int, if_hash: str | None = None) -> DraftCell:
        """The cell that an edit is about."""
        cell = self.touched = self.seen.find(address)
        self.seen.check(cell, if_hash)
        return cell

    def undo_with(self, undo: Undo) -> None:
        self.undo.insert(0, undo)

    def rewrite(self, cell: DraftCell, text: str) -> None:
        """Let a cell be written as this text."""
        old, new = member_texts(cell.text), member_texts(text)
        before = {key: old.get(key) for key in {**old, **new} if old.get(key) != new.get(key)}
        cell.text = text
        after = cell.written_hash
        if before:
            self.undo_with(
                lambda name: edits.Restore(cell=name(cell), written=before, if_written=after)
            )

    def set_metadata(self, cell: DraftCell, metadata: dict[str, Any]) -> None:
        if metadata != cell.content.get("metadata", {}):
            self.rewrite(cell, self._with(cell.text, "metadata", metadata))

    def _with(self, text: str, key: str, value: Any) -> str:
        return replace_member(text, key, value, self.draft.layout)

    def set_source(self, cell: DraftCell, source: str, outputs: edits.Outputs) -> None:
        content = cell.content
        old = joined(content["source"])
        if source == old:
            return
        check_complete(source, old)
        text = self._with(cell.text, "source", self.draft.lines(source, content["source"]))
        if content.get("cell_type") == "code" and outputs == "stale":
            text = self._marked(text, source_hash(old), source_hash(source))
        elif content.get("cell_type") == "code" and outputs == "clear":
            text = self._cleared(text)
        self.rewrite(cell, text)

    def _marked(self, text: str, old: str, new: str) -> str:
        """The text of a code cell that says which source its outputs come from."""
        content = json.loads(text)
        if not content.get("outputs") and content.get("execution_count") is None:
            return text
        metadata = content.get("metadata", {})
        own = metadata["nbx"] if isinstance(metadata.get("nbx"), dict) else {}
        origin = own.get("outputs_of", old)
        if origin == new:
            return self._with(text, "metadata", without_paths(metadata, (OUTPUTS_OF,)))
        marked = {**metadata, "nbx": {**own, "outputs_of": origin}}
        return self._with(text, "metadata", marked)

    def clear_outputs(self, cell: DraftCell) -> None:
        self.rewrite(cell, self._cleared(cell.text))

    def _cleared(self, text: str) -> str:
        content = json.loads(text)
        metadata = content.get("metadata", {})
        if content.get("outputs"):
            text = self._with(text, "outputs", [])
        if content.get("execution_count") is not None:
            text = self._with(text, "execution_count", None)
        unmarked = without_paths(metadata, (OUTPUTS_OF,))
        return text if unmarked == metadata else self._with(text, "metadata", unmarked)

    def insert(self, position: int, edit: edits.NewCell) -> None:
        """Put the new cell that an edit describes before the one at a position."""
        if edit.written is None:
            content = new_content(edit)
            name = self._new_name(edit.id, content)
            if self.draft.ids:
                content["id"] = name
            cell = self.draft.new_cell(content, name)
            self.draft.insert(position, cell)
        else:
            cell = self.draft.insert_written(position, "", edit.written)
            cell.name = self._new_name(edit.id, cell.content, but=cell)
        self.touched = cell
        after = cell.hash
        self.undo_with(lambda name: edits.Delete(cell=name(cell), if_hash=after))

    def _new_name(
        self, asked: str | None, content: dict[str, Any], but: DraftCell | None = None
    ) -> str:
        taken = [cell for cell in self.draft.cells if cell is not but]
        name = asked or content.get("id")
        if name is None:
            return self.draft.free_name(content, taken)
        if any(cell.name == name for cell in taken):
            raise impossible(f"there is a cell with the id {name!r} already")
        return str(name)

    def delete(self, cell: DraftCell) -> None:
        position = self.draft.cells.index(cell)
        written = self.draft.remove(cell)
        cells = self.draft.cells
        if not cells:
            self.undo_with(lambda name: edits.Append(id=name(cell), written=written))
        elif position == 0:
            next_one = cells[0]
            self.undo_with(
                lambda name: edits.InsertBefore(cell=name(next_one), id=name(cell), written=written)
            )
        else:
            before = cells[position - 1]
            self.undo_with(
                lambda name: edits.InsertAfter(cell=name(before), id=name(cell), written=written)
            )

    def move(self, cell: DraftCell, anchor: DraftCell, offset: int) -> None:
        """Put a cell before (0) or behind (1) another one."""
        if anchor is cell:
            raise impossible("a cell cannot be moved before or behind itself")
        cells = self.draft.cells
        position = cells.index(cell)
        before = cells[position - 1] if position else None
        behind = cells[position + 1] if position + 1 < len(cells) else None
        target = cells.index(anchor) + offset
        target -= target > position
        if target == position:
            return
        self.draft.move(cell, target)
        after = cell.hash
        if before is not None:
            self.undo_with(
                lambda name: edits.Move(cell=name(cell), after=name(before), if_hash=after)
            )
        elif behind is not None:
            self.undo_with(
                lambda name: edits.Move(cell=name(cell), before=name(behind), if_hash=after)
            )


def new_content(edit: edits.NewCell) -> dict[str, Any]:
    """The cell that an edit describes, without an id."""
    metadata = {**edit.metadata, **({"tags": list(edit.tags)} if edit.tags else {})}
    content: dict[str, Any] = {
        "cell_type": edit.cell_type,
        "metadata": metadata,
        "source": edit.source,
    }
    if edit.cell_type == "code":
        content |= {"execution_count": None, "outputs": []}
    return content
