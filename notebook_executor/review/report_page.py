"""A review as one page: what a reviewer wants to know, in the order of its weight.

Nothing on it runs, nothing is fetched, and it says so where it leaves something out.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from notebook_executor.briefing import excerpt
from notebook_executor.documents.difference_parts import difference_parts, difference_style
from notebook_executor.documents.difference_text import lines
from notebook_executor.html_page import html_page, style_of
from notebook_executor.review import report_words as words
from notebook_executor.review.report_outputs import Room, output_parts
from notebook_executor.review.report_tables import (
    cells_table,
    overview_table,
    scrap_cards,
    steps_table,
    tool_table,
    verdict_badge,
)
from notebook_executor.text import clip, one_line, visible

if TYPE_CHECKING:
    from notebook_executor.review.models import NotebookReview, Review

# A browser scrolls through so many characters of HTML, pictures among them, without effort.
_SOURCES = 6_000_000
_OUTPUTS = 16_000_000
_LINE = 500
_TEXT = 20_000
_MOST_WARNINGS = 50


class _Rooms:
    """What the page may still hold of each."""

    def __init__(self) -> None:
        self.sources = Room(_SOURCES)
        self.outputs = Room(_OUTPUTS)


def page(review: Review) -> str:
    """The page; notebooks in the order of their verdicts, the gravest first."""
    notebooks = words.gravest_first(review.notebooks)
    rooms = _Rooms()
    body = [
        f'<header id="top">{_heading(review)}</header>\n',
        overview_table(notebooks),
        "<main>\n",
        *(part for place in enumerate(notebooks, 1) for part in _article(*place, rooms)),
        "</main>",
    ]
    title = f"{words.VERDICTS[review.verdict]}: notebook review of {review.head}"
    styles = difference_style(), style_of(__package__, "report_page.css")
    return html_page(one_line(visible(title), 200), body, *styles)


def _heading(review: Review) -> str:
    took = f"{words.seconds(review.duration_seconds)} for the review"
    return (
        f"<h1>{verdict_badge(review.verdict)} Notebook review</h1>"
        f'<p class="lead">{_line(words.headline(review))}</p>'
        f'<p class="faint">{_line(words.compared(review))} · {took}</p>'
        f"{_warnings(review.warnings)}"
    )


def _article(number: int, notebook: NotebookReview, rooms: _Rooms) -> Iterator[str]:
    name = f"notebook-{number}"
    yield f'<article class="notebook" aria-labelledby="{name}"><h2 id="{name}">'
    yield f"{verdict_badge(notebook.verdict)} {_line(notebook.path)}</h2>\n{_facts(notebook)}"
    found = [(title, parts) for title, parts in _sections(notebook, rooms) if parts]
    links = [f'<a href="#{name}-{place}">{title}</a>' for place, (title, _) in enumerate(found)]
    links.append('<a href="#top">top</a>')
    yield f"<nav>{' · '.join(links)}</nav>\n"
    for place, (title, parts) in enumerate(found):
        yield f'<section><h3 id="{name}-{place}">{title}</h3>\n{parts}</section>\n'
    yield "</article>\n"


def _sections(notebook: NotebookReview, rooms: _Rooms) -> Iterator[tuple[str, str]]:
    yield "Failure", _failure(notebook)
    yield "Problems", _problems(notebook)
    yield "Scraps", scrap_cards(notebook)
    yield "Warnings", _warnings(notebook.warnings)
    yield "Source", "".join(_sources(notebook, rooms.sources))
    yield "Outputs", "".join(output_parts(notebook, rooms.outputs))
    yield "Tool calls", tool_table(notebook)
    yield "Cells", cells_table(notebook)
    yield "Steps", steps_table(notebook)


def _facts(notebook: NotebookReview) -> str:
    rows = [(name, _line(text)) for name, text in _named_facts(notebook) if text]
    return f'<dl class="facts">{"".join(f"<dt>{name}</dt><dd>{dd}</dd>" for name, dd in rows)}</dl>'


def _named_facts(notebook: NotebookReview) -> Iterator[tuple[str, str]]:
    was = f" from {notebook.base_path}" if notebook.change == "renamed" else ""
    yield "change", f"{notebook.change}{was}"
    if notebook.change != "deleted":
        yield "executes", words.executes(notebook)
        yield "matches reference", words.matches(notebook)
    yield "reference", words.reference(notebook)
    yield "accepted", notebook.accepted or ""
    source = f" (from {notebook.parameters_from})" if notebook.parameters_from else ""
    given = ", ".join(f"{name} = {value!r}" for name, value in notebook.parameters.items())
    yield "parameters", f"{given}{source}" if given else ""
    yield "time", words.seconds(notebook.duration_seconds, notebook.base_duration_seconds)
    yield "memory", words.memory(notebook.peak_memory_bytes, notebook.base_peak_memory_bytes)
    yield "executed notebook", notebook.output_path or ""
    yield "run", notebook.run_id or ""


def _failure(notebook: NotebookReview) -> str:
    said = words.failure(notebook)
    if not said:
        return ""
    parts = [f'<p class="bad"><strong>{_line(said)}</strong></p>']
    if notebook.error is not None and notebook.error.hint:
        parts.append(f"<p>{_line(notebook.error.hint)}</p>")
    cell = notebook.failed_cell
    if cell is not None:
        parts.append(f'<pre class="excerpt">{_text(excerpt(cell))}</pre>')
        if cell.traceback:
            parts.append(_folded("Traceback", f'<pre class="error">{_text(cell.traceback)}</pre>'))
        if cell.output_tail.strip():
            shown = f"<pre>{_text(cell.output_tail)}</pre>"
            parts.append(_folded("Output of the cell, its end", shown))
    return "\n".join(parts)


def _problems(notebook: NotebookReview) -> str:
    items = "".join(f"<li>{_line(text)}</li>" for text in words.problems(notebook))
    return f'<ul class="bad">{items}</ul>' if items else ""


def _warnings(warnings: tuple[str, ...]) -> str:
    items = "".join(f"<li>{_line(text)}</li>" for text in warnings[:_MOST_WARNINGS])
    more = len(warnings) - _MOST_WARNINGS
    rest = f"<li>… and {more} more</li>" if more > 0 else ""
    return f'<ul class="open">{items}{rest}</ul>' if items else ""


def _sources(notebook: NotebookReview, room: Room) -> Iterator[str]:
    diff = notebook.diff
    if diff is None or diff.identical:
        return
    if diff.documents is None:
        told = "\n".join(line.text for line in lines(diff, per_text=_TEXT))
        parts: Iterator[str] = iter([f"<pre>{_text(told)}</pre>"])
    else:
        parts = difference_parts(diff, *diff.documents, level=4)
    for part in parts:
        if not room.holds(part):
            yield '<p class="open">The rest is left out: this page would be too long.</p>'
            return
        yield part


def _folded(title: str, shown: str) -> str:
    return f"<details><summary>{title}</summary>{shown}</details>"


def _line(text: str) -> str:
    return escape(visible(one_line(text, _LINE)))


def _text(text: str) -> str:
    return escape(visible(clip(text, _TEXT)))
