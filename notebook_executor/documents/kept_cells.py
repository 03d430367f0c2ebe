"""The JSON of cells that stay as they are, from one writing of a notebook to the next."""

from __future__ import annotations

_MOST_BYTES = 16 << 20
_LARGEST = 64 << 10


class KeptCells:
    """What the cells of one notebook have been written as, by index.

    Whoever changes a cell must say so before the next writing. It is bounded: large cells, and
    what would be too much together, are made anew each time.
    """

    def __init__(self) -> None:
        self._texts: dict[int, bytes] = {}
        self._changing: set[int] = set()
        self._room = _MOST_BYTES

    def changes(self, index: int) -> None:
        """Forget a cell, and keep nothing of it until it stays as it is."""
        self._changing.add(index)
        self._room += len(self._texts.pop(index, b""))

    def stays(self, index: int) -> None:
        self._changing.discard(index)

    def get(self, index: int) -> bytes | None:
        return self._texts.get(index)

    def put(self, index: int, text: bytes) -> None:
        """Keep what a cell was written as, if it stays as it is and there is room."""
        if index in self._changing or not len(text) <= min(_LARGEST, self._room):
            return
        self._room -= len(text) - len(self._texts.get(index, b""))
        self._texts[index] = text
