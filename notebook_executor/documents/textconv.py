"""A notebook as text in which git finds changes: ``git diff``, ``git log -p``, ``git blame``.

Lines say nothing of their place, so that a new cell is one change. What git would not keep is left
out: git hands over the file of the working tree, outputs and all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from notebook_executor.documents.cells import tags
from notebook_executor.documents.output_text import bundles_text, metadata_text, outputs_text
from notebook_executor.documents.reading import parse_notebook
from notebook_executor.documents.stripping import strip_data
from notebook_executor.errors import DocumentError


def as_text(data: bytes, name: str) -> bytes:
    """What git is to compare of a file that is called a notebook; of what is none, the file."""
    try:
        notebook = parse_notebook(strip_data(data, name), name)
    except DocumentError:
        return data
    lines = ["── notebook", *metadata_text(notebook.metadata).splitlines()]
    for cell in notebook.cells:
        lines += _cell(cell)
    return ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace")


def _cell(cell: dict[str, Any]) -> Iterator[str]:
    marks = [f"#{tag}" for tag in tags(cell)]
    yield " ".join(["──", cell["cell_type"], cell["id"], *marks])
    # Not splitlines: that one hides a newline at the end, and the signs that it takes for some.
    yield from cell["source"].split("\n") if cell["source"] else ()
    others = {name: value for name, value in cell["metadata"].items() if name != "tags"}
    yield from _part("metadata", metadata_text(others))
    yield from _part("attachments", bundles_text(cell.get("attachments", {})))
    yield from _part("outputs", outputs_text(cell.get("outputs", [])))


def _part(title: str, text: str) -> Iterator[str]:
    if text:
        yield f"─ {title}"
        yield from text.splitlines()
