"""Text of one output stream, as a terminal would show it, with a bound on what is kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

_HEAD_SHARE = 0.4
_LEFT_OUT = "\n[… {size:,} characters left out; the whole output is in {path} …]\n"


class StreamText:
    """Collects the chunks of a stream.

    A carriage return overwrites the line, a backspace the character before it, as JupyterLab shows
    them. Past ``limit`` characters only head and tail are kept, and everything, as it was sent,
    goes to the file that ``spill`` names.

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
        self._line: list[str] = []
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
        elif "\r" in chunk or "\b" in chunk or self._ends_with_return():
            self._rewrite(chunk)
        else:
            self._extend(chunk)

    def text(self) -> str:
        """The text so far; head and tail if it went over the limit."""
        if self._head is None:
            return "".join(self._lines) + "".join(self._line).removesuffix("\r")
        left_out = self.size - len(self._head) - self._tail_size
        note = _LEFT_OUT.format(size=left_out, path=self._path or "no file: nowhere to write")
        return self._head + note + "".join(self._tail)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _extend(self, chunk: str) -> None:
        head, newline, rest = chunk.rpartition("\n")
        if newline:
            self._lines.append("".join(self._line) + head + newline)
            self._line = []
        if rest:
            self._line.append(rest)

    def _ends_with_return(self) -> bool:
        return bool(self._line) and self._line[-1].endswith("\r")

    def _rewrite(self, chunk: str) -> None:
        *complete, last = ("".join(self._line) + chunk).split("\n")
        self._lines.extend(_shown(line) + "\n" for line in complete)
        # The carriage return stays until it is known whether a newline follows.
        self._line = [_shown(last) + ("\r" if last.endswith("\r") else "")]

    def _begin_overflow(self, chunk: str) -> None:
        assert self._limit is not None
        whole = self.text()
        self._path = self._spill()
        if self._path is None:
            self.lost = True
        else:
            self._file = self._path.open("w", encoding="utf-8", errors="backslashreplace")
            self._file.write(whole)
        self._lines, self._line = [], []
        self._head = (whole + chunk)[: int(self._limit * _HEAD_SHARE)]
        self._write(chunk)
        self._keep((whole + chunk)[len(self._head) :])

    def _overflow(self, chunk: str) -> None:
        self._write(chunk)
        self._keep(chunk)

    def _write(self, chunk: str) -> None:
        if self._file is not None:
            self._file.write(chunk)

    def _keep(self, chunk: str) -> None:
        assert self._limit is not None
        room = self._limit - int(self._limit * _HEAD_SHARE)
        self._tail.append(chunk[-room:])
        self._tail_size += len(self._tail[-1])
        while self._tail_size - len(self._tail[0]) >= room:
            self._tail_size -= len(self._tail.popleft())


def _shown(line: str) -> str:
    """What is left of a line once its carriage returns and backspaces have been obeyed."""
    shown = ""
    for part in line.split("\r"):
        if "\x1b" in part or "\x1b" in shown:
            # Escape sequences take no room on the screen: overwriting by count would cut them.
            shown = part or shown
        elif part:
            shown = part + shown[len(part) :]
    return _without_backspaces(shown) if "\b" in shown else shown


def _without_backspaces(line: str) -> str:
    kept: list[str] = []
    for character in line:
        if character != "\b":
            kept.append(character)
        elif kept:
            kept.pop()
    return "".join(kept)
