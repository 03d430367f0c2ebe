"""What the cells of a notebook put out, beside what they put out before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from hermes_runtime.formats import SCRAP_MIME
from notebook_executor.documents.comparable import comparable
from notebook_executor.documents.difference_parts import outputs_beside, pair
from notebook_executor.documents.page_outputs import output_texts
from notebook_executor.documents.pairing import exact
from notebook_executor.documents.regression import pair_cells
from notebook_executor.text import one_line, visible

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from notebook_executor.review.models import CellReview, NotebookReview

Output = dict[str, Any]

_MOST_OUTPUTS = 100
_LINE = 300


class Room:
    """How many characters a page may still hold of something."""

    def __init__(self, chars: int) -> None:
        self._left = chars

    def fits(self, chars: int) -> bool:
        return chars <= self._left

    def holds(self, html: str) -> bool:
        """Whether there is room for a part, which then is taken."""
        if not self.fits(len(html)):
            return False
        self._left -= len(html)
        return True


class _Cell(NamedTuple):
    """A cell of the head's notebook with outputs, then or now."""

    name: str
    review: CellReview | None
    before: list[Output] | None  # None: there was no such cell
    now: list[Output]
    same: bool  # apart from what differs between any two runs
    own_reference: bool  # was it compared with what the change itself brings along?

    @property
    def weight(self) -> int:
        """How many characters its pictures take."""
        outputs = [*(self.before or [])[:_MOST_OUTPUTS], *self.now[:_MOST_OUTPUTS]]
        bundles = (output.get("data", {}) for output in outputs)
        return sum(
            len(value)
            for data in bundles
            for mime, value in data.items()
            if mime.startswith("image/") and isinstance(value, str)
        )


def output_parts(notebook: NotebookReview, room: Room) -> Iterator[str]:
    """Outputs that differ side by side; the others are counted.

    Args:
        notebook: Whose notebooks are shown, if it holds them still.
        room: What is left for outputs on the page.
    """
    head, base = notebook.notebooks.head, notebook.notebooks.base
    if head is None:
        if notebook.run_id is not None:
            where = notebook.output_path or f"run {notebook.run_id}"
            told = f"This report was made without the executed notebook; see {where}."
            yield f'<p class="faint">{escape(visible(told))}</p>\n'
        return
    reviews = {cell.id: cell for cell in notebook.cells}
    own = notebook.reference is not None and notebook.reference.side == "head"
    cells = list(_cells(head, base, reviews, own=own))
    if base is not None and any(not cell.same for cell in cells):
        yield pair(f"before: {escape(_before(notebook))}", "now: this change", "names sides")
    same = [cell.name for cell in cells if cell.same]
    left_out = []
    for cell in cells:
        if cell.same:
            continue
        # What cannot fit is not even made.
        part = _shown(cell, alone=base is None) if room.fits(cell.weight) else None
        if part is not None and room.holds(part):
            yield part
        else:
            left_out.append(f"{cell.name} ({max(cell.weight, len(part or '')) / 1e6:.1f} MB)")
    if same:
        yield f'<p class="same">the same as before: {escape(", ".join(same))}</p>\n'
    if left_out:
        where = notebook.output_path or "the executed notebook"
        told = f"Left out, as this page would be too large: {', '.join(left_out)}; see {where}."
        yield f'<p class="open">{escape(visible(told))}</p>\n'


def _before(notebook: NotebookReview) -> str:
    if notebook.base_run_id is not None:
        return "the base, run again"
    used = notebook.reference
    return visible(used.path) if used and used.side == "base" else "the base's reference"


def _cells(
    head: NotebookNode,
    base: NotebookNode | None,
    reviews: Mapping[str, CellReview],
    *,
    own: bool,
) -> Iterator[_Cell]:
    partners = pair_cells(head, base) if base is not None else {}
    quiet = [{} if base is None else _quiet(nb) for nb in (head, base or head)]
    for place, cell in enumerate(head.cells):
        if cell.cell_type != "code":
            continue
        partner = partners.get(cell.id)
        if not cell.outputs and not (partner and partner.outputs):
            continue
        review = reviews.get(cell.id)
        index = place if review is None else review.index
        same = partner is not None and quiet[0][cell.id] == quiet[1][partner.id]
        before = _seen(partner.outputs) if partner is not None else None
        name = f"cells[{index}] {cell.id}"
        yield _Cell(name, review, before, _seen(cell.outputs), same, own)


def _seen(outputs: Iterable[Output]) -> list[Output]:
    """All but scraps, which are told by name."""
    return [
        output
        for output in outputs
        if not (data := output.get("data")) or not all(mime.startswith(SCRAP_MIME) for mime in data)
    ]


def _quiet(nb: NotebookNode) -> dict[str, Any]:
    """What each code cell put out, apart from what differs between any two runs."""
    cells = comparable(nb, noise=False).cells
    return {cell.id: exact(cell.outputs) for cell in cells if cell.cell_type == "code"}


def _shown(cell: _Cell, *, alone: bool) -> str:
    heading = f"<h4>{escape(visible(cell.name))}: {_judgement(cell, alone=alone)}</h4>"
    now, more = cell.now[:_MOST_OUTPUTS], len(cell.now) - _MOST_OUTPUTS
    if alone:
        parts = [f'<div class="alone">{"".join(output_texts(now))}</div>']
    elif cell.before is None:
        parts = [pair("", "".join(output_texts(now)))]
    else:
        parts = list(outputs_beside(cell.before[:_MOST_OUTPUTS], now))
        more = max(more, len(cell.before) - _MOST_OUTPUTS)
    if more > 0:
        parts.append(f'<p class="aspect">… and {more} outputs more</p>')
    kind = "changed" if cell.review and cell.review.matches is False else "plain"
    return f'<section class="cell {kind}">{heading}{_reasons(cell)}{"".join(parts)}</section>\n'


def _judgement(cell: _Cell, *, alone: bool) -> str:
    judged = cell.review.matches if cell.review is not None else None
    if judged is False:
        return "differs from the reference"
    if alone:
        return "what it puts out"
    if judged:
        own = cell.own_reference
        return "as its own reference has it" if own else "matches, as what differs does not count"
    return "not compared" if cell.before is not None else "a new cell"


def _reasons(cell: _Cell) -> str:
    """What the outputs beside each other do not show."""
    review = cell.review
    if review is None or review.matches is not False:
        return ""
    if review.differences and all(d.kind.startswith(SCRAP_MIME) for d in review.differences):
        return '<p class="aspect">in its scraps</p>'
    told = "" if review.differences else review.reason
    return f'<p class="aspect">{escape(visible(one_line(told, _LINE)))}</p>' if told else ""
