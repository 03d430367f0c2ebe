"""Outputs that do not tell in which private folder a notebook has run."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode


def relocate_outputs(notebook: NotebookNode, folder: str | os.PathLike[str]) -> None:
    """Make paths below a folder, in the texts of the outputs, relative to it, in place.

    The folder itself becomes ``.``: what a warning, a traceback or a listing says is then the same
    wherever the notebook runs.
    """
    names = {os.fspath(folder), os.path.realpath(folder)}
    longest_first = sorted(map(re.escape, names), key=len, reverse=True)
    pattern = re.compile(rf"(?:{'|'.join(longest_first)})(?:(/)|(?![\w.-]))")
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            for key in ("text", "data", "evalue", "traceback"):
                if key in output:
                    output[key] = _relocated(output[key], pattern)


def _relocated(value: Any, pattern: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return pattern.sub(lambda found: "" if found[1] else ".", value)
    if isinstance(value, list):
        return [_relocated(item, pattern) for item in value]
    if isinstance(value, dict):
        return type(value)({key: _relocated(item, pattern) for key, item in value.items()})
    return value
