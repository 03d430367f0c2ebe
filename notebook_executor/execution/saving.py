"""The visible output file: refreshed while the run goes on, at a bounded share of its time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from notebook_executor.documents.canonical import cell_text, chunks
from notebook_executor.documents.kept_cells import KeptCells
from notebook_executor.documents.writing import write_bytes
from notebook_executor.errors import DocumentError

if TYPE_CHECKING:
    from nbformat import NotebookNode

_SHARE = 0.05
_SHORTEST = 1.0


class Pace:
    """Keeps something that is done again and again to a twentieth of the time.

    It is due when twenty times what it cost last has passed since, and at least a second.
    """

    def __init__(self) -> None:
        self._next = time.monotonic()

    @property
    def due(self) -> bool:
        return time.monotonic() >= self._next

    @contextmanager
    def spend(self) -> Iterator[None]:
        """Do it; what the block takes is what it costs."""
        began = time.monotonic()
        try:
            yield
        finally:
            ended = time.monotonic()
            self._next = ended + max(_SHORTEST, (ended - began) / _SHARE)

    def hold(self, seconds: float) -> None:
        """Not before so many seconds from now."""
        self._next = time.monotonic() + seconds


class OutputFile:
    """Writes a notebook atomically, again and again, at a pace that its size allows.

    The JSON of a cell is made once, when it has finished: until then it is one that ``changes``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pace = Pace()
        self._kept = KeptCells()
        self._finished: list[int] = []

    @property
    def due(self) -> bool:
        return self._pace.due

    def changes(self, index: int) -> None:
        """A cell changes, or will; to be told before the notebook is written again."""
        self._kept.changes(index)

    def finished(self, index: int) -> None:
        """A cell stays as it is, unless it ``changes`` once more."""
        self._kept.stays(index)
        self._finished.append(index)

    def catch_up(self, notebook: NotebookNode) -> None:
        """Make the JSON of what has finished, so that writing need not."""
        for index in self._finished:
            with contextlib.suppress(DocumentError):  # which ``write`` raises
                cell_text(index, notebook.cells[index], self._kept)
        self._finished.clear()

    def refresh(self, notebook: NotebookNode) -> None:
        """Write if it is time to; a failure is left to the final ``write`` to report."""
        if not self.due:
            return
        try:
            with self._pace.spend():
                # What a failing power would cost of it is in the journal.
                write_bytes(chunks(notebook, self._kept), self.path, durable=False)
        except DocumentError:
            self._pace.hold(10 * _SHORTEST)

    def write(self, notebook: NotebookNode) -> None:
        """Write now.

        Raises:
            DocumentError: It cannot be written; what was there before is untouched.
        """
        write_bytes(chunks(notebook, self._kept), self.path)
