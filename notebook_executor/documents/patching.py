"""A difference applied to a notebook: to the one that it was made of, and to no other."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from notebook_executor.documents.cells import assign_ids
from notebook_executor.documents.comparable import comparable, digest
from notebook_executor.documents.difference import ExactDiff, NotebookDiff
from notebook_executor.documents.diffing import file_lines
from notebook_executor.documents.operations import (
    Op,
    cell_list_ops,
    pairs_of,
    touched_outputs,
)
from notebook_executor.documents.output_text import TextDigests
from notebook_executor.documents.pairing import exact
from notebook_executor.documents.reading import adopt, parse_json, parse_notebook, read_file
from notebook_executor.documents.replacing import ChangedMeanwhileError, exclusively
from notebook_executor.documents.rewriting import rewritten
from notebook_executor.documents.structure import format_version
from notebook_executor.documents.writing import check_valid, write_bytes
from notebook_executor.errors import DocumentError, UsageError
from notebook_executor.models import Record
from notebook_executor.text import clip

if TYPE_CHECKING:
    from nbformat import NotebookNode

_TEXT_LIMIT = 4000


class PatchReport(Record):
    """What a patch did."""

    path: str
    output_path: str
    exact: bool  # every byte is that of the notebook that the difference was made to
    cells_added: int
    cells_removed: int
    cells_changed: int  # or moved

    def __str__(self) -> str:
        return self.for_llm(_TEXT_LIMIT)

    def for_llm(self, max_chars: int = _TEXT_LIMIT) -> str:
        """What the patch did, in at most ``max_chars`` characters."""
        text = (
            f"{self.output_path}: cells added {self.cells_added}, removed {self.cells_removed}, "
            f"changed {self.cells_changed}{', the same byte for byte' if self.exact else ''}"
        )
        return clip(text, max_chars)


def read_diff(path: str | os.PathLike[str]) -> NotebookDiff:
    """A difference from a file of its JSON.

    Raises:
        DocumentError: There is no such file, or it holds something else.
    """
    from pydantic import ValidationError

    try:
        return NotebookDiff.model_validate_json(read_file(path))
    except ValidationError as exc:
        first = exc.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise DocumentError(
            f"{path} is not a difference of notebooks: {place}: {first['msg']}",
            hint="nbx diff A B --json writes one.",
            kind="invalid_diff",
            path=str(path),
        ) from exc


def patch_notebook(
    path: str | os.PathLike[str],
    diff: NotebookDiff,
    output: str | os.PathLike[str] | None = None,
) -> PatchReport:
    """Apply a difference to a notebook file.

    What the difference looked over (ids, counts, outputs that it does not change) may be any, and
    stays; of a lossless difference every byte has to be that of its first notebook.

    Args:
        path: The notebook.
        diff: What is to change.
        output: Where the result goes; None for the notebook itself.

    Raises:
        DocumentError: The notebook cannot be read or written, or the difference does not fit it
            (``details["kind"]`` is ``does_not_fit``); the file is as it was before.
        UsageError: A notebook of an old format would be replaced by one of the current one.
    """
    if output is None:
        _replace(path, diff)
    else:
        write_bytes(_made(read_file(path), diff, str(path), in_place=False), output)
    summary = diff.summary
    return PatchReport(
        path=str(path),
        output_path=str(path if output is None else output),
        exact=diff.exact is not None,
        cells_added=len(summary.added),
        cells_removed=len(summary.removed),
        cells_changed=len(summary.changed) + len(summary.moved),
    )


def _replace(path: str | os.PathLike[str], diff: NotebookDiff) -> None:
    with exclusively(path) as replacing:
        while True:
            try:
                return replacing.write(_made(replacing.read(), diff, str(path), in_place=True))
            except ChangedMeanwhileError:
                continue


def _made(data: bytes, diff: NotebookDiff, name: str, *, in_place: bool) -> bytes:
    if diff.exact is not None:
        return _exact(data, diff, diff.exact, name)
    major, _ = format_version(parse_json(data, name), name)
    if in_place and major < 4:
        raise UsageError(
            f"{name} is of nbformat {major} and would be replaced by nbformat 4",
            hint="Name another file for the result.",
        )
    made = patched(parse_notebook(data, name), diff, name)
    check_valid(made, name)
    return rewritten(made, data)


def _exact(data: bytes, diff: NotebookDiff, exact_diff: ExactDiff, name: str) -> bytes:
    found = hashlib.sha256(data).hexdigest()
    if found != exact_diff.sha256_a:
        raise _misfit(name, diff, done=found == exact_diff.sha256_b)
    with _damage_told(diff):
        lines: list[str] = _applied(file_lines(data), exact_diff.ops)
        made = "\n".join(lines).encode()
    if hashlib.sha256(made).hexdigest() != exact_diff.sha256_b:
        raise _damaged(diff)
    return made


def patched(nb: NotebookNode, diff: NotebookDiff, name: str) -> NotebookNode:
    """The notebook with a difference applied, to all but the way in which files are written.

    Args:
        nb: As ``read_notebook`` returns it; it stays as it is.
        diff: What is to change.
        name: What errors call the notebook.

    Raises:
        DocumentError: The difference does not fit the notebook.
    """
    before, texts = comparable(nb, noise=diff.noise), TextDigests()
    ops = list(diff.ops)
    with _damage_told(diff):
        cell_ops = cell_list_ops(ops)
        pairs = pairs_of(cell_ops, len(before.cells))
        added = sum(len(op["valuelist"]) for op in cell_ops if op["op"] == "addrange")
        touched = touched_outputs(ops, pairs, len(pairs) + added)
    if digest(before, touched.in_a, texts, noise=diff.noise) != diff.digest_a:
        done = digest(before, touched.in_b, texts, noise=diff.noise) == diff.digest_b
        raise _misfit(name, diff, done=done)
    with _damage_told(diff):
        after = _applied(before, ops)
        made = after if diff.noise else _with_noise(nb, before, after, {j: i for i, j in pairs})
        arrived = comparable(adopt(made), noise=diff.noise)
    if digest(arrived, touched.in_b, texts, noise=diff.noise) != diff.digest_b:
        raise _damaged(diff)
    return made


def _applied(value: Any, ops: Iterable[Op]) -> Any:
    from nbdime.diff_utils import to_diffentry_dicts
    from nbdime.patching import patch
    from nbformat import from_dict

    return from_dict(patch(value, to_diffentry_dicts(list(ops))))


def _with_noise(
    raw: NotebookNode, before: NotebookNode, after: NotebookNode, kept: Mapping[int, int]
) -> NotebookNode:
    """What a difference without noise made, with the noise of the notebook that it was made of.

    Args:
        raw: The notebook as it was.
        before: The same without noise.
        after: What was made of that.
        kept: The indices of cells, in ``after``, that come from ``raw``, and where they were.
    """
    made = _restored(raw, before, after)
    made.cells = [
        _restored(raw.cells[kept[j]], before.cells[kept[j]], cell) if j in kept else cell
        for j, cell in enumerate(after.cells)
    ]
    assign_ids(made.cells)
    return made


def _restored(raw: NotebookNode, before: NotebookNode, after: NotebookNode) -> NotebookNode:
    made = copy.copy(after)
    for key in after.keys() - {"cells"}:
        if key in before and exact(before[key]) == exact(after[key]):
            made[key] = raw[key]
    volatile = {key: raw.metadata[key] for key in raw.metadata.keys() - before.metadata.keys()}
    made.metadata = type(raw.metadata)({**volatile, **made.metadata})
    return made


def _misfit(name: str, diff: NotebookDiff, *, done: bool) -> DocumentError:
    if done:
        problem, hint = f"{name} already has what changed", "There is nothing to do."
    else:
        problem = f"{name} is not the notebook that the difference was made of ({diff.path_a})"
        hint = "nbx merge brings the changes of two notebooks together."
    return DocumentError(
        f"The difference does not fit: {problem}", hint=hint, kind="does_not_fit", path=name
    )


def _damaged(diff: NotebookDiff) -> DocumentError:
    return DocumentError(
        f"The difference of {diff.path_a} and {diff.path_b} is damaged: what its operations make "
        "is not what it was made to",
        hint="Make it again.",
        kind="invalid_diff",
    )


@contextlib.contextmanager
def _damage_told(diff: NotebookDiff) -> Iterator[None]:
    """nbdime's patch asserts, indexes and calls what a damaged difference holds."""
    try:
        yield
    except Exception as exc:
        raise _damaged(diff) from exc
