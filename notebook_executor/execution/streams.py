"""Text of one output stream, as a terminal would show it, with a bound on what is kept."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TextIO

_HEAD_SHARE = 0.4
_MOVES = re.compile("([\r\b])")
# In ASCII: with one character beyond Latin-1 the whole text takes twice the memory.
_LEFT_OUT = "\n[... {size:,} characters left out; the whole output is in {path} ...]\n"


_PIECES = 1024
_BLOCK = 65_536


class _Pieces:
    """Text that grows by pieces; many small ones take little more room than their text."""

    def __init__(self, text: str = "") -> None:
        self._blocks = [text] if text else []
        self._recent: list[str] = []

    def add(self, piece: str) -> None:
        self._recent.append(piece)
        if len(self._recent) >= _PIECES:
            self._blocks.append("".join(self._recent))
            self._recent = []

    def text(self) -> str:
        if self._recent or len(self._blocks) > 1:
            self._blocks = ["".join([*self._blocks, *self._recent])]
            self._recent = []
        return self._blocks[0] if self._blocks else ""


class _Tail:
    """The last ``room`` characters of a text that grows."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._blocks: deque[str] = deque()
        self._blocks_size = 0
        self._recent: list[str] = []
        self._recent_size = 0

    def add(self, piece: str) -> None:
        self._recent.append(piece[-self._room :])
        self._recent_size += len(self._recent[-1])
        if self._recent_size < _BLOCK:
            return
        self._blocks.append("".join(self._recent))
        self._blocks_size += self._recent_size
        self._recent, self._recent_size = [], 0
        while self._blocks_size - len(self._blocks[0]) >= self._room:
            self._blocks_size -= len(self._blocks.popleft())

    @property
    def size(self) -> int:
        return min(self._room, self._blocks_size + self._recent_size)

    def parts(self) -> list[str]:
        """The text in pieces, which together take no more room than what is held anyway."""
        kept = [*self._blocks, *self._recent]
        beyond = self._blocks_size + self._recent_size - self.size
        while beyond > 0:
            first = kept.pop(0)
            if len(first) > beyond:
                kept.insert(0, first[beyond:])
            beyond -= len(first)
        return kept


class StreamText:
    """Collects the chunks of a stream.

    A carriage return goes back to the start of the line and lets it be overwritten, a backspace
    takes the character before it away, as JupyterLab shows them. Past ``limit`` characters only
    head and tail are kept, and everything goes to the file that ``spill`` names: as it was shown
    up to the limit, as it was sent from then on.

    Args:
        limit: Characters to keep; None for all.
        spill: Called once, when the limit is passed; returns the file to write to, or None where
            there is no place for one.
    """

    def __init__(self, limit: int | None, spill: Callable[[], Path | None]) -> None:
        self.size = 0
        self.lost = False
        self._limit = limit
        self._spill = spill
        self._lines = _Pieces()
        self._line = _Line()
        self._file: TextIO | None = None
        self._path: Path | None = None
        self._head: str | None = None
        self._tail = _NO_TAIL
        self._settled: tuple[str, int, int] | None = None

    def append(self, chunk: str) -> None:
        self._resume()
        self.size += len(chunk)
        if self._head is not None:
            self._overflow(chunk)
        elif self._limit is not None and self.size > self._limit:
            self._begin_overflow(chunk)
        else:
            self._extend(chunk)

    def text(self) -> str:
        """The text so far; head and tail if it went over the limit."""
        if self._settled is not None:
            return self._settled[0]
        if self._head is None:
            return self._lines.text() + self._line.text
        left_out = self.size - len(self._head) - self._tail.size
        note = _LEFT_OUT.format(size=left_out, path=self._path or "no file: nowhere to write")
        return "".join([self._head, note, *self._tail.parts()])

    def settle(self) -> None:
        """Close the file, and hold the text only once more, as the string that ``text`` gives.

        More may be appended all the same.
        """
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._settled is not None:
            return
        text = self.text()
        if self._head is None:
            # The line being written stays, with its cursor, if there is anything on it.
            self._settled = text, len(text) - len(self._line.text), 0
            self._lines = _NO_LINES
            if self._line.at_end and not self._line.text:
                self._line = _NO_LINE
        else:
            self._settled = text, len(self._head), self._tail.size
            self._head, self._tail = "", _NO_TAIL

    def _resume(self) -> None:
        if self._settled is None:
            return
        (text, head, tail), self._settled = self._settled, None
        if self._head is None:
            self._lines = _Pieces(text[:head])
            if self._line is _NO_LINE:
                self._line = _Line()
        else:
            self._head, self._tail = text[:head], _Tail(self._room)
            self._tail.add(text[len(text) - tail :])

    def _extend(self, chunk: str) -> None:
        head, newline, rest = chunk.rpartition("\n")
        if newline and (_MOVES.search(head) or not self._line.at_end):
            for line in head.split("\n"):
                self._line.write(line)
                self._lines.add(self._line.take() + "\n")
        elif newline:
            self._lines.add(self._line.take() + head + newline)
        self._line.write(rest)

    def _begin_overflow(self, chunk: str) -> None:
        assert self._limit is not None
        whole = self.text()
        self._lines, self._line = _Pieces(), _Line()
        self._path = self._spill()
        self.lost = self._path is None
        self._open("w")
        head = int(self._limit * _HEAD_SHARE)
        self._head = whole[:head] + chunk[: max(0, head - len(whole))]
        self._tail = _Tail(self._room)
        self._write(whole)
        self._tail.add(whole[head:])
        self._write(chunk)
        self._tail.add(chunk[max(0, head - len(whole)) :])

    def _overflow(self, chunk: str) -> None:
        self._write(chunk)
        self._tail.add(chunk)

    def _write(self, text: str) -> None:
        self._open("a")
        for start in range(0, len(text), _BLOCK):
            if self._file is not None:
                self._file.write(text[start : start + _BLOCK])

    def _open(self, mode: Literal["w", "a"]) -> None:
        if self._file is None and self._path is not None:
            self._file = self._path.open(mode, encoding="utf-8", errors="backslashreplace")

    @property
    def _room(self) -> int:
        assert self._limit is not None
        return max(1, self._limit - int(self._limit * _HEAD_SHARE))


class _Line:
    """The line that is being written, and where the cursor is in it."""

    def __init__(self) -> None:
        self._parts = _Pieces()
        self._cursor: int | None = None  # None: at the end

    @property
    def text(self) -> str:
        return self._parts.text()

    @property
    def at_end(self) -> bool:
        return self._cursor is None

    def take(self) -> str:
        text = self.text
        self._parts, self._cursor = _Pieces(), None
        return text

    def write(self, text: str) -> None:
        """Add text without a newline, obeying its carriage returns and backspaces."""
        for part in _MOVES.split(text) if _MOVES.search(text) else (text,):
            if part == "\r":
                self._cursor = 0
            elif part == "\b":
                self._delete()
            elif part:
                self._put(part)

    def _put(self, part: str) -> None:
        if self._cursor is None:
            self._parts.add(part)
            return
        old, end = self.text, self._cursor + len(part)
        # Escape sequences take no room on the screen: overwriting by count would cut them.
        rest = "" if "\x1b" in old or "\x1b" in part else old[end:]
        self._parts = _Pieces(old[: self._cursor] + part + rest)
        self._cursor = end if rest else None

    def _delete(self) -> None:
        text = self.text
        cursor = len(text) if self._cursor is None else self._cursor
        if cursor:
            self._parts = _Pieces(text[: cursor - 1] + text[cursor:])
            if self._cursor is not None:
                self._cursor -= 1


# Of the many streams that are over: never written to.
_NO_LINES, _NO_LINE, _NO_TAIL = _Pieces(), _Line(), _Tail(1)
