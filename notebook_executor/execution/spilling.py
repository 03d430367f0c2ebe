"""Outputs that are too large for the notebook: where they go, and which of them are scraps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notebook_executor.scraps.collecting import is_scrap

if TYPE_CHECKING:
    from nbformat import NotebookNode


class SpillPlace:
    """Where outputs that are too large for the notebook are written whole.

    Args:
        directory: Made when it is first needed; None where nothing can be written.
        limit: Characters of output to keep a cell; None for all.
    """

    def __init__(self, directory: Path | None, limit: int | None) -> None:
        self.limit = limit
        self._directory = directory

    def path(self, name: str) -> Path | None:
        if self._directory is None:
            return None
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
        except OSError:
            return None
        return self._directory / name


def spilled_scraps(directory: Path, index: int, cell: NotebookNode) -> Iterator[dict[str, Any]]:
    """The named outputs among those of a cell that were too large for the notebook."""
    try:
        with (directory / spill_name(index, cell)).open(encoding="utf-8") as lines:
            for line in lines:
                if "scrapbook" in line and is_scrap(output := json.loads(line)):
                    yield output
    except (OSError, ValueError):
        return  # nothing was too large, or the disk was full in the midst of a line


def spill_name(index: int, cell: NotebookNode) -> str:
    """The file of a cell's outputs, a line each; its streams have files of their own."""
    return f"{index:04}-{cell.get('id', 'cell')}.jsonl"
