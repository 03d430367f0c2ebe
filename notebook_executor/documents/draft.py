"""A notebook file while it is edited: its cells as they are written, and the text around them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any

from notebook_executor.documents.cells import assign_ids, source_hash
from notebook_executor.documents.structure import invalid
from notebook_executor.documents.written import Layout, Span, elements, members, write_member
from notebook_executor.errors import DocumentError

_AROUND = re.compile(r"(?P<lead>[\s,]*)(?P<cell>\{.*\})(?P<trail>[\s,]*)", re.DOTALL)


class DraftCell:
    """One cell: its JSON text, and what that says.

    Attributes:
        name: What it goes by in a batch: its id, or, where the file has none, one made for it.
        text: Its JSON.
        original: The text that the file has; None for a new cell.
    """

    def __init__(self, name: str, text: str, content: dict[str, Any] | None = None) -> None:
        self.name = name
        self.original = None if content is None else text
        self._text = text
        self._content = content

    @property
    def text(self) -> str:
        return self._text

    @text.setter
    def text(self, text: str) -> None:
        self._text, self._content = text, None

    @property
    def content(self) -> dict[str, Any]:
        """The cell as its JSON has it; not to be changed."""
        if self._content is None:
            self._content = json.loads(self._text)
        return self._content

    @property
    def source(self) -> str:
        return joined(self.content["source"])

    @property
    def hash(self) -> str:
        return source_hash(self.source)

    @property
    def written_hash(self) -> str:
        return written_hash(self.text)


def joined(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


def written_hash(text: str) -> str:
    """What stands for a piece of JSON, byte for byte."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


class Draft:
    """The cells of a notebook file, in order, each with what stands before it.

    Args:
        text: The file, which must be valid JSON.
        name: What errors call it.

    Attributes:
        cells: The cells as they now are; ``seen`` are those that the file has, and ``made`` all
            that there have been.
        metadata: The JSON of the notebook's own metadata, None where it has none;
            ``original_metadata`` is the file's.
        restored: What has been put back as it once stood in a file: cells, and None for the
            metadata. It may be less than valid, as it was then.
        layout: How the file is written.
        ids: Whether its format has cell ids.

    Raises:
        DocumentError: It is not of nbformat 4.
    """

    def __init__(self, text: str, name: str) -> None:
        start = text.index("{")
        spans = members(text, start)
        if "cells" not in spans or json.loads(_cut(text, spans.get("nbformat")) or "0") != 4:
            raise invalid(
                name,
                "only notebooks of nbformat 4 can be changed in place",
                hint="Upgrade it first: nbx validate --upgrade, or validate(path, upgrade=True).",
                place="nbformat",
                code="old_format",
            )
        self.minor: int = json.loads(_cut(text, spans.get("nbformat_minor")) or "0")
        self.ids = self.minor >= 5
        self.layout = Layout.of(text, start, spans)
        self.metadata = self.original_metadata = _cut(text, spans.get("metadata"))
        places = list(elements(text, spans["cells"].start))
        self._split(text, spans["cells"], [span for span, _ in places])
        self.cells = [DraftCell("", text[a:b], content) for (a, b), content in places]
        self.seen = tuple(self.cells)
        self.made = list(self.cells)
        self.restored: set[DraftCell | None] = set()
        self._name_cells()

    def _split(self, text: str, cells: Span, places: list[Span]) -> None:
        self._head, self._tail = text[: cells.start + 1], text[cells.end - 1 :]
        edges = [cells.start + 1, *(edge for place in places for edge in place), cells.end - 1]
        # Before the first cell, between each two, and behind the last one.
        self._gaps = [text[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)]

    def _name_cells(self) -> None:
        for cell, name in zip(self.cells, names_of(self.cells), strict=True):
            cell.name = name

    def set_metadata(self, metadata: dict[str, Any]) -> None:
        self.metadata = self.layout.dump(metadata, self.layout.margin(1))

    def restore_metadata(self, written: str | None) -> None:
        """Let the notebook's metadata be written as this JSON, or not at all."""
        try:
            is_object = written is None or isinstance(json.loads(written), dict)
        except ValueError:
            is_object = False
        if not is_object:
            raise _not_as_reported("notebook's metadata")
        self.metadata = written
        self.restored.add(None)

    def text(self) -> str:
        """The file as it now is to be."""
        parts = [self._head, self._gaps[0]]
        for cell, gap in zip(self.cells, self._gaps[1:], strict=True):
            parts += [cell.text, gap]
        text = "".join([*parts, self._tail])
        if self.metadata == self.original_metadata:
            return text
        start = text.index("{")
        return text[:start] + write_member(text[start:], "metadata", self.metadata, self.layout)

    def remove(self, cell: DraftCell) -> str:
        """Take a cell out; returns its text with what made room for it, for ``insert``."""
        position = self.cells.index(cell)
        del self.cells[position]
        if not self.cells:
            before, after = self._gaps
            self._gaps = [""]
            return before + cell.text + after
        if position == 0:
            return cell.text + self._gaps.pop(1)
        return self._gaps.pop(position) + cell.text

    def insert(self, position: int, cell: DraftCell, lead: str = "", trail: str = "") -> None:
        """Put a cell before the one at a position, or at the end.

        Args:
            position: An index, up to the number of cells.
            cell: The new one.
            lead: What is to stand before it, where that is what its place needs.
            trail: What is to stand behind it, likewise.
        """
        margin = self.layout.margin(2)
        usual = f",{margin}" if margin else self.layout.comma
        if len(self.cells) > 1:
            usual = self._gaps[1]
        if not self.cells:
            fits = "," not in lead + trail and bool(lead + trail)
            self._gaps = [lead, trail] if fits else [margin, self.layout.margin(1)]
        elif position == 0:
            self._gaps.insert(1, trail if trail.count(",") == 1 and not lead else usual)
        else:
            self._gaps.insert(position, lead if lead.count(",") == 1 and not trail else usual)
        self.cells.insert(position, cell)
        self.made.append(cell)

    def insert_written(self, position: int, name: str, written: str) -> DraftCell:
        """Put back what ``remove`` returned.

        Raises:
            DocumentError: It is not the JSON of a cell.
        """
        found = _AROUND.fullmatch(written)
        cell = DraftCell(name, check_cell(found["cell"] if found else written))
        self.restored.add(cell)
        self.insert(position, cell, *(found.group("lead", "trail") if found else ()))
        return cell

    def move(self, cell: DraftCell, position: int) -> None:
        """Put a cell where it has this index; what stands between the cells stays in its place."""
        self.cells.remove(cell)
        self.cells.insert(position, cell)

    def new_cell(self, content: dict[str, Any], name: str) -> DraftCell:
        """A cell written like the others of the file; it is not in it yet."""
        like = next(
            (c.content for c in self.cells if c.content.get("cell_type") == content["cell_type"]),
            {},
        )
        order = [*(key for key in like if key in content), *sorted(content.keys() - like.keys())]
        content = {key: content[key] for key in (order if like else sorted(content))}
        content["source"] = self.lines(content["source"], like.get("source"))
        return DraftCell(name, self.layout.dump(content, self.layout.margin(2)))

    def lines(self, source: str, like: str | list[str] | None) -> str | list[str]:
        """A source as one string, or as a list of lines, as the file has it."""
        if not like:
            sources = (cell.content.get("source") for cell in self.seen)
            like = next((found for found in sources if found), None)
        return source if isinstance(like, str) else source.splitlines(True)

    def free_name(self, content: dict[str, Any], cells: Sequence[DraftCell]) -> str:
        """An id for a new cell beside these."""
        taken = [{**cell.content, "id": cell.name} for cell in cells]
        return _assigned([*taken, content])[-1]

    def named(self, name: str) -> DraftCell | None:
        return next((cell for cell in self.cells if cell.name == name), None)


def names_of(cells: Sequence[DraftCell]) -> list[str]:
    """The ids that ``read_notebook`` gives to these cells."""
    return _assigned([cell.content for cell in cells])


def _assigned(contents: list[dict[str, Any]]) -> list[str]:
    views = [
        {
            "cell_type": content.get("cell_type"),
            "source": joined(content["source"]),
            **({"id": content["id"]} if "id" in content else {}),
        }
        for content in contents
    ]
    assign_ids(views)
    return [view["id"] for view in views]


def check_cell(text: str) -> str:
    """The text, if it is the JSON of a cell.

    Raises:
        DocumentError: It is not.
    """
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    if isinstance(content, dict) and isinstance(content.get("source"), str | list):
        return text
    raise _not_as_reported("cell")


def _not_as_reported(what: str) -> DocumentError:
    return DocumentError(
        f"what was written is not the JSON of a {what}",
        hint="Take it from the report of an edit as it is.",
        kind="invalid_edit",
    )


def _cut(text: str, span: Span | None) -> str | None:
    return None if span is None else text[span.start : span.end]
