"""From a file, bytes or a node to a notebook that is checked, current and has stable ids."""

from __future__ import annotations

import contextlib
import difflib
import itertools
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notebook_executor.documents.cells import assign_ids
from notebook_executor.documents.structure import (
    CURRENT_MINOR,
    check_version,
    format_version,
    invalid,
    repair,
)
from notebook_executor.errors import DocumentError
from notebook_executor.nbformat_loading import load_nbformat

if TYPE_CHECKING:
    from nbformat import NotebookNode

_CONFLICT = re.compile(r"^(?:<{7} |>{7} )", re.MULTILINE)
_MOST_SIBLINGS = 2000


def read_notebook(path: str | os.PathLike[str]) -> NotebookNode:
    """Read a notebook file of nbformat 2, 3 or 4 as the current format; the file stays as it is.

    Cells have unique ids, the same ones at each read; missing fields that Jupyter does without
    are filled.

    Raises:
        DocumentError: ``details["kind"]`` is ``not_found`` when there is no file that can be
            read, ``invalid_notebook`` when it is not a usable notebook.
    """
    return parse_notebook(read_file(path), str(path))


def parse_notebook(data: bytes, name: str) -> NotebookNode:
    """Make a notebook of a file's bytes, as ``read_notebook`` does.

    Args:
        data: The content of a notebook file.
        name: What errors call it.

    Raises:
        DocumentError: It is not a usable notebook.
    """
    return _current(parse_json(data, name), name)


def adopt(node: dict[str, Any]) -> NotebookNode:
    """A copy of a notebook in memory, checked and upgraded as ``read_notebook`` does.

    Raises:
        DocumentError: It is not a usable notebook.
    """
    load_nbformat()
    from nbformat.notebooknode import from_dict

    try:
        return _current(from_dict(node), "notebook")
    except RecursionError:
        raise too_deep("notebook") from None


def read_file(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a regular file.

    Raises:
        DocumentError: It cannot be read; ``details["kind"]`` is ``not_found``.
    """
    source = Path(path)
    try:
        if source.exists() and not source.is_file():
            raise _unreadable(source, "is a directory" if source.is_dir() else "is not a file")
        return source.read_bytes()
    except FileNotFoundError:
        raise _unreadable(source, "does not exist") from None
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else str(exc)
        raise _unreadable(source, f"cannot be read: {reason}") from exc


def _unreadable(path: Path, problem: str) -> DocumentError:
    return DocumentError(f"{path} {problem}", hint=_nearby(path), kind="not_found", path=str(path))


def _nearby(path: Path) -> str:
    folder = path if os.path.isdir(path) else path.parent  # noqa: PTH112 - never raises
    try:
        names = sorted(entry.name for entry in itertools.islice(folder.iterdir(), _MOST_SIBLINGS))
    except (OSError, ValueError):
        return f"There is no readable folder {folder}."
    if folder == path:
        close = [name for name in names if name.endswith(".ipynb")][:3]
    else:
        close = difflib.get_close_matches(path.name, names, n=3)
    return f"Did you mean {' or '.join(str(folder / name) for name in close)}?" if close else ""


def parse_json(data: bytes, name: str) -> object:
    """The JSON value in a file's bytes.

    Raises:
        DocumentError: It is not UTF-8, or not JSON; line and column are in the message.
    """
    from pydantic_core import from_json

    # Three times as fast as the standard library's, but stricter (byte order marks, lone
    # surrogates, deep nesting) and without the place of an error: that one has the last word.
    with contextlib.suppress(ValueError):
        return from_json(data)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise invalid(
            name,
            f"not UTF-8: byte 0x{data[exc.start]:02x} at offset {exc.start}, line {line}",
            hint="Notebooks are UTF-8 text; is this another kind of file?",
            line=line,
            code="not_utf8",
        ) from exc
    try:
        return json.loads(text)
    except json.JSONDecodeError as exc:
        raise invalid(
            name,
            f"not JSON: {exc.msg} at line {exc.lineno}, column {exc.colno}",
            hint=_json_hint(text),
            line=exc.lineno,
            column=exc.colno,
            code="not_json",
        ) from exc
    except RecursionError:
        raise too_deep(name) from None
    except ValueError as exc:
        raise invalid(name, f"not usable JSON: {exc}", code="not_json") from exc


def _json_hint(text: str) -> str:
    if not text.strip():
        return "The file is empty."
    if _CONFLICT.search(text):
        return "It holds the markers of an unresolved git merge."
    return "Was it cut off, or edited by hand?"


def too_deep(name: str) -> DocumentError:
    """The error for a file whose values are nested beyond what can be followed."""
    return invalid(name, "nested too deeply to be a notebook", code="not_json")


def _current(raw: object, name: str) -> NotebookNode:
    major, minor = format_version(raw, name)
    check_version(major, name)
    load_nbformat()
    from nbformat.v4 import to_notebook_json

    try:
        content = _as_version_4(raw, major, minor, name)
        content["nbformat_minor"] = minor if major == 4 else 0
        repair(content, name)
        content["nbformat_minor"] = max(content["nbformat_minor"], CURRENT_MINOR)
        notebook: NotebookNode = to_notebook_json(content)
        assign_ids(notebook.cells)
    except RecursionError:
        raise too_deep(name) from None
    return notebook


def _as_version_4(raw: Any, major: int, minor: int, name: str) -> dict[str, Any]:
    if major == 4:
        return dict(raw)
    from nbformat import ValidationError, convert, versions

    try:
        node = versions[major].to_notebook_json(_with_gaps_filled(raw), minor=minor)
        content: dict[str, Any] = convert(node, 4)
    except (AttributeError, KeyError, TypeError, ValueError, ValidationError) as exc:
        raise invalid(
            name,
            f"cannot be upgraded from nbformat {major}: {exc}",
            hint="Open and save it with Jupyter.",
            code="not_a_notebook",
        ) from exc
    for cell in content["cells"]:
        del cell["id"]
    return content


def _with_gaps_filled(raw: dict[str, Any]) -> dict[str, Any]:
    raw.setdefault("metadata", {})
    for sheet in raw.get("worksheets", []):
        for cell in sheet.get("cells", []):
            if cell.get("cell_type") == "code":
                cell.setdefault("outputs", [])
    return raw
