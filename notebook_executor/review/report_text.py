"""A review as lines of text: for a terminal, and bounded for a context window."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple

from notebook_executor.briefing import excerpt
from notebook_executor.documents.difference_text import lines as difference_lines
from notebook_executor.review import report_words as words
from notebook_executor.review.report_fitting import Part, fitted
from notebook_executor.text import one_line, tail, visible

if TYPE_CHECKING:
    from notebook_executor.review.models import NotebookReview, Review, StepStatus

# What a line is: it may be shown in a colour.
Kind = Literal["notebook", "good", "bad", "open", "removed", "added", "faint", "plain"]
_MOST_SHOWN = 12
_LINE = 400
_SOURCE = 6000
_TRACE = 2000
_VERDICT_KINDS: dict[str, Kind] = {"pass": "good", "fail": "bad"}
_STEP_KINDS: dict[StepStatus, Kind] = {"ok": "good", "differs": "open"}
_SIGNS: dict[str, Kind] = {"-": "removed", "+": "added"}
_DIFFERENCE_KINDS: dict[str, Kind] = {"removed": "removed", "added": "added", "context": "faint"}


class Line(NamedTuple):
    """One line of a report, and what it is."""

    text: str
    kind: Kind = "plain"


class Section(NamedTuple):
    """Lines that belong together.

    Attributes:
        rank: What matters less has a higher one.
        name: What they tell of.
        lines: Without line ends.
        heading: The notebook that they are of; None for all.
    """

    rank: int
    name: str
    lines: list[Line]
    heading: Line | None = None


def lines(review: Review) -> Iterator[Line]:
    """The whole report, notebook by notebook, what is gravest first."""
    heading = None
    for section in _sections(review):
        if section.heading != heading:
            yield Line("")
            yield section.heading or Line("")
        heading = section.heading
        yield from section.lines


def bounded(review: Review, max_chars: int) -> str:
    """The report in at most so many characters: verdict, failures and numbers before details."""
    parts = [
        Part(
            section.rank,
            section.name,
            "\n".join(line.text for line in section.lines),
            f"\n{section.heading.text}" if section.heading else "",
        )
        for section in _sections(review)
    ]
    return fitted(parts, max_chars, "\n", "\n(left out to keep this short: {})".format)


def _sections(review: Review) -> Iterator[Section]:
    kind = _VERDICT_KINDS.get(review.verdict, "open")
    title = f"{review.verdict.replace('_', ' ')}: {words.headline(review)}"
    faint = f"{words.compared(review)} · {words.seconds(review.duration_seconds)}"
    yield Section(0, "verdict", [Line(title, kind), Line(visible(faint), "faint")])
    if review.warnings:
        yield Section(6, "warnings", _warnings(review.warnings))
    for notebook in words.gravest_first(review.notebooks):
        heading = _heading(notebook)
        for rank, name, found in _of_notebook(notebook):
            if found:
                yield Section(rank, name, found, heading)


def _heading(notebook: NotebookReview) -> Line:
    was = f" from {notebook.base_path}" if notebook.change == "renamed" else ""
    said = [f"{notebook.change}{was}"]
    if notebook.change != "deleted":
        said += [f"executes: {words.executes(notebook)}"]
        said += [f"matches reference: {words.matches(notebook)}"]
    return Line(visible(one_line(f"{notebook.path}  {' · '.join(said)}", _LINE)), "notebook")


def _of_notebook(notebook: NotebookReview) -> Iterator[tuple[int, str, list[Line]]]:
    yield 1, "failures", _failure(notebook)
    yield 1, "steps that failed", [Line(_cut(one), "bad") for one in words.problems(notebook)]
    yield 2, "scraps", _scraps(notebook)
    yield 3, "differences", _differences(notebook)
    yield 4, "sources", _sources(notebook)
    yield 5, "tool calls", _tool_calls(notebook)
    yield 6, "warnings", _warnings(notebook.warnings)
    yield 7, "times", _times(notebook)
    yield 8, "steps", _steps(notebook)


def _failure(notebook: NotebookReview) -> list[Line]:
    said = words.failure(notebook)
    if not said:
        return []
    found = [Line(_cut(said), "bad")]
    cell = notebook.failed_cell
    if cell is not None:
        found += [Line(f"  {line}") for line in visible(excerpt(cell)).split("\n")]
        if cell.output_tail.strip():
            told = visible(tail(cell.output_tail.strip(), _TRACE))
            found += [Line("  output, its end:", "faint")]
            found += [Line(f"    {line}") for line in told.split("\n")]
    if notebook.error is not None and notebook.error.hint:
        found.append(Line(_cut(f"hint: {notebook.error.hint}")))
    return found


def _steps(notebook: NotebookReview) -> list[Line]:
    """All but those that failed, which are told before."""
    found = []
    for step in notebook.steps:
        if step.status != "failed":
            took = f" ({words.seconds(step.duration_seconds)})" if step.duration_seconds else ""
            said = words.advised(step.message, step.hint)
            text = f"{step.name} {step.status}{took}: {said}"
            found.append(Line(_cut(text), _STEP_KINDS.get(step.status, "faint")))
    return found


def _scraps(notebook: NotebookReview) -> list[Line]:
    changed = words.changed_scraps(notebook)
    found = []
    for name, delta in list(changed.items())[:_MOST_SHOWN]:
        by = words.change(delta)
        found.append(Line(_cut(f"{name} {words.was_and_is(delta)}{f' {by}' if by else ''}")))
    return [*found, *_more(len(changed), "scraps")]


def _differences(notebook: NotebookReview) -> list[Line]:
    cells = words.differing(notebook)
    found = []
    for cell, reasons in cells[:_MOST_SHOWN]:
        found.append(Line(f"cells[{cell.index}] ({cell.id}) differs from the reference", "open"))
        for reason in reasons[:_MOST_SHOWN]:
            found.append(Line(f"  {_cut(reason.what)}"))
            told = map(visible, reason.lines[:_MOST_SHOWN])
            found += [Line(f"    {line[:_LINE]}", _SIGNS.get(line[:1], "faint")) for line in told]
    return [*found, *_more(len(cells), "cells")]


def _sources(notebook: NotebookReview) -> list[Line]:
    diff = notebook.diff
    if diff is None or diff.identical:
        return []
    told = list(difference_lines(diff, per_text=_SOURCE))[1:]
    return [Line(visible(one.text), _DIFFERENCE_KINDS.get(one.kind, "plain")) for one in told]


def _tool_calls(notebook: NotebookReview) -> list[Line]:
    changed = [delta for delta in notebook.tool_calls if delta.base != delta.head or delta.error]
    return [Line(_cut(f"tool {delta.tool}: {words.calls(delta)}")) for delta in changed]


def _warnings(warnings: tuple[str, ...]) -> list[Line]:
    found = [Line(_cut(f"warning: {warning}"), "open") for warning in warnings[:_MOST_SHOWN]]
    return [*found, *_more(len(warnings), "warnings")]


def _times(notebook: NotebookReview) -> list[Line]:
    took = words.seconds(notebook.duration_seconds, notebook.base_duration_seconds)
    peak = words.memory(notebook.peak_memory_bytes, notebook.base_peak_memory_bytes)
    told = " · ".join(part for part in (took, peak) if part)
    found = [Line(told, "faint")] if told else []
    if notebook.output_path:
        found.append(Line(_cut(f"executed notebook: {notebook.output_path}"), "faint"))
    return found


def _more(count: int, what: str) -> list[Line]:
    return [Line(f"… and {count - _MOST_SHOWN} {what} more")] if count > _MOST_SHOWN else []


def _cut(text: str) -> str:
    return visible(one_line(text, _LINE))
