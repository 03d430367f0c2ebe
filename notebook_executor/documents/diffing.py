"""What changed from one notebook to another: nbdime's operations, and a summary of them.

Unless it is asked for, what says nothing about a notebook (``normalise``) is taken out before the
comparison, so that operations and summary agree.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from notebook_executor.documents.comparable import comparable, digest, ignored_fields
from notebook_executor.documents.difference import (
    Aspect,
    CellChange,
    CellRef,
    DiffSummary,
    ExactDiff,
    NotebookDiff,
)
from notebook_executor.documents.operations import (
    Op,
    cell_list_ops,
    line_ops,
    notebook_ops,
    touched_outputs,
)
from notebook_executor.documents.output_text import (
    TextDigests,
    bundles_text,
    metadata_text,
    outputs_text,
)
from notebook_executor.documents.pairing import Pairing, exact, pair_cells
from notebook_executor.documents.reading import parse_notebook, read_file, too_deep
from notebook_executor.documents.unified import unified
from notebook_executor.text import clip, one_line

if TYPE_CHECKING:
    from nbformat import NotebookNode

_OUTPUTS_LIMIT = 10_000
_ASPECTS: tuple[Aspect, ...] = (
    *("cell_type", "source", "outputs", "metadata", "attachments", "id", "execution_count"),
)


class _Look(NamedTuple):
    """How cells are looked at."""

    ignored: tuple[str, ...]  # fields
    texts: TextDigests


def diff_notebooks(
    path_a: str | os.PathLike[str],
    path_b: str | os.PathLike[str],
    *,
    noise: bool = False,
    lossless: bool = False,
) -> NotebookDiff:
    """Compare two notebook files.

    Args:
        path_a: The one to begin with.
        path_b: What it became.
        noise: Ids, execution counts, and what else differs from run to run, count too.
        lossless: So does every byte, and the difference is a patch that reproduces it.

    Raises:
        DocumentError: One of them is not a readable notebook.
    """
    data_a, data_b = read_file(path_a), read_file(path_b)
    nb_a, nb_b = parse_notebook(data_a, str(path_a)), parse_notebook(data_b, str(path_b))
    found = compare_notebooks(nb_a, nb_b, (str(path_a), str(path_b)), noise=noise or lossless)
    if lossless:
        update = {"exact": _exact(data_a, data_b), "identical": data_a == data_b}
        found = found.model_copy(update=update)
    return found


def compare_notebooks(
    nb_a: NotebookNode, nb_b: NotebookNode, names: tuple[str, str], *, noise: bool = False
) -> NotebookDiff:
    """Compare two notebooks; ``names`` are what the difference calls them.

    Raises:
        DocumentError: They are nested too deeply.
    """
    try:
        return _compare(nb_a, nb_b, names, noise)
    except RecursionError:
        raise too_deep(" or ".join(names)) from None


def _compare(
    nb_a: NotebookNode, nb_b: NotebookNode, names: tuple[str, str], noise: bool
) -> NotebookDiff:
    a, b = comparable(nb_a, noise=noise), comparable(nb_b, noise=noise)
    pairing = pair_cells(a.cells, b.cells)
    ignored = ignored_fields(noise=noise)
    ops = notebook_ops(a, b, pairing.pairs, ignored)
    texts = TextDigests()
    summary = _summary(a, b, pairing, ops, _Look(ignored, texts))
    touched = touched_outputs(ops, pairing.pairs, len(b.cells))
    found = NotebookDiff(
        path_a=names[0],
        path_b=names[1],
        identical=not ops,
        noise=noise,
        summary=summary,
        ops=tuple(ops),
        digest_a=digest(a, touched.in_a, texts, noise=noise),
        digest_b=digest(b, touched.in_b, texts, noise=noise),
    )
    found._documents = (a, b)
    return found


def _exact(data_a: bytes, data_b: bytes) -> ExactDiff:
    return ExactDiff(
        sha256_a=hashlib.sha256(data_a).hexdigest(),
        sha256_b=hashlib.sha256(data_b).hexdigest(),
        ops=tuple(line_ops(file_lines(data_a), file_lines(data_b))),
    )


def file_lines(data: bytes) -> list[str]:
    """The lines of a notebook's file: joined by newlines, they are the file."""
    return data.decode().split("\n")


def _summary(
    a: NotebookNode, b: NotebookNode, pairing: Pairing, ops: list[Op], look: _Look
) -> DiffSummary:
    patched = {op["key"] for op in cell_list_ops(ops) if op["op"] == "patch"}
    changed = tuple(_change(a, b, i, j, look) for i, j in pairing.pairs if i in patched)
    moved = tuple(_change(a, b, i, j, look) for i, j in pairing.moved)
    counts = {name: sum(name in each.changed for each in (*changed, *moved)) for name in _ASPECTS}
    return DiffSummary(
        added=tuple(_ref(b, index) for index in pairing.added),
        removed=tuple(_ref(a, index) for index in pairing.removed),
        moved=moved,
        changed=changed,
        sources_changed=counts["source"],
        outputs_changed=counts["outputs"],
        metadata_changed=counts["metadata"],
        notebook_metadata=_entries_changed(a.metadata, b.metadata),
    )


def _entries_changed(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[str, ...]:
    entries = sorted({*a, *b})
    return tuple(k for k in entries if k not in a or k not in b or exact(a[k]) != exact(b[k]))


def _ref(nb: NotebookNode, index: int) -> CellRef:
    cell = nb.cells[index]
    preview = one_line(cell.get("source", ""), 80)
    return CellRef(index=index, id=cell.id, cell_type=cell.cell_type, source_preview=preview)


def _change(
    a: NotebookNode, b: NotebookNode, index_a: int, index_b: int, look: _Look
) -> CellChange:
    cell_a, cell_b = a.cells[index_a], b.cells[index_b]
    names = _entries_changed(cell_a, cell_b)
    texts = {}
    if "source" in names:
        texts["source_diff"] = unified(cell_a.source, cell_b.source)
    if "outputs" in names:
        text_a, text_b = (
            outputs_text(cell.get("outputs", ()), look.texts) for cell in (cell_a, cell_b)
        )
        texts["outputs_diff"] = clip(unified(text_a, text_b), _OUTPUTS_LIMIT)
    if "metadata" in names or "attachments" in names:
        text_a, text_b = (
            metadata_text(cell.metadata) + bundles_text(cell.get("attachments", {}))
            for cell in (cell_a, cell_b)
        )
        texts["metadata_diff"] = clip(unified(text_a, text_b), _OUTPUTS_LIMIT)
    return CellChange(
        index_a=index_a,
        index_b=index_b,
        id=cell_b.id,
        cell_type=cell_b.cell_type,
        changed=tuple(name for name in _ASPECTS if name in names and name not in look.ignored),
        **texts,
    )
