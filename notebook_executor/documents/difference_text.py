"""A difference of notebooks as text: line by line for a terminal, bounded, and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple

from notebook_executor.markdown import fence, prose
from notebook_executor.text import clip, one_line

if TYPE_CHECKING:
    from notebook_executor.documents.difference import CellChange, CellRef, NotebookDiff

# What a line is: it may be shown in a colour.
Kind = Literal["title", "cell", "place", "removed", "added", "context", "name"]
_KINDS: dict[str, Kind] = {"-": "removed", "+": "added", "@": "place"}
_LEAST = 160


class Line(NamedTuple):
    """One line of a text, and what it is."""

    text: str
    kind: Kind


def lines(diff: NotebookDiff, *, per_text: int | None = None) -> Iterator[Line]:
    """The difference, cell by cell in the order of the second notebook.

    Args:
        diff: What is told.
        per_text: The most characters of one text's difference; None for all.
    """
    yield Line(title(diff), "title")
    names = diff.summary.notebook_metadata
    if names:
        yield Line(f"~ metadata of the notebook: {', '.join(names)}", "cell")
    for entry in entries(diff):
        yield Line(entry.heading, entry.kind)
        for name, text in entry.texts:
            if name:
                yield Line(f"  {name}:", "name")
            shown = text if per_text is None else clip(text, per_text)
            for line in shown.split("\n"):
                yield Line(f"  {line}", _KINDS.get(line[:1], "context"))


class Entry(NamedTuple):
    """A cell that is not the same: a heading, and what changed in it by name."""

    heading: str
    kind: Kind
    texts: list[tuple[str, str]]


def entries(diff: NotebookDiff) -> list[Entry]:
    """Removed cells first, then all others in the order of the second notebook."""
    summary = diff.summary
    placed = [(ref.index, _whole("+", ref)) for ref in summary.added]
    placed += [(change.index_b, _changed(change)) for change in summary.changed]
    placed += [(change.index_b, _changed(change, moved=True)) for change in summary.moved]
    placed.sort(key=lambda entry: entry[0])
    return [*(_whole("-", ref) for ref in summary.removed), *(entry for _, entry in placed)]


def _whole(sign: str, ref: CellRef) -> Entry:
    heading = f"{sign} cells[{ref.index}] {ref.id} {ref.cell_type}: {ref.source_preview}"
    return Entry(heading, _KINDS[sign], [])


def _changed(change: CellChange, *, moved: bool = False) -> Entry:
    place = f" → cells[{change.index_b}]" if moved or change.index_a != change.index_b else ""
    what = [*(["moved"] if moved else []), *change.changed]
    texts = [
        ("", change.source_diff),
        ("outputs", change.outputs_diff),
        ("metadata", change.metadata_diff),
    ]
    heading = f"~ cells[{change.index_a}]{place} {change.id}: {', '.join(what)}"
    return Entry(heading, "cell", [(name, text) for name, text in texts if text])


def title(diff: NotebookDiff) -> str:
    """The difference on one line: how many cells changed, and in what."""
    names = f"{diff.path_a} → {diff.path_b}"
    if diff.identical:
        return f"{names}: {_sameness(diff)}"
    summary = diff.summary
    if not diff.ops:
        return f"{names}: the same notebook, written in another way"
    return (
        f"{names}: cells added {len(summary.added)}, removed {len(summary.removed)}, "
        f"moved {len(summary.moved)}, changed {len(summary.changed)} (sources "
        f"{summary.sources_changed}, outputs {summary.outputs_changed}, metadata "
        f"{summary.metadata_changed})"
    )


def _sameness(diff: NotebookDiff) -> str:
    if diff.exact is not None:
        return "the same, byte for byte"
    return "the same" if diff.noise else "the same, apart from ids, execution counts and times"


def bounded(diff: NotebookDiff, max_chars: int) -> str:
    """The difference in at most so many characters: which cells changed, then in what."""
    headings = sum(len(entry.heading) + 1 for entry in entries(diff))
    texts = sum(len(entry.texts) for entry in entries(diff))
    room = max(max_chars - headings - len(title(diff)), 0) // max(texts, 1)
    shown = lines(diff, per_text=max(room, _LEAST))
    return clip("\n".join(line.text for line in shown), max_chars)


def markdown(diff: NotebookDiff) -> str:
    """The difference for a pull request: a heading for each cell, and its lines in a fence."""
    parts = [f"**{prose(title(diff))}**"]
    names = diff.summary.notebook_metadata
    if names:
        parts.append(f"Metadata of the notebook: {prose(', '.join(names))}")
    for entry in entries(diff):
        parts.append(f"#### {prose(one_line(entry.heading, 200))}")
        for name, text in entry.texts:
            parts += [prose(name.capitalize())] if name else []
            parts.append(fence(text, "diff"))
    return "\n\n".join(parts) + "\n"
