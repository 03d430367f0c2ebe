"""The visible output file: refreshed while the run goes on, at a bounded share of its time."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from notebook_executor.documents.canonical import chunks
from notebook_executor.documents.writing import write_bytes
from notebook_executor.errors import DocumentError

if TYPE_CHECKING:
    from nbformat import NotebookNode

_SHARE = 0.05
_SHORTEST = 1.0


class OutputFile:
    """Writes a notebook atomically, again and again.

    A refresh is skipped until twenty times what the last one cost has passed, and at least a
    second, so that a large notebook does not spend its run's time on being saved.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._next = time.monotonic()

    @property
    def due(self) -> bool:
        return time.monotonic() >= self._next

    def refresh(self, notebook: NotebookNode) -> None:
        """Write if it is time to; a failure is left to the final ``write`` to report."""
        if not self.due:
            return
        began = time.monotonic()
        try:
            self.write(notebook)
        except DocumentError:
            self._next = began + 10 * _SHORTEST
            return
        ended = time.monotonic()
        self._next = ended + max(_SHORTEST, (ended - began) / _SHARE)

    def write(self, notebook: NotebookNode) -> None:
        """Write now.

        Raises:
            DocumentError: It cannot be written; what was there before is untouched.
        """
        write_bytes(chunks(notebook), self.path)
