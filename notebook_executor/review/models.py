"""A review's contract: what became of each changed notebook, step by step, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, PrivateAttr

from notebook_executor.documents.difference import NotebookDiff
from notebook_executor.documents.output_comparison import Difference
from notebook_executor.models import CellStatus, FailedCell, Record, RunError

if TYPE_CHECKING:
    from nbformat import NotebookNode

Verdict = Literal["pass", "fail", "differs", "nothing_to_compare"]
StepName = Literal["structure", "sources", "parameters", "execution", "reference", "strip"]
StepStatus = Literal["ok", "failed", "differs", "skipped"]
Change = Literal["added", "modified", "renamed", "deleted"]
Direction = Literal["up", "down", "same", "changed", "new", "gone", "unknown"]

_TEXT_CHARS = 4000
_MARKDOWN_CHARS = 60_000  # forges cut a comment at 65,536


class StepOutcome(Record):
    """How one step went; ``skipped`` says in ``message`` why there was nothing to do."""

    name: StepName
    status: StepStatus
    message: str
    hint: str | None = None
    duration_seconds: float = 0.0


class ScrapDelta(Record):
    """A named output before and after; what JSON cannot hold is as in a result's scraps.

    ``new`` and ``gone`` are of a name that only one side has: the other's value is then None.
    ``up`` and ``down`` are of numbers alone. ``unknown``: nothing tells what the base's was.
    """

    base: Any
    head: Any
    change: float | None = None  # head minus base, of two numbers
    direction: Direction


class ToolCallDelta(Record):
    """How often a tool was called before and after, and how the head's calls went."""

    tool: str
    base: int | None  # None: nothing tells
    head: int
    ok: int = 0
    error: int = 0
    denied: int = 0
    replayed: int = 0


class ParameterProblem(Record):
    """An entry of a schedule that the changed notebook would refuse."""

    file: str  # below the repository's top, as all paths are
    line: int | None  # 1-based
    entry: str | None
    message: str
    hint: str | None = None


class ReferenceReview(Record):
    """The executed notebook that the outputs were compared with."""

    path: str
    side: Literal["base", "head"]  # whose it is: the head's where the head changes it
    changed: bool  # does the head change it?
    compared: int = 0  # cells


class CellReview(Record):
    """One code cell of the head's notebook."""

    index: int
    id: str
    status: CellStatus
    duration_seconds: float
    base_duration_seconds: float | None = None
    line: int | None = None  # of the notebook's file, 1-based: where the cell's source begins
    failed_line: int | None = None  # of the notebook's file, 1-based: what raised
    matches: bool | None = None  # None: it was not compared
    reason: str = ""
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True)
class ReviewedNotebooks:
    """The notebooks themselves, for a report that shows outputs; not part of the JSON.

    Attributes:
        base: The base's executed notebook: its reference, or what running it again gave.
        head: The head's, as this review has executed it.
    """

    base: NotebookNode | None = None
    head: NotebookNode | None = None


class NotebookReview(Record):
    """One changed notebook.

    ``executes`` and ``matches_reference`` are None where that was not found out; a reference
    without outputs is never a match. Paths begin at the repository's top; ``output_path`` is
    absolute where the executed notebook lies outside of the repository.
    """

    path: str  # of a deleted notebook, where it was
    base_path: str | None  # where the base has it; None: nowhere
    change: Change
    verdict: Verdict
    executes: bool | None = None
    matches_reference: bool | None = None
    scraps: dict[str, ScrapDelta] = Field(default_factory=dict)
    tool_calls: tuple[ToolCallDelta, ...] = ()
    run_id: str | None = None
    base_run_id: str | None = None  # of the base, run again
    steps: tuple[StepOutcome, ...] = ()
    cells: tuple[CellReview, ...] = ()
    failed_cell: FailedCell | None = None
    error: RunError | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    parameters_from: str | None = None  # "pyproject.toml", or the schedule's entry
    problems: tuple[ParameterProblem, ...] = ()
    stripped_away: tuple[int, ...] = ()  # cells that carry outputs into git
    diff: NotebookDiff | None = None
    duration_seconds: float | None = None
    base_duration_seconds: float | None = None
    peak_memory_bytes: int | None = None
    base_peak_memory_bytes: int | None = None
    output_path: str | None = None  # the executed notebook
    reference: ReferenceReview | None = None
    accepted: str | None = None  # where the outputs were written as the new reference
    warnings: tuple[str, ...] = ()

    _notebooks: ReviewedNotebooks = PrivateAttr(default_factory=ReviewedNotebooks)

    def __eq__(self, other: object) -> bool:
        """Whether two reviews say the same, whether or not they hold their notebooks."""
        if not isinstance(other, NotebookReview):
            return NotImplemented
        return self.model_dump() == other.model_dump()

    __hash__ = None  # type: ignore[assignment]

    @property
    def notebooks(self) -> ReviewedNotebooks:
        """The executed notebooks; those of a review that was read from its JSON are None."""
        return self._notebooks

    def with_notebooks(self, notebooks: ReviewedNotebooks) -> NotebookReview:
        """This review, holding its notebooks in memory."""
        self._notebooks = notebooks
        return self

    @property
    def ok(self) -> bool:
        return self.verdict == "pass"


class Review(Record):
    """What a change does to a project's notebooks.

    ``pass``: all that was compared matches. ``fail``: a step failed. ``differs``: all execute,
    and an output is another than the reference's. ``nothing_to_compare``: all execute, and
    no output was compared; also when no notebook changed.
    """

    # BaseModel has a deprecated method called schema, hence the alias.
    schema_: Literal[1] = Field(1, alias="schema")
    verdict: Verdict
    base: str  # as it was named
    head: str  # as it was named, else "working tree" or "index"
    base_commit: str
    head_commit: str | None  # None: the working tree, or the index
    merge_base: str | None  # None: the two have no history in common
    notebooks: tuple[NotebookReview, ...]
    duration_seconds: float
    warnings: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return self.verdict == "pass"

    def __str__(self) -> str:
        return self.for_llm(_TEXT_CHARS)

    def for_llm(self, max_chars: int = _TEXT_CHARS) -> str:
        """The report in at most ``max_chars`` characters; what matters least is left out first."""
        from notebook_executor.review.report_text import bounded

        return bounded(self, max_chars)

    def to_markdown(self, max_chars: int = _MARKDOWN_CHARS) -> str:
        """The report as a pull request's comment, with the mark that a later one replaces it by.

        Args:
            max_chars: The budget; what matters least is left out first, and named at the end.
        """
        from notebook_executor.review.report_markdown import markdown

        return markdown(self, max_chars)

    def to_html(self) -> str:
        """The report as one page, without a script or a request.

        Outputs are shown where this review still holds its notebooks: one that was read from its
        JSON does not.
        """
        from notebook_executor.review.report_page import page

        return page(self)
