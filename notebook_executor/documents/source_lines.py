"""Where the lines of a notebook's cells stand in its file, for those who point at them there."""

from __future__ import annotations

import re
from bisect import bisect
from dataclasses import dataclass
from typing import Any

from notebook_executor.documents.written import Span, elements, members


@dataclass(frozen=True)
class SourceLines:
    """Where one cell's source stands, in lines of the file, from 1.

    Attributes:
        first: Where it begins.
        lines: For each line of the source where it stands.
    """

    first: int
    lines: tuple[int, ...]

    def of(self, line: int | None) -> int:
        """Where a line of the source stands, counted from 1; without one, where it begins."""
        known = line is not None and 0 < line <= len(self.lines)
        return self.lines[line - 1] if known and line is not None else self.first


def source_lines(data: bytes) -> list[SourceLines | None]:
    """For each cell of a readable notebook where its source stands in the file.

    None for a cell without source; nothing at all for formats before 4.
    """
    text = data.decode("utf-8-sig")
    ends = [found.start() for found in re.finditer("\n", text)]
    cells = members(text, text.index("{")).get("cells")
    if cells is None:
        return []
    return [_of_cell(text, ends, span) for span, _ in elements(text, cells.start)]


def _of_cell(text: str, ends: list[int], cell: Span) -> SourceLines | None:
    source = members(text, cell.start).get("source")
    if source is None:
        return None
    if text[source.start] != "[":  # one text, on one line of the file
        return SourceLines(bisect(ends, source.start) + 1, ())
    parts: list[tuple[Span, Any]] = list(elements(text, source.start))
    lines: list[int] = []
    begun = False  # does the line go on in the next part?
    for span, part in parts:
        count = part.count("\n") + (not part.endswith("\n")) - begun
        lines += [bisect(ends, span.start) + 1] * count
        begun = not part.endswith("\n")
    first = parts[0][0].start if parts else source.start
    return SourceLines(bisect(ends, first) + 1, tuple(lines))
