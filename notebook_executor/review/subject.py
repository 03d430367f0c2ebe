"""One notebook while it is reviewed: what each step has found out, for those that follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from notebook_executor.documents.difference import NotebookDiff
from notebook_executor.documents.regression import CellComparison
from notebook_executor.models import ExecutionResult
from notebook_executor.review.changes import NotebookChange
from notebook_executor.review.comparison import Comparison
from notebook_executor.review.models import ParameterProblem, ReferenceReview, StepStatus
from notebook_executor.review.options import ReviewOptions
from notebook_executor.review.policy import NotebookPolicy, ReviewPolicy

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from notebook_executor.execution.request import RunRequest
    from notebook_executor.review.schedules import Schedules


class Finding(NamedTuple):
    """What a step has to say."""

    status: StepStatus
    message: str
    hint: str = ""


@dataclass(frozen=True)
class Scene:
    """What all notebooks of a review have in common.

    Attributes:
        comparison: The two sides.
        policy: The head's.
        schedules: The head's.
        place: A private directory.
        project: The head's files that the review itself needs, laid out.
        root: The caller's project.
        run: Runs a notebook.
        options: What the caller has asked for.
    """

    comparison: Comparison
    policy: ReviewPolicy
    schedules: Schedules
    place: Path
    project: Path
    root: Path
    run: Callable[[RunRequest], ExecutionResult]
    options: ReviewOptions


@dataclass
class Subject:
    """A notebook's own part of a review.

    Attributes:
        inside: Its path below the project; of a deleted notebook, where it was.
        rules: The policy's, for it.
        data: The head's file; None where it cannot be reviewed.
        notebook: The head's, once its structure is known to be sound.
        before: The base's, where it has one that can be read.
        source: The head's as the run has read it.
        reference_notebook: What the outputs are compared with.
        base_reference: What the base has accepted, whether or not that is the same.
    """

    change: NotebookChange
    inside: str
    rules: NotebookPolicy
    data: bytes | None = None
    notebook: NotebookNode | None = None
    before: NotebookNode | None = None
    diff: NotebookDiff | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    parameters_from: str | None = None
    parameters_fit: bool = True
    problems: tuple[ParameterProblem, ...] = ()
    source: NotebookNode | None = None
    result: ExecutionResult | None = None
    base_result: ExecutionResult | None = None
    reference: ReferenceReview | None = None
    reference_notebook: NotebookNode | None = None
    base_reference: NotebookNode | None = None
    comparisons: tuple[CellComparison, ...] = ()
    matches: bool | None = None
    accepted: str | None = None
    stripped_away: tuple[int, ...] = ()
    warnings: list[str] = field(default_factory=list)

    @property
    def absence(self) -> str:
        """Why there is nothing to execute; empty if there is."""
        if self.change.change == "deleted":
            return "the notebook is gone"
        if self.change.obstacle:
            return self.change.obstacle
        return "" if self.notebook is not None else "the notebook cannot be read"
