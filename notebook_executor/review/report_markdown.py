"""A review as Markdown: for a pull request's comment, and for the summary of a CI step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from notebook_executor.briefing import excerpt
from notebook_executor.documents.difference_text import entries
from notebook_executor.markdown import code, fence, prose
from notebook_executor.review import report_words as words
from notebook_executor.review.report_fitting import Part, fitted
from notebook_executor.text import clip, one_line, tail

if TYPE_CHECKING:
    from notebook_executor.review.models import NotebookReview, Review

# By this a comment is found again and updated.
MARKER = "<!-- nbx-review -->"
_SIGNS = {"pass": "✅", "fail": "❌", "differs": "⚠️", "nothing_to_compare": "⚪"}
_ANSWERS = {True: "✅", False: "❌", None: ""}
_COLUMNS = ("Notebook", "Executes", "Matches reference", "Scraps", "Time")
_MOST_ROWS = 50
_MOST_SHOWN = 20
_IN_TABLE = 3
_LINE = 300
_SOURCE = 8000
_DIFFERENCES = 4000
_TRACE = 3000


def markdown(review: Review, max_chars: int) -> str:
    """The report, marked so that its comment is found again; what matters most first.

    Args:
        review: What is told.
        max_chars: The budget. What matters least is left out first, and named at the end.
    """
    parts = [Part(0, "verdict", _verdict(review))]
    if review.notebooks:
        parts.append(Part(1, "table", _table(review, max_chars // 2)))
    if review.warnings:
        parts.append(Part(6, "warnings", _list(review.warnings)))
    for notebook in words.gravest_first(review.notebooks):
        heading = f"### {code(one_line(notebook.path, _LINE))}"
        for rank, kind, text in _of_notebook(notebook):
            if text:
                parts.append(Part(rank, kind, text, heading))
    note = "_Left out to keep this short: {}. The page and the JSON have all._"
    return fitted(parts, max_chars - 1, "\n\n", note.format) + "\n"


def _verdict(review: Review) -> str:
    title = f"{_SIGNS[review.verdict]} Notebook review: {words.VERDICTS[review.verdict]}"
    against = prose(one_line(words.compared(review), _LINE))
    took = words.seconds(review.duration_seconds)
    return f"{MARKER}\n## {title}\n\n**{prose(words.headline(review))}**\n\n{against} · {took}"


def _table(review: Review, max_chars: int) -> str:
    """A row for each notebook, as many as there is room for."""
    lines = [_row(*_COLUMNS), _row("---", "---", "---", "---", "--:")]
    room = max_chars - sum(map(len, lines))
    notebooks = words.gravest_first(review.notebooks)
    for count, notebook in enumerate(notebooks):
        line = _row(*_cells(notebook))
        room -= len(line) + 1
        if count == _MOST_ROWS or (count and room < 0):
            more = len(notebooks) - count
            return "\n".join([*lines, "", f"… and {more} notebook{'s' if more > 1 else ''} more"])
        lines.append(line)
    return "\n".join(lines)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(notebook: NotebookReview) -> Iterator[str]:
    kind = "" if notebook.change == "modified" else f" ({notebook.change})"
    yield f"{code(one_line(notebook.path, _LINE))}{kind}"
    yield f"{_ANSWERS[notebook.executes]} {words.executes(notebook)}".strip()
    sign = "⚠️" if notebook.matches_reference is False else _ANSWERS[notebook.matches_reference]
    yield f"{sign} {words.matches(notebook)}".strip()
    yield _scraps_in_short(notebook)
    yield words.seconds(notebook.duration_seconds, notebook.base_duration_seconds)


def _scraps_in_short(notebook: NotebookReview) -> str:
    changed = words.changed_scraps(notebook)
    told = [
        f"{code(one_line(name, 60))} {prose(words.was_and_is(delta))}"
        for name, delta in list(changed.items())[:_IN_TABLE]
    ]
    if len(changed) > _IN_TABLE:
        told.append(f"and {len(changed) - _IN_TABLE} more")
    return "<br>".join(told)


def _of_notebook(notebook: NotebookReview) -> Iterator[tuple[int, str, str]]:
    yield 2, "failures", _failure(notebook)
    yield 2, "steps that failed", _list(words.problems(notebook), "❌ ")
    yield 3, "scraps", _scraps(notebook)
    yield 4, "differences", _differences(notebook)
    yield 5, "sources", _sources(notebook)
    yield 6, "warnings", _list(notebook.warnings)
    yield 7, "tool calls", _tool_calls(notebook)
    yield 8, "steps", _steps(notebook)


def _failure(notebook: NotebookReview) -> str:
    said = words.failure(notebook)
    if not said:
        return ""
    parts = [f"❌ **{prose(one_line(said, _LINE))}**"]
    cell = notebook.failed_cell
    if cell is not None:
        parts.append(fence(excerpt(cell)))
        if cell.traceback:
            parts.append(_folded("Traceback", fence(tail(cell.traceback, _TRACE))))
        if cell.output_tail.strip():
            shown = fence(tail(cell.output_tail.strip(), _TRACE))
            parts.append(_folded("Output of the cell, its end", shown))
    if notebook.error is not None and notebook.error.hint:
        parts.append(prose(one_line(notebook.error.hint, _LINE)))
    return "\n\n".join(parts)


def _scraps(notebook: NotebookReview) -> str:
    """Those that are in the table need not be told again."""
    changed = words.changed_scraps(notebook)
    if len(changed) <= _IN_TABLE:
        return ""
    rows = [
        f"- {code(one_line(name, _LINE))} {prose(words.was_and_is(delta))} {words.change(delta)}"
        for name, delta in list(changed.items())[:_MOST_SHOWN]
    ]
    return "\n".join([*(row.rstrip() for row in rows), *_more(len(changed))])


def _differences(notebook: NotebookReview) -> str:
    cells = words.differing(notebook)
    if not cells:
        return ""
    used = notebook.reference
    among = f"of {used.compared} compared cells" if used is not None else "compared cells"
    title = f"{len(cells)} {among} {'differs' if len(cells) == 1 else 'differ'}"
    source = f" from {code(one_line(used.path, _LINE))} ({words.whose(used)})" if used else ""
    parts = [f"⚠️ **{title}**{source}"]
    room = _DIFFERENCES
    for place, (cell, reasons) in enumerate(cells):
        shown = list(_reasons(reasons[:_MOST_SHOWN]))
        room -= sum(map(len, shown))
        if place and room < 0:
            parts.append(f"… and {len(cells) - place} more")
            break
        parts += [f"cells\\[{cell.index}\\] {code(cell.id)}", *shown]
    return "\n\n".join(parts)


def _reasons(reasons: list[words.Reason]) -> Iterator[str]:
    for reason in reasons:
        if reason.lines:
            shown = "\n".join(reason.lines[:_MOST_SHOWN])
            yield fence(shown, "diff")
        else:
            yield prose(one_line(reason.what, _LINE))


def _sources(notebook: NotebookReview) -> str:
    diff = notebook.diff
    if diff is None or diff.identical:
        return ""
    parts: list[str] = []
    found = entries(diff)
    room = _SOURCE
    for count, entry in enumerate(found):
        texts = [fence(clip(text, _SOURCE), "diff") for _, text in entry.texts]
        parts += [code(one_line(entry.heading, _LINE)), *texts]
        room -= sum(map(len, texts))
        if room < 0 and count + 1 < len(found):
            parts.append(f"… and {len(found) - count - 1} cells more")
            break
    title = f"Source: {len(found)} cell{'' if len(found) == 1 else 's'} changed"
    return _folded(title, "\n\n".join(parts)) if parts else ""


def _tool_calls(notebook: NotebookReview) -> str:
    if not notebook.tool_calls:
        return ""
    rows = [
        f"- {code(one_line(delta.tool, _LINE))} {prose(words.calls(delta))}"
        for delta in notebook.tool_calls[:_MOST_SHOWN]
    ]
    shown = "\n".join([*rows, *_more(len(notebook.tool_calls))])
    return _folded("Tool calls", shown)


def _steps(notebook: NotebookReview) -> str:
    if not notebook.steps:
        return ""
    rows = [_row("Step", "Outcome", "What it says", "Time"), _row("---", "---", "---", "--:")]
    rows += [
        _row(
            step.name,
            step.status,
            prose(one_line(step.message, _LINE)),
            words.seconds(step.duration_seconds),
        )
        for step in notebook.steps
    ]
    peak = words.memory(notebook.peak_memory_bytes, notebook.base_peak_memory_bytes)
    told = [f"At most {peak} of memory."] if peak else []
    if notebook.parameters_from:
        told.append(f"Parameters from {code(one_line(notebook.parameters_from, _LINE))}.")
    return _folded("Steps", "\n\n".join(["\n".join(rows), *told]))


def _list(texts: tuple[str, ...] | list[str], sign: str = "⚠️ ") -> str:
    rows = [f"- {sign}{prose(one_line(text, _LINE))}" for text in texts[:_MOST_SHOWN]]
    return "\n".join([*rows, *_more(len(texts))])


def _more(count: int) -> list[str]:
    return [f"- … and {count - _MOST_SHOWN} more"] if count > _MOST_SHOWN else []


def _folded(title: str, shown: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{shown}\n\n</details>"
