"""A notebook as an agent reads it: cells with their hashes, and no binary data ever."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from notebook_executor.bundles import telling, words_of
from notebook_executor.documents.cells import source_hash, tags
from notebook_executor.documents.reading import read_notebook
from notebook_executor.errors import DocumentError
from notebook_executor.models import Record
from notebook_executor.text import clip, one_line, plain, without_base64

if TYPE_CHECKING:
    from nbformat import NotebookNode

_PREVIEW = 200
_WORD = re.compile(r"\S*")
_OMISSION = re.compile(r"\[base64, [\d,]+ characters\]")
_LEAST = 40


class CellOutline(Record):
    """One cell, as much of it as is worth reading."""

    index: int
    id: str
    hash: str  # of the source: what an edit's if_hash is compared with
    type: str
    tags: tuple[str, ...] = ()
    source: str  # base64 of 200 characters and more is left out, and says so
    output_preview: str = Field("", max_length=_PREVIEW)
    stale: bool = False  # the outputs come from another source than this


def outline(path: str | os.PathLike[str]) -> list[CellOutline]:
    """The cells of a notebook file.

    Raises:
        DocumentError: It is not a readable notebook.
    """
    return [_outlined(index, cell) for index, cell in enumerate(read_notebook(path).cells)]


def _outlined(index: int, cell: NotebookNode) -> CellOutline:
    digest = source_hash(cell.source)
    own = cell.metadata.get("nbx")
    origin = own.get("outputs_of", digest) if isinstance(own, dict) else digest
    return CellOutline(
        index=index,
        id=cell.id,
        hash=digest,
        type=cell.cell_type,
        tags=tuple(tags(cell)),
        source=without_base64(cell.source),
        output_preview=_preview(cell.get("outputs", [])),
        stale=origin != digest,
    )


def chosen(cells: Sequence[CellOutline], addresses: Sequence[str]) -> list[CellOutline]:
    """The cells that go by these addresses, in the order of the notebook; all if there are none.

    Raises:
        DocumentError: An address (an id, else ``tag:NAME``, else an index) names no cell.
    """
    found = {cell.index for address in addresses for cell in _addressed(cells, address)}
    return [cell for cell in cells if not addresses or cell.index in found]


def _addressed(cells: Sequence[CellOutline], address: str) -> list[CellOutline]:
    tag = address.removeprefix("tag:") if address.startswith("tag:") else None
    found = [cell for cell in cells if cell.id == address]
    found = found or [cell for cell in cells if tag is not None and tag in cell.tags]
    found = found or [cell for cell in cells if str(cell.index) == address]
    if found:
        return found
    close = difflib.get_close_matches(address, [cell.id for cell in cells], n=3)
    raise DocumentError(
        f"No cell {address!r} in a notebook of {len(cells)} cells",
        hint=f"Did you mean {' or '.join(close)}?" if close else "",
        kind="not_found",
        address=address,
    )


def check_complete(source: str, old: str) -> None:
    """Refuse a new source in which an outline's omission would replace the data itself.

    Raises:
        DocumentError: It holds an omission that the old one does not.
    """
    omitted = next((found[0] for found in _OMISSION.finditer(source) if found[0] not in old), None)
    if omitted is not None:
        raise DocumentError(
            f"the new source says {omitted!r} where the cell holds the data",
            hint="Change the rest of the source with find_replace.",
            kind="invalid_edit",
        )


def _preview(outputs: Iterable[Mapping[str, Any]]) -> str:
    texts = (one_line(without_base64(_beginning(_told(output))), _PREVIEW) for output in outputs)
    return one_line(" ".join(filter(None, texts)), _PREVIEW)


def _beginning(text: str) -> str:
    """Much more of a text than is shown, up to the end of the word that is reached."""
    rest = _WORD.match(text, 20 * _PREVIEW)
    return text[: rest.end()] if rest else text


def _told(output: Mapping[str, Any]) -> str:
    kind = output["output_type"]
    if kind == "stream":
        return str(output["text"])
    if kind == "error":
        return f"{output['ename']}: {output['evalue']}"
    data = telling(output["data"])
    rich = (
        f"[{mime}, {len(str(value)):,} characters]"
        for mime, value in data.items()
        if not mime.startswith("text/")
    )
    return " ".join(filter(None, [words_of(data), *rich]))


def outline_text(cells: Iterable[CellOutline], max_chars: int | None = None) -> str:
    """An outline to read: a line for each cell, its source, a preview of its outputs.

    Args:
        cells: What ``outline`` returns, or some of it.
        max_chars: The budget; never exceeded. Long sources are cut in the middle first, then the
            last cells left out.
    """
    shown = list(cells)
    text = "\n".join(_block(cell, None) for cell in shown)
    if max_chars is None or len(text) <= max_chars:
        return text
    limit = max(map(len, (cell.source for cell in shown)), default=0)
    while limit > _LEAST and len(text) > max_chars:
        limit = limit * 2 // 3
        text = "\n".join(_block(cell, limit) for cell in shown)
    return text if len(text) <= max_chars else _first_cells(shown, max_chars)


def _first_cells(cells: list[CellOutline], max_chars: int) -> str:
    note = "… and {} more cells"
    room = max_chars - len(note.format(len(cells)))
    blocks: list[str] = []
    for cell in cells:
        block = _block(cell, _LEAST)
        if len(block) + 1 > room:
            break
        blocks.append(block)
        room -= len(block) + 1
    return clip("\n".join([*blocks, note.format(len(cells) - len(blocks))]), max_chars)


def _block(cell: CellOutline, limit: int | None) -> str:
    marks = [f"#{tag}" for tag in cell.tags] + (["(outputs are stale)"] if cell.stale else [])
    head = " ".join([f"[{cell.index}]", cell.id, cell.type, cell.hash, *marks])
    source = plain(cell.source if limit is None else clip(cell.source, limit))
    lines = [head, *(f"    {line}" for line in source.splitlines())]
    if cell.output_preview:
        preview = cell.output_preview if limit is None else one_line(cell.output_preview, limit)
        lines.append(f"  → {preview}")
    return "\n".join(lines)
