"""The tables, cards and bars of a review's page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from notebook_executor.review import report_words as words
from notebook_executor.text import one_line, visible

if TYPE_CHECKING:
    from notebook_executor.review.models import CellReview, NotebookReview, ScrapDelta, Verdict

_SIGNS = {"pass": "✓", "fail": "✕", "differs": "≠", "nothing_to_compare": "○"}
_CLASSES = {"pass": "good", "fail": "bad", "differs": "open", "nothing_to_compare": "none"}
_STATUS_CLASSES = {"ok": "good", "failed": "bad", "differs": "open", "error": "bad"}
_ANSWERS = {True: "good", False: "bad", None: "faint"}
_LINE = 400
_MOST_CELLS = 100
_MOST_CARDS = 24
_FOLDED_FROM = 15
_BAR = 100.0


def verdict_badge(verdict: Verdict) -> str:
    """The verdict in a word, with a sign and a colour."""
    said = f"{_SIGNS[verdict]} {words.VERDICTS[verdict]}"
    return f'<span class="badge {_CLASSES[verdict]}">{said}</span>'


def overview_table(notebooks: Sequence[NotebookReview]) -> str:
    """A row for each notebook, which leads to what the page says of it."""
    if not notebooks:
        return ""
    columns = ("notebook", "verdict", "executes", "matches reference", "scraps", "time")
    rows = (_overview_cells(number, notebook) for number, notebook in enumerate(notebooks, 1))
    return f'<nav aria-label="notebooks">{_table(columns, rows, "overview")}</nav>\n'


def _overview_cells(number: int, notebook: NotebookReview) -> Iterator[str]:
    kind = "" if notebook.change == "modified" else f' <span class="faint">{notebook.change}</span>'
    yield f'<a href="#notebook-{number}">{_line(notebook.path)}</a>{kind}'
    yield verdict_badge(notebook.verdict)
    yield _coloured(words.executes(notebook), _ANSWERS[notebook.executes])
    answer = "open" if notebook.matches_reference is False else _ANSWERS[notebook.matches_reference]
    yield _coloured(words.matches(notebook), answer)
    told = list(words.changed_scraps(notebook).items())
    shown = [f"{_line(name)} {_line(words.was_and_is(delta))}" for name, delta in told[:3]]
    yield "<br>".join([*shown, *([f"and {len(told) - 3} more"] if len(told) > 3 else [])])
    yield _line(words.seconds(notebook.duration_seconds, notebook.base_duration_seconds))


def scrap_cards(notebook: NotebookReview) -> str:
    """What was, and what is, of each scrap that changed; the others by name."""
    changed = words.changed_scraps(notebook)
    cards = [
        f'<div class="{delta.direction}"><dt>{_line(name)}</dt><dd>{_emphasised(delta)} '
        f'<span class="faint">{words.change(delta)}</span></dd></div>'
        for name, delta in list(changed.items())[:_MOST_CARDS]
    ]
    parts = [f'<dl class="cards">{"".join(cards)}</dl>'] if cards else []
    if len(changed) > _MOST_CARDS:
        parts.append(f'<p class="same">… and {len(changed) - _MOST_CARDS} more</p>')
    same = [name for name in notebook.scraps if name not in changed]
    if same:
        parts.append(f'<p class="same">as they were: {_line(", ".join(same))}</p>')
    return "".join(parts)


def _emphasised(delta: ScrapDelta) -> str:
    base, head = map(_line, words.values(delta))
    if delta.direction == "new":
        return f"is <b>{head}</b> (new)"
    if delta.direction == "unknown":
        return f"is <b>{head}</b>"
    if delta.direction == "gone":
        return f"was <b>{base}</b> (gone)"
    return f"was <b>{base}</b>, is <b>{head}</b> {words.ARROWS[delta.direction]}"


def tool_table(notebook: NotebookReview) -> str:
    if not notebook.tool_calls:
        return ""
    columns = ("tool", "was", "is", "succeeded", "failed", "denied", "replayed")
    rows = (
        (
            _line(one.tool),
            "?" if one.base is None else str(one.base),
            f"<b>{one.head}</b>" if one.base not in (None, one.head) else str(one.head),
            *(str(count) for count in (one.ok, one.error, one.denied, one.replayed)),
        )
        for one in notebook.tool_calls
    )
    return _table(columns, rows, "numbers")


def cells_table(notebook: NotebookReview) -> str:
    """How each code cell ended, and how long it took, now and before."""
    cells = notebook.cells
    if not cells:
        return ""
    shown = list(cells)
    if len(cells) > _MOST_CELLS:
        slowest = sorted(cells, key=lambda cell: -cell.duration_seconds)[:_MOST_CELLS]
        shown = sorted(slowest, key=lambda cell: cell.index)
    longest = max(max(c.duration_seconds, c.base_duration_seconds or 0.0) for c in shown)
    columns = ("cell", "status", "as the reference", "time", "was", "now and before")
    table = _table(columns, (_cell_row(cell, longest or 1.0) for cell in shown), "cells")
    slowest_cell = max(cells, key=lambda cell: cell.duration_seconds)
    said = (
        f"{len(cells)} code cells; the slowest is cells[{slowest_cell.index}], "
        f"{words.seconds(slowest_cell.duration_seconds)}"
    )
    if len(shown) < len(cells):
        said += f"; the {len(shown)} slowest are shown"
    if len(cells) < _FOLDED_FROM:
        return table
    return f"<details><summary>{said}</summary>{table}</details>"


def _cell_row(cell: CellReview, longest: float) -> Iterator[str]:
    yield f'cells[{cell.index}] <span class="faint">{_line(cell.id)}</span>'
    yield _coloured(cell.status.replace("_", " "), _STATUS_CLASSES.get(cell.status, "faint"))
    yield {True: "yes", False: '<span class="open">no</span>', None: "–"}[cell.matches]
    yield words.seconds(cell.duration_seconds)
    yield words.seconds(cell.base_duration_seconds)
    yield _bars(cell, longest)


def _bars(cell: CellReview, longest: float) -> str:
    """Now above before, drawn for the eye; the numbers stand beside it."""
    now = _BAR * cell.duration_seconds / longest
    parts = [f'<rect class="now" width="{now:.2f}" height="4"/>']
    if cell.base_duration_seconds is not None:
        before = _BAR * cell.base_duration_seconds / longest
        parts.append(f'<rect class="before" y="5" width="{before:.2f}" height="3"/>')
    return (
        f'<svg class="bar" viewBox="0 0 {_BAR:.0f} 8" preserveAspectRatio="none" '
        f'aria-hidden="true">{"".join(parts)}</svg>'
    )


def steps_table(notebook: NotebookReview) -> str:
    if not notebook.steps:
        return ""
    rows = (
        (
            step.name,
            _coloured(step.status, _STATUS_CLASSES.get(step.status, "faint")),
            _line(words.advised(step.message, step.hint)),
            words.seconds(step.duration_seconds),
        )
        for step in notebook.steps
    )
    return _table(("step", "outcome", "what it says", "time"), rows, "steps")


def _table(columns: Sequence[str], rows: Iterable[Iterable[str]], kind: str) -> str:
    """A table of HTML; a cell knows its column's name, for screens that are too narrow."""
    heads = "".join(f'<th scope="col">{name}</th>' for name in columns)
    lines = "".join(
        "<tr>"
        + "".join(f'<td data-name="{n}">{c}</td>' for n, c in zip(columns, row, strict=True))
        + "</tr>\n"
        for row in rows
    )
    return (
        f'<table class="{kind}"><thead><tr>{heads}</tr></thead><tbody>\n{lines}</tbody></table>\n'
    )


def _coloured(text: str, kind: str) -> str:
    return f'<span class="{kind}">{escape(text)}</span>'


def _line(text: str) -> str:
    return escape(visible(one_line(text, _LINE)))
