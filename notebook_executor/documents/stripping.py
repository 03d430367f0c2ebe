"""Notebooks without what running them has left behind: nbstripout's rules, in this process.

Outputs, counts and volatile metadata go, ids stay, and everything else is written as it was.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notebook_executor.documents.draft import Draft, DraftCell
from notebook_executor.documents.reading import parse_json, parse_notebook, read_file
from notebook_executor.documents.replacing import ChangedMeanwhileError, exclusively
from notebook_executor.documents.structure import format_version, invalid
from notebook_executor.documents.volatile import (
    VOLATILE_CELL_METADATA,
    VOLATILE_METADATA,
    without_paths,
)
from notebook_executor.documents.written import Layout, replace_member
from notebook_executor.errors import DocumentError

if TYPE_CHECKING:
    from nbformat import NotebookNode

_RUNS = "runs"
_NOT_JSON = ("not_json", "not_utf8")


def strip_data(data: bytes, name: str) -> bytes:
    """The file of a notebook without outputs, counts and volatile metadata.

    Cells tagged ``keep_output``, or with that in their metadata, keep their outputs, as with
    nbstripout.

    Args:
        data: A notebook file of nbformat 3 or 4.
        name: What errors call it.

    Returns:
        The same bytes where there is nothing to strip.

    Raises:
        DocumentError: It is not a usable notebook.
    """
    if format_version(parse_json(data, name), name)[0] == 3:
        return _strip_version_3(data, name)
    notebook = parse_notebook(data, name)
    draft = Draft(data.decode("utf-8"), name)
    _strip_outputs(notebook, name)
    for cell, stripped in zip(draft.cells, notebook.cells, strict=True):
        _strip_cell(cell, stripped, draft.layout)
    before = json.loads(draft.metadata or "{}")
    after = without_paths(before, VOLATILE_METADATA)
    if after != before:
        draft.set_metadata(after)
    return draft.text().encode("utf-8")


def clean_data(data: bytes, name: str, warn: Callable[[str], None]) -> bytes:
    """What git is to keep of a file that is called a notebook: as ``strip_data``, but forgiving.

    What is no JSON stays as it is. An editor makes empty notebooks, and a merge without a driver
    puts its markers into them; to refuse those would end ``git diff`` and ``git stash`` in the
    middle of that merge.

    Args:
        data: The file.
        name: What errors call it.
        warn: Is told what stays as it is, and why; not of an empty file.

    Raises:
        DocumentError: It is JSON with outputs in it, and not a notebook that they could be taken
            out of.
    """
    try:
        return strip_data(data, name)
    except DocumentError as error:
        if error.details.get("code") not in _NOT_JSON and b'"outputs"' in data:
            raise
        if data.strip():
            warn(f"{error}; it stays as it is")
        return data


def _strip_outputs(notebook: NotebookNode, name: str) -> None:
    from nbstripout import MetadataError, strip_output

    try:
        strip_output(notebook, keep_output=None, keep_count=False, keep_id=True)
    except MetadataError as exc:
        raise invalid(name, str(exc), hint="Let tags and metadata say the same.") from exc


def _strip_cell(cell: DraftCell, stripped: NotebookNode, layout: Layout) -> None:
    content = cell.content
    wanted: dict[str, Any] = {}
    if "outputs" in content:  # first, because the rest is quicker without them
        kept = content["outputs"] if stripped.get("outputs") else []
        wanted["outputs"] = [_uncounted(output) for output in kept]
    if "metadata" in content:
        wanted["metadata"] = without_paths(content["metadata"], VOLATILE_CELL_METADATA)
    if "execution_count" in content:
        wanted["execution_count"] = None
    for key, value in wanted.items():
        if content[key] != value:
            cell.text = replace_member(cell.text, key, value, layout)


def _uncounted(output: dict[str, Any]) -> dict[str, Any]:
    return {**output, "execution_count": None} if "execution_count" in output else output


def _strip_version_3(data: bytes, name: str) -> bytes:
    """As nbstripout does it: the file is written anew by nbformat."""
    from nbformat import v3

    parse_notebook(data, name)  # refuses what is not usable
    try:
        notebook = v3.reads_json(data.decode("utf-8-sig"))
        before = v3.writes_json(notebook)
        _strip_outputs(notebook, name)
        after = v3.writes_json(notebook)
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise invalid(
            name,
            f"cannot be stripped as nbformat 3: {exc}",
            hint="Upgrade it first: nbx validate --upgrade.",
        ) from exc
    return data if after == before else f"{after}\n".encode()


def strip_file(path: str | os.PathLike[str], *, check: bool = False) -> bool:
    """Strip a notebook file in place.

    Args:
        path: The file.
        check: Only tell.

    Returns:
        Whether there was, or with ``check`` is, something to strip.

    Raises:
        DocumentError: It is not a usable notebook, or cannot be written; it is as it was before.
    """
    if check:
        data = read_file(path)
        return strip_data(data, str(path)) != data
    with exclusively(path) as replacing:
        while True:
            data = replacing.read()
            stripped = strip_data(data, str(path))
            if stripped == data:
                return False
            try:
                replacing.write(stripped)
            except ChangedMeanwhileError:
                continue
            return True


def notebooks_to_strip(paths: Iterable[Path], root: Path) -> Iterator[Path]:
    """The notebook files among these paths and below these folders, each folder's in order.

    What lies in a folder ``runs`` below the root is left out: executed notebooks are kept whole.
    So are hidden folders, unless they are named themselves.
    """
    for path in paths:
        found = _below(path) if path.is_dir() else [path]
        yield from (notebook for notebook in found if not _is_run(notebook, root))


def _below(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(files) if name.endswith(".ipynb"))


def _is_run(path: Path, root: Path) -> bool:
    place = Path(os.path.abspath(path))
    return place.is_relative_to(root) and _RUNS in place.relative_to(root).parts[:-1]
