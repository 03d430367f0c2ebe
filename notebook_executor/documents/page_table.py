"""Two texts side by side as an HTML table: what changed, and the lines around it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from html import escape
from typing import NamedTuple

from notebook_executor.documents.sequences import Gap, gaps, matches
from notebook_executor.documents.unified import compared_lines
from notebook_executor.text import visible

_CONTEXT = 3
_LONGEST_LINE = 2000
_MOST_ROWS = 400
# Lines longer than this are compared as a whole; difflib's time grows with the square.
_LONGEST_MARKED = 300
_ALIKE = 0.5
_COLUMNS = (
    '<colgroup><col class="number"><col><col class="number"><col></colgroup>'
    '<thead><tr><th scope="col">line</th><th scope="col">before</th>'
    '<th scope="col">line</th><th scope="col">after</th></tr></thead>'
)


class _Row(NamedTuple):
    """A line of the table: indices of the lines shown, and its HTML."""

    i: int
    j: int
    html: str


def text_table(text_a: str, text_b: str) -> str:
    """The table; at most 400 rows, the rest counted."""
    a, b = compared_lines(visible(text_a), visible(text_b))
    pairs = matches(a, b)
    changes = list(gaps(pairs, Gap(0, len(a), 0, len(b))))
    near: set[int] = set()
    for gap in changes:
        near.update(range(gap.start_a - _CONTEXT, gap.end_a + _CONTEXT))
    rows = [_Row(i, j, _row("", (i, _cut(a[i])), (j, _cut(b[j])))) for i, j in pairs if i in near]
    for gap in changes:
        rows += _changed_rows(a, b, gap)
    rows.sort(key=lambda row: row[:2])
    more = len(rows) - _MOST_ROWS
    end = f'<tr class="break"><td colspan="4">{more} lines more</td></tr>' if more > 0 else ""
    shown = "".join(_with_breaks(rows[:_MOST_ROWS]))
    return f'<table class="lines">{_COLUMNS}<tbody>{shown}{end}</tbody></table>'


def _with_breaks(rows: Iterable[_Row]) -> Iterator[str]:
    next_i = next_j = 0
    for i, j, html in rows:
        if i > next_i and j > next_j:
            yield '<tr class="break"><td colspan="4">⋯</td></tr>'
        yield html
        next_i, next_j = i + 1, j + 1


def _changed_rows(a: list[str], b: list[str], gap: Gap) -> Iterator[_Row]:
    """The lines of a gap, one beside the other as far as both have some."""
    for k in range(max(gap.end_a - gap.start_a, gap.end_b - gap.start_b)):
        i, j = gap.start_a + k, gap.start_b + k
        left = a[i] if i < gap.end_a else None
        right = b[j] if j < gap.end_b else None
        if left is not None and right is not None:
            marked = _marked(left, right)
            html = _row("changed", (i, marked[0]), (j, marked[1]))
        else:
            html = _row(
                "changed",
                None if left is None else (i, _cut(left)),
                None if right is None else (j, _cut(right)),
            )
        yield _Row(min(i, gap.end_a), min(j, gap.end_b), html)


def _marked(left: str, right: str) -> tuple[str, str]:
    """Two lines with what differs marked, where they are alike."""
    if max(len(left), len(right)) > _LONGEST_MARKED:
        return _cut(left), _cut(right)
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    if matcher.quick_ratio() < _ALIKE:
        return escape(left), escape(right)
    one, other = "", ""
    for kind, i, end_i, j, end_j in matcher.get_opcodes():
        one += _emphasised(left[i:end_i], kind)
        other += _emphasised(right[j:end_j], kind)
    return one, other


def _emphasised(text: str, kind: str) -> str:
    return f"<mark>{escape(text)}</mark>" if text and kind != "equal" else escape(text)


def _cut(line: str) -> str:
    return escape(line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…")


def _row(kind: str, left: tuple[int, str] | None, right: tuple[int, str] | None) -> str:
    cells = ""
    for side, sign in ((left, "gone"), (right, "came")):
        if side is None:
            cells += '<td class="number none"></td><td class="none"></td>'
        else:
            name = f' class="{sign}"' if kind else ""
            cells += f'<td class="number">{side[0] + 1}</td><td{name}>{side[1]}</td>'
    return f"<tr>{cells}</tr>"
