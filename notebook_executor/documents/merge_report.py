"""What a merge of notebooks came to, as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import PrivateAttr

from notebook_executor.documents.reading import read_notebook
from notebook_executor.errors import UsageError
from notebook_executor.models import Record
from notebook_executor.text import clip, one_line

if TYPE_CHECKING:
    from nbformat import NotebookNode

_TEXT_LIMIT = 4000

ConflictKind = Literal[
    "source", "outputs", "metadata", "attachments", "cell_type", "added", "deleted"
]
_MEANINGS: dict[ConflictKind, str] = {
    "source": "both changed the same lines of the source",
    "outputs": "both changed the outputs",
    "metadata": "both changed this entry",
    "attachments": "both changed this attachment",
    "cell_type": "one changed the cell's type, the other the cell",
    "added": "both added cells here",
    "deleted": "one deleted the cell, the other changed it",
}


class MergeConflict(Record):
    """A place where both sides changed the same thing, each in its own way.

    ``base``, ``ours`` and ``theirs`` are sources, lists of sources (``added``), outputs as text, or
    values of metadata; None where there is nothing.
    """

    kind: ConflictKind
    place: str  # in the merged notebook: cells[3].source
    index: int | None  # of the cell, or of the mark before it; None for the notebook's metadata
    id: str | None
    base: Any
    ours: Any
    theirs: Any

    def __str__(self) -> str:
        name = f" ({self.id})" if self.id else ""
        sides = (("ours", self.ours), ("theirs", self.theirs))
        shown = "; ".join(f"{side}: {one_line(_shown(value), 80)}" for side, value in sides)
        return f"{self.place}{name}: {_MEANINGS[self.kind]}; {shown}"


def _shown(value: Any) -> str:
    return "nothing" if value is None else value if isinstance(value, str) else repr(value)


class NotebookMerge(Record):
    """Two versions of a notebook brought together."""

    path_base: str
    path_ours: str
    path_theirs: str
    output_path: str | None
    clean: bool  # no conflict
    conflicts: tuple[MergeConflict, ...]

    _notebook: NotebookNode | None = PrivateAttr(default=None)

    def __eq__(self, other: object) -> bool:
        """Whether two merges say the same, whether or not they hold their notebooks."""
        if not isinstance(other, NotebookMerge):
            return NotImplemented
        return self.model_dump() == other.model_dump()

    __hash__ = None  # type: ignore[assignment]

    @property
    def notebook(self) -> NotebookNode:
        """The merged notebook; where there are conflicts, with both sides and marks in it.

        Raises:
            UsageError: This merge was read from its JSON, and was not written to a file.
        """
        if self._notebook is not None:
            return self._notebook
        if self.output_path is None:
            raise UsageError(
                "A merge that was read from JSON and not written holds no notebook",
                hint="Merge again, or with an output.",
            )
        return read_notebook(self.output_path)

    def __str__(self) -> str:
        return self.for_llm(_TEXT_LIMIT)

    def for_llm(self, max_chars: int = _TEXT_LIMIT) -> str:
        """What the merge came to in at most ``max_chars`` characters."""
        where = self.output_path or f"{self.path_ours} + {self.path_theirs}, not written"
        if self.clean:
            return clip(f"{where}: merged", max_chars)
        count = len(self.conflicts)
        lines = [f"{where}: {count} conflict{'s' if count > 1 else ''}"]
        lines += [f"! {conflict}" for conflict in self.conflicts]
        return clip("\n".join(lines), max_chars)
