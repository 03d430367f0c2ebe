"""Where text goes: a terminal gets colours and drawn tables, anything else plain lines."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TextIO

import click

from notebook_executor.text import one_line, plain, storable

Style = Literal["good", "bad", "faint", "strong"]

_STYLES: dict[Style, dict[str, Any]] = {
    "good": {"fg": "green", "bold": True},
    "bad": {"fg": "red", "bold": True},
    "faint": {"dim": True},
    "strong": {"bold": True},
}
# What would move a terminal's cursor or ring its bell; newlines and tabs are harmless.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_CELL = 60


class Screen:
    """One stream, written to line by line; escape sequences in the text never reach it.

    Args:
        stream: None where the process was started without one.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self.stream = stream
        self.terminal = is_terminal(stream)
        self._coloured = self.terminal and not os.environ.get("NO_COLOR")

    def line(self, text: str = "", style: Style | None = None) -> None:
        shown = printable(text)
        if style is not None and self._coloured:
            shown = click.style(shown, **_STYLES[style])
        self.write(shown + "\n")

    def write(self, text: str) -> None:
        """Write as it is."""
        write(self.stream, text)

    def table(
        self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, indent: int = 0
    ) -> None:
        """Draw a table; each cell becomes one line of plain text."""
        heads, *cells = [
            [printable(one_line(cell, 10 * _CELL)) for cell in row] for row in (columns, *rows)
        ]
        layout = self._drawn if self.terminal else _aligned
        self.write(layout(heads, cells, indent))

    def _drawn(self, columns: list[str], rows: list[list[str]], indent: int) -> str:
        from rich.console import Console
        from rich.padding import Padding
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for column in columns:
            table.add_column(Text(column), overflow="fold")
        for row in rows:
            table.add_row(*map(Text, row))
        console = Console(file=self.stream)
        with console.capture() as capture:
            console.print(Padding.indent(table, indent))
        return capture.get()


def is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def printable(text: str) -> str:
    """The text without what would control a terminal."""
    return _CONTROL.sub("�", plain(text))


def write(stream: TextIO | None, text: str) -> None:
    """Write and flush; a reader that has gone away is not an error, and is not written to again."""
    if stream is not None:
        with _forgiven(stream):
            stream.write(text)
            stream.flush()


def write_bytes(stream: TextIO | None, data: bytes) -> None:
    """Write bytes, as ``write`` does text."""
    if stream is not None:
        with _forgiven(stream):
            stream.buffer.write(data)
            stream.buffer.flush()


def write_json(stream: TextIO | None, value: Any) -> None:
    """Write a value as one line of JSON, in UTF-8 whatever the locale says; NaN becomes null."""
    from pydantic_core import to_json

    write_bytes(stream, to_json(storable(value), inf_nan_mode="null") + b"\n")


@contextmanager
def _forgiven(stream: TextIO) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # What the stream still holds would fail again when the interpreter flushes it at exit.
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
        # A pipe whose reader ended says EPIPE, a terminal that was closed EIO.
        if error.errno not in (errno.EPIPE, errno.EIO):
            raise


def _aligned(columns: list[str], rows: list[list[str]], indent: int) -> str:
    lines = [[one_line(cell, _CELL) for cell in row] for row in (columns, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "".join(
        " " * indent
        + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        + "\n"
        for line in lines
    )
