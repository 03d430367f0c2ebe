"""From what the steps have found out to what the review says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from notebook_executor.documents.regression import CellComparison
from notebook_executor.documents.source_lines import SourceLines, source_lines
from notebook_executor.models import CellReport, ExecutionResult
from notebook_executor.review.deltas import scrap_deltas, tool_deltas
from notebook_executor.review.executing import executes
from notebook_executor.review.models import (
    CellReview,
    NotebookReview,
    ReviewedNotebooks,
    StepOutcome,
    Verdict,
)
from notebook_executor.review.subject import Scene, Subject

_GRAVE: tuple[Verdict, ...] = ("fail", "differs")


def notebook_review(subject: Subject, scene: Scene, steps: Sequence[StepOutcome]) -> NotebookReview:
    """The review of one notebook, all steps done."""
    result, base = subject.result, subject.base_result
    change = subject.change
    return NotebookReview(
        path=change.path,
        base_path=change.base_path,
        change=change.change,
        verdict=_verdict(subject, steps),
        executes=executes(result),
        matches_reference=subject.matches,
        scraps=scrap_deltas(subject),
        tool_calls=tool_deltas(subject, scene),
        run_id=result.run_id if result else None,
        base_run_id=base.run_id if base else None,
        steps=tuple(steps),
        cells=tuple(_cells(subject)),
        failed_cell=result.failed_cell if result else None,
        error=result.error if result else None,
        parameters=result.parameters if result else {},
        parameters_from=subject.parameters_from,
        problems=subject.problems,
        stripped_away=subject.stripped_away,
        diff=subject.diff,
        duration_seconds=result.duration_seconds if result else None,
        base_duration_seconds=base.duration_seconds if base else None,
        peak_memory_bytes=_memory(result),
        base_peak_memory_bytes=_memory(base),
        output_path=_told(result.output_path, scene) if result else None,
        reference=subject.reference,
        accepted=subject.accepted,
        warnings=tuple(subject.warnings),
    ).with_notebooks(
        ReviewedNotebooks(
            base=base.notebook if base else subject.base_reference,
            head=result.notebook if result else None,
        )
    )


def verdict_of(
    notebooks: Iterable[NotebookReview], counts: Callable[[NotebookReview], bool]
) -> Verdict:
    """The verdict over all: the gravest.

    Args:
        notebooks: What became of each.
        counts: Whether it matters that there was nothing to compare for one; where it matters for
            none, there was nothing to compare at all.
    """
    reviewed = list(notebooks)
    verdicts = {one.verdict for one in reviewed}
    for grave in _GRAVE:
        if grave in verdicts:
            return grave
    counting = {one.verdict for one in reviewed if counts(one)}
    return "pass" if counting == {"pass"} else "nothing_to_compare"


def _verdict(subject: Subject, steps: Sequence[StepOutcome]) -> Verdict:
    if any(step.status == "failed" for step in steps):
        return "fail"
    if subject.matches is None:
        return "nothing_to_compare"
    return "pass" if subject.matches else "differs"


def _told(path: str | None, scene: Scene) -> str | None:
    """Where the executed notebook is, for readers elsewhere as far as it can be."""
    below = path and scene.comparison.new.repository.from_top(Path(path))
    return path if below and below.startswith("../") else below


def _memory(result: ExecutionResult | None) -> int | None:
    return (result.kernel.peak_memory_bytes or None) if result else None


def _cells(subject: Subject) -> Iterable[CellReview]:
    result = subject.result
    if result is None:
        return
    lines = source_lines(subject.data) if subject.data else []
    compared = {cell.index: cell for cell in subject.comparisons}
    before = {cell.id: cell.duration_seconds for cell in _cells_of(subject.base_result)}
    for cell in result.cells:
        if cell.index is None:
            continue
        place = lines[cell.index] if cell.index < len(lines) else None
        yield CellReview(
            index=cell.index,
            id=cell.id,
            status=cell.status,
            duration_seconds=cell.duration_seconds,
            base_duration_seconds=before.get(cell.id),
            line=place.first if place else None,
            failed_line=_failed_line(result, cell.index, place),
            **_compared(compared.get(cell.index)),
        )


def _cells_of(result: ExecutionResult | None) -> tuple[CellReport, ...]:
    return result.cells if result else ()


def _failed_line(result: ExecutionResult, index: int, place: SourceLines | None) -> int | None:
    failed = result.failed_cell
    if failed is None or failed.index != index or place is None:
        return None
    return place.of(failed.line)


def _compared(found: CellComparison | None) -> dict[str, Any]:
    if found is None:
        return {}
    matches = {"match": True, "differs": False}.get(found.verdict)
    return {"matches": matches, "reason": found.reason, "differences": found.differences}
