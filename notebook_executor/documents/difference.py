"""The difference of two notebooks as data, and the texts that are made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import PrivateAttr

from notebook_executor.errors import UsageError
from notebook_executor.models import Record

if TYPE_CHECKING:
    from nbformat import NotebookNode

_TEXT_LIMIT = 4000

Aspect = Literal[
    "cell_type", "source", "outputs", "metadata", "attachments", "id", "execution_count"
]


class CellRef(Record):
    """A cell that only one of the notebooks has."""

    index: int  # in the notebook that has it
    id: str
    cell_type: str
    source_preview: str  # the first 80 characters


class CellChange(Record):
    """A cell that both notebooks have, and that is not the same in them or in another place."""

    index_a: int
    index_b: int
    id: str  # in the second notebook
    cell_type: str
    changed: tuple[Aspect, ...]
    source_diff: str = ""  # unified, without file names
    outputs_diff: str = ""  # of what they say; images by size and digest; cut when it is long
    metadata_diff: str = ""  # of metadata and attachments; likewise


class DiffSummary(Record):
    """What changed, cell by cell, and how many cells changed in which respect."""

    added: tuple[CellRef, ...]
    removed: tuple[CellRef, ...]
    moved: tuple[CellChange, ...] = ()  # their place among the others; the rest may be the same
    changed: tuple[CellChange, ...]
    sources_changed: int
    outputs_changed: int
    metadata_changed: int
    notebook_metadata: tuple[str, ...]  # names of the entries that changed


class ExactDiff(Record):
    """What makes the bytes of one file of those of another."""

    sha256_a: str
    sha256_b: str
    ops: tuple[dict[str, Any], ...]  # nbdime's, on the list of the file's lines


class NotebookDiff(Record):
    """The difference of two notebooks; reading it back from its JSON gives a patch."""

    path_a: str
    path_b: str
    identical: bool
    noise: bool = False  # do ids, execution counts, and what else runs leave behind, count?
    summary: DiffSummary
    ops: tuple[dict[str, Any], ...]  # nbdime's diff format, on the documents compared
    digest_a: str = ""  # of the document that ``ops`` fit
    digest_b: str = ""  # of the one that they make
    exact: ExactDiff | None = None  # only of a lossless diff

    _documents: tuple[NotebookNode, NotebookNode] | None = PrivateAttr(default=None)

    def __eq__(self, other: object) -> bool:
        """Whether two differences say the same, whether or not they hold their notebooks."""
        if not isinstance(other, NotebookDiff):
            return NotImplemented
        return self.model_dump() == other.model_dump()

    __hash__ = None  # type: ignore[assignment]

    @property
    def documents(self) -> tuple[NotebookNode, NotebookNode] | None:
        """Both notebooks as they were compared; None where the difference was read from JSON."""
        return self._documents

    def __str__(self) -> str:
        return self.for_llm(_TEXT_LIMIT)

    def for_llm(self, max_chars: int = _TEXT_LIMIT) -> str:
        """The difference in at most ``max_chars`` characters; what changed first, then how."""
        from notebook_executor.documents.difference_text import bounded

        return bounded(self, max_chars)

    def to_markdown(self) -> str:
        """The difference as Markdown, for a pull request."""
        from notebook_executor.documents.difference_text import markdown

        return markdown(self)

    def to_html(self) -> str:
        """The difference as one page, cells side by side, without a script or a request.

        Raises:
            UsageError: This difference was read from its JSON, which has no notebooks in it.
        """
        from notebook_executor.documents.difference_page import page

        if self._documents is None:
            raise UsageError(
                "A difference that was read from JSON has no notebooks to show",
                hint="Compare the two notebooks again.",
            )
        return page(self, *self._documents)
