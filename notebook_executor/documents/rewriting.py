"""A notebook written as the file that it comes from was: its indent, order of keys, line ends."""

from __future__ import annotations

import os
import re
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from notebook_executor.documents.reading import parse_json
from notebook_executor.documents.writing import check_valid, serialise, write_bytes
from notebook_executor.documents.written import Layout

if TYPE_CHECKING:
    from nbformat import NotebookNode

# What nbformat never writes as lines.
_JSON_TYPE = re.compile(r"application/(.*\+)?json")


def write_like(nb: NotebookNode, old: bytes, path: str | os.PathLike[str]) -> None:
    """Check a notebook and write it, laid out as an older file.

    Args:
        nb: The notebook.
        old: The file of the notebook that it was made of.
        path: What is replaced or made.

    Raises:
        DocumentError: The notebook is not valid, or the file cannot be written.
    """
    check_valid(nb, str(path))
    write_bytes(rewritten(nb, old), path)


def rewritten(nb: NotebookNode, old: bytes) -> bytes:
    """The file of a notebook: what is as it was in the older file is written as it was."""
    text = old.decode("utf-8-sig")
    start = text.index("{")
    layout = Layout.of(text, start)
    end = text[len(text.rstrip()) :]
    written = serialise(nb)
    if layout == Layout():
        return written.rstrip(b"\n") + end.encode()
    value = _like(parse_json(written, "notebook"), parse_json(old, "notebook"))
    body = layout.dump(value, layout.margin(0))
    return (text[:start] + body + end).encode("utf-8", "backslashreplace")


def _like(value: Any, old: Any, *, free: bool = False) -> Any:
    """The value with its keys in the older one's order, and lines joined where they were.

    Args:
        value: What is to be written.
        old: What stands there now.
        free: Whether it lies in metadata or JSON data, where a list of texts is no text.
    """
    if isinstance(value, dict):
        model = old if isinstance(old, dict) else {}
        order = {**{key: None for key in model if key in value}, **value}
        return {key: _member(key, value[key], model.get(key), free) for key in order}
    if isinstance(value, list):
        models = old if isinstance(old, list) else []
        pairs = zip_longest(value, models[: len(value)])
        return [_like(item, model, free=free) for item, model in pairs]
    return value


def _member(key: str, value: Any, old: Any, free: bool) -> Any:
    """Cells are like those of their id; others like the first one."""
    if free or key == "metadata" or _JSON_TYPE.fullmatch(key):
        return _like(value, old, free=True)
    if (key in ("source", "text") or "/" in key) and isinstance(value, list):
        return "".join(value) if isinstance(old, str) else value
    if key != "cells" or not isinstance(old, list) or not old:
        return _like(value, old)
    by_id = {str(cell.get("id")): cell for cell in old if isinstance(cell, dict)}
    return [_like(cell, by_id.get(cell["id"], old[0])) for cell in value]
