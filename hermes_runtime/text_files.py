"""Reading, writing and changing text files, as tools do it."""

from __future__ import annotations

import difflib
from typing import Any, BinaryIO

from hermes_runtime.confinement import Confinement
from hermes_runtime.tool_errors import ToolError

_PIECE = 1 << 16
_MOST_CHARACTERS = 1_000_000  # of content that is returned at once
_MOST_TO_PATCH = 50_000_000  # bytes
_MOST_TO_COMPARE = 4_000  # lines
_BINARY_SAMPLE = 8192


def read_lines(files: Confinement, path: str, offset: int, limit: int) -> dict[str, Any]:
    """Some lines of a text file; memory is taken for these alone.

    Args:
        files: What may be read.
        path: The file, an absolute path.
        offset: The first line, counted from 1.
        limit: How many at most.

    Returns:
        ``content`` (``NUMBER|TEXT`` a line), ``total_lines``, ``file_size``, ``truncated``, and a
        ``hint`` where there is more.
    """
    with files.open(path) as file:
        check_text(file, path)
        lines, total, cut = _numbered(file, offset, limit)
        size = file.tell()
    after = offset + len(lines)
    told: dict[str, Any] = {
        "content": "\n".join(lines),
        "total_lines": total,
        "file_size": size,
        "truncated": cut or after <= total,
    }
    if after <= total:
        told["hint"] = f"Read on with offset={after}."
    return told


def _numbered(file: BinaryIO, offset: int, limit: int) -> tuple[list[str], int, bool]:
    """The lines, how many there are in all, and whether there was no room for some of them."""
    kept: list[str] = []
    pieces: list[bytes] = []
    number, room, inside = 1, _MOST_CHARACTERS, False
    while piece := file.readline(_PIECE):
        wanted = offset <= number < offset + limit and room > 0
        if wanted:
            pieces.append(piece[:room])
            room -= len(piece)
        inside = not piece.endswith(b"\n")
        if not inside:
            _keep(kept, pieces, number)
            number += 1
    _keep(kept, pieces, number)
    return kept, number - 1 + inside, room < 0


def _keep(kept: list[str], pieces: list[bytes], number: int) -> None:
    if pieces:
        text = b"".join(pieces).decode("utf-8", "replace")
        kept.append(f"{number}|{text[:-1] if text.endswith(chr(10)) else text}")
        pieces.clear()


def check_text(file: BinaryIO, path: str) -> None:
    """Leave the file at its beginning.

    Raises:
        ToolError: It holds something else than text.
    """
    if is_binary(file):
        raise ToolError(f"{path!r} is not a text file", hint="Open it with what knows its format.")


def is_binary(file: BinaryIO) -> bool:
    """Whether it begins as no text does; leaves the file at its beginning."""
    sample = file.read(_BINARY_SAMPLE)
    file.seek(0)
    return b"\0" in sample


def write_text(files: Confinement, path: str, content: str) -> dict[str, Any]:
    """Write a whole file; returns ``path`` and ``bytes_written``."""
    try:
        data = content.encode()
    except UnicodeEncodeError as error:
        raise ToolError(f"the content is not text that can be written: {error.reason}") from None
    files.write(path, data)
    return {"path": path, "bytes_written": len(data)}


def replace_text(
    readable: Confinement, writable: Confinement, path: str, change: tuple[str, str, bool]
) -> dict[str, Any]:
    """Replace a piece of a text file.

    Args:
        readable: What may be read.
        writable: What may be written.
        path: The file, an absolute path.
        change: What is there now, what is to be, and whether at all places there are.

    Returns:
        ``path``, ``replaced`` (the number of places), and ``diff``, a unified one; empty where
        too much has changed to be shown.

    Raises:
        ToolError: The piece is not there, or at several places and not all are meant.
    """
    old, new, everywhere = change
    writable.resolve(path)
    with readable.open(path) as file:
        check_text(file, path)
        data = file.read(_MOST_TO_PATCH + 1)
    if len(data) > _MOST_TO_PATCH:
        raise ToolError(f"{path!r} is larger than {_MOST_TO_PATCH} bytes")
    try:
        before = data.decode()
    except UnicodeDecodeError as error:
        raise ToolError(f"{path!r} is not UTF-8: {error.reason} at byte {error.start}") from None
    _check_fits(before, path, change)
    after = before.replace(old, new)
    write_text(writable, path, after)
    count = before.count(old) if everywhere else 1
    return {
        "path": path,
        "replaced": count,
        "diff": _difference(before, after, path.rpartition("/")[2]),
    }


def _check_fits(text: str, path: str, change: tuple[str, str, bool]) -> None:
    old, new, everywhere = change
    if not old:
        raise ToolError("old is empty", hint="Give the text that is to be replaced.")
    if old == new:
        raise ToolError("old and new are the same")
    count = text.count(old)
    if count == 0:
        raise ToolError(f"{path!r} does not contain the text", hint=_near_miss(text, old))
    if count > 1 and not everywhere:
        places = ", ".join(map(str, _lines_of(text, old, 5)))
        raise ToolError(
            f"{path!r} contains the text {count} times (lines {places}{', …' * (count > 5)})",
            hint="Give more of what surrounds it, or replace_all=True.",
        )


def _near_miss(text: str, old: str) -> str:
    """What is likely to be wrong with a text that is not there."""
    if "\r\n" in text and old.replace("\r\n", "\n") in text.replace("\r\n", "\n"):
        return "The file's lines end in \\r\\n."
    if " ".join(old.split()) in " ".join(text.split()):
        return "Only the white space differs."
    first = old.strip().partition("\n")[0].strip()
    if first and first in text:
        lines = ", ".join(map(str, _lines_of(text, first, 3)))
        return f"Its first line is there, in line {lines}; what follows differs."
    return "Read the file again: old must be there to the letter."


def _lines_of(text: str, piece: str, most: int) -> list[int]:
    found: list[int] = []
    at = text.find(piece)
    while at >= 0 and len(found) < most:
        found.append(text.count("\n", 0, at) + 1)
        at = text.find(piece, at + len(piece))
    return found


def _difference(before: str, after: str, name: str) -> str:
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    if max(len(old), len(new)) > _MOST_TO_COMPARE:
        return ""
    lines = difflib.unified_diff(old, new, f"a/{name}", f"b/{name}")
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
