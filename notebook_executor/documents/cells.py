"""Cells of a notebook: their hash, their ids, their tags, and how to find one."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from notebook_executor.errors import DocumentError
from notebook_executor.text import has_lone_surrogate

if TYPE_CHECKING:
    from nbformat import NotebookNode

_VALID_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def source_hash(source: str) -> str:
    """Twelve hexadecimal digits that stand for a cell's source."""
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def assign_ids(cells: Sequence[dict[str, Any]]) -> None:
    """Give each cell a valid and unique id, in place; ids that already are, stay.

    nbformat draws a new id by lot each time it reads or validates a cell without one, or the
    second of two cells that share one. Here it follows from the cell's source and from how many
    equal cells come before it: two reads agree, and the id stays when other cells come or go.
    """
    taken = {cell["id"] for cell in cells if _is_valid_id(cell.get("id"))}
    kept: set[str] = set()
    occurrences: Counter[str] = Counter()
    for cell in cells:
        text = f"{cell['cell_type']}\n{cell.get('source', '')}"
        occurrences[text] += 1
        if _is_valid_id(cell.get("id")) and cell["id"] not in kept:
            kept.add(cell["id"])
        else:
            cell["id"] = _derived_id(text, occurrences[text], taken)
            taken.add(cell["id"])


def _is_valid_id(cell_id: object) -> bool:
    return isinstance(cell_id, str) and _VALID_ID.fullmatch(cell_id) is not None


def _derived_id(text: str, occurrence: int, taken: set[str]) -> str:
    digest = hashlib.sha256(f"{occurrence}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()
    lengths = range(8, len(digest) + 1)
    return next(digest[:length] for length in lengths if digest[:length] not in taken)


def tags(cell: dict[str, Any]) -> list[str]:
    found = cell.get("metadata", {}).get("tags", [])
    return found if isinstance(found, list) else []


def has_tag(cell: dict[str, Any], tag: str) -> bool:
    return tag in tags(cell)


def find_tagged(nb: NotebookNode, tag: str) -> int | None:
    """The index of the first cell with this tag."""
    return next((i for i, cell in enumerate(nb.cells) if has_tag(cell, tag)), None)


def find_cell(nb: NotebookNode, address: str | int) -> int:
    """The index of the cell that an address names.

    Args:
        nb: A notebook whose cells have ids.
        address: A cell's id; else ``tag:x``, which means the first cell with the tag ``x``; else
            an index, as a number or as its digits.

    Raises:
        DocumentError: No cell goes by that address; the hint names close ones.
    """
    found = _index(nb, address)
    if found is not None:
        return found
    raise DocumentError(
        f"No cell {address!r} in a notebook of {len(nb.cells)} cells",
        hint=_suggestion(nb, str(address)),
        kind="not_found",
        address=address,
    )


def _index(nb: NotebookNode, address: str | int) -> int | None:
    if isinstance(address, str):
        by_id = next((i for i, cell in enumerate(nb.cells) if cell.get("id") == address), None)
        if by_id is not None:
            return by_id
        if address.startswith("tag:"):
            return find_tagged(nb, address.removeprefix("tag:"))
        if not (address.isascii() and address.isdigit()):
            return None
    position = int(address)
    return position if 0 <= position < len(nb.cells) else None


def _suggestion(nb: NotebookNode, address: str) -> str:
    known = {tag: f"tag:{tag}" for cell in nb.cells for tag in tags(cell)}
    if not address.startswith("tag:"):
        known |= {cell["id"]: cell["id"] for cell in nb.cells if "id" in cell}
    close = difflib.get_close_matches(address.removeprefix("tag:"), known, n=3)
    if close:
        return f"Did you mean {' or '.join(known[name] for name in close)}?"
    return "An address is a cell's id, tag:NAME, or an index that starts at 0."


def check_runnable(nb: NotebookNode) -> None:
    """Refuse sources that no message to a kernel can carry.

    Raises:
        DocumentError: A code cell holds a lone surrogate, which UTF-8 cannot encode.
    """
    for index, cell in enumerate(nb.cells):
        if cell.cell_type == "code" and has_lone_surrogate(cell.source):
            raise DocumentError(
                f"cells[{index}] (id {cell.get('id', '?')}) holds a lone surrogate, "
                "half of a character, and cannot be sent to a kernel",
                hint="Replace the character in the cell's source.",
                kind="invalid_notebook",
                place=f"cells[{index}].source",
                cell_index=index,
            )
