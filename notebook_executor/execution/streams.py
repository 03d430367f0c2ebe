"""Text of one output stream, as a terminal would show it, with a bound on what is kept."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

_HEAD_SHARE = 0.4
_MOVES = re.compile("([\r\b])")
_LEFT_OUT = "\n[… {size:,} characters left out; the whole output is in {path} …]\n"


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
        self._lines: list[str] = []
        self._line = _Line()
        self._file: TextIO | None = None
        self._path: Path | None = None
        self._head: str | None = None
        self._tail: deque[str] = deque()
        self._tail_size = 0

    def append(self, chunk: str) -> None:
        self.size += len(chunk)
        if self._head is not None:
            self._overflow(chunk)
        elif self._limit is not None and self.size > self._limit:
            self._begin_overflow(chunk)
        else:
            self._extend(chunk)

    def text(self) -> str:
        """The text so far; head and tail if it went over the limit."""
        if self._head is None:
            return "".join(self._lines) + self._line.text
        tail = "".join(self._tail)[-self._room :]
        left_out = self.size - len(self._head) - len(tail)
        note = _LEFT_OUT.format(size=left_out, path=self._path or "no file: nowhere to write")
        return self._head + note + tail

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _extend(self, chunk: str) -> None:
        head, newline, rest = chunk.rpartition("\n")
        if newline and (_MOVES.search(head) or not self._line.at_end):
            for line in head.split("\n"):
                self._line.write(line)
                self._lines.append(self._line.take() + "\n")
        elif newline:
            self._lines.append(self._line.take() + head + newline)
        self._line.write(rest)

    def _begin_overflow(self, chunk: str) -> None:
        assert self._limit is not None
        whole = self.text()
        self._path = self._spill()
        if self._path is None:
            self.lost = True
        else:
            self._file = self._path.open("w", encoding="utf-8", errors="backslashreplace")
            self._file.write(whole)
        self._lines, self._line = [], _Line()
        self._head = (whole + chunk)[: int(self._limit * _HEAD_SHARE)]
        self._write(chunk)
        self._keep((whole + chunk)[len(self._head) :])

    def _overflow(self, chunk: str) -> None:
        self._write(chunk)
        self._keep(chunk)

    def _write(self, chunk: str) -> None:
        if self._file is not None:
            self._file.write(chunk)

    @property
    def _room(self) -> int:
        assert self._limit is not None
        return max(1, self._limit - int(self._limit * _HEAD_SHARE))

    def _keep(self, chunk: str) -> None:
        self._tail.append(chunk[-self._room :])
        self._tail_size += len(self._tail[-1])
        while self._tail_size - len(self._tail[0]) >= self._room:
            self._tail_size -= len(self._tail.popleft())


class _Line:
    """The line that is being written, and where the cursor is in it."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._cursor: int | None = None  # None: at the end

    @property
    def text(self) -> str:
        if len(self._parts) > 1:
            self._parts = ["".join(self._parts)]
        return self._parts[0] if self._parts else ""

    @property
    def at_end(self) -> bool:
        return self._cursor is None

    def take(self) -> str:
        text = self.text
        self._parts, self._cursor = [], None
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
            self._parts.append(part)
            return
        old, end = self.text, self._cursor + len(part)
        # Escape sequences take no room on the screen: overwriting by count would cut them.
        rest = "" if "\x1b" in old or "\x1b" in part else old[end:]
        self._parts = [old[: self._cursor] + part + rest]
        self._cursor = end if rest else None

    def _delete(self) -> None:
        text = self.text
        cursor = len(text) if self._cursor is None else self._cursor
        if cursor:
            self._parts = [text[: cursor - 1] + text[cursor:]]
            if self._cursor is not None:
                self._cursor -= 1
