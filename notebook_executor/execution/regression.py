"""Regression: our own execution of a notebook, then nbval's comparison with a reference."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from notebook_executor.documents.output_comparison import OutputJudge, RegressionRules
from notebook_executor.documents.regression import (
    CellComparison,
    RegressionReport,
    Verdict,
    compare_cells,
    missing_cells,
    run_through,
    with_outputs,
)
from notebook_executor.documents.writing import write_notebook
from notebook_executor.execution.references import (
    Reference,
    check_acceptable,
    find_reference,
    reference_path,
)
from notebook_executor.execution.request import RunRequest
from notebook_executor.execution.streams import StreamText
from notebook_executor.models import ExecutionResult, RunError

if TYPE_CHECKING:
    from nbformat import NotebookNode

StrPath = str | os.PathLike[str]


def check_regression(
    request: RunRequest,
    root: Path,
    run: Callable[[RunRequest], ExecutionResult],
    rules: RegressionRules,
    *,
    reference: StrPath | None = None,
    accept: bool = False,
) -> RegressionReport:
    """Run a notebook to its end, whatever its cells raise, and compare it with its reference.

    Blocks until the run is over.

    Args:
        request: What to run, and how; the notebook is a file.
        root: The project.
        run: Runs a request.
        rules: What counts as a difference.
        reference: A file, or a revision; None for the accepted reference, else the notebook's
            own outputs.
        accept: When it executes, write its outputs as the new reference: into the file that is
            named, else into ``runs/reference``.

    Raises:
        DocumentError: The reference is not there, is not a notebook, or cannot be written.
        UsageError: The rules cannot be used, or outputs cannot be accepted there.
    """
    path = Path(os.path.abspath(root / request.path))
    judge = OutputJudge(rules, root)
    found = find_reference(path, reference, root, may_be_new=accept)
    if accept:
        check_acceptable(found)
    sources: list[NotebookNode] = []

    def adapt(notebook: NotebookNode) -> None:
        sources.append(copy.deepcopy(notebook))
        run_through(notebook)

    result = run(replace(request, adapt=adapt))
    executed = result.notebook
    if executed is None or not sources:
        return _not_run(result, found, rules)
    (source,) = sources
    cells = compare_run(source, executed, result, found.notebook, judge, lax=rules.lax)
    report = _concluded(result, source, found, cells, rules)
    if not accept or not report.executes:
        return report
    target = found.report.path if found.report.kind == "file" else reference_path(path, root)
    write_notebook(with_outputs(source, executed), target)
    return report.model_copy(update={"accepted": str(target)})


def compare_run(
    source: NotebookNode,
    executed: NotebookNode,
    result: ExecutionResult,
    reference: NotebookNode | None,
    judge: OutputJudge,
    *,
    lax: bool,
) -> tuple[CellComparison, ...]:
    """What a run has put out, held against a reference cell by cell.

    Args:
        source: The notebook as its file has it.
        executed: The notebook after the run.
        result: The run's.
        reference: Its streams become as our own execution would show them; None where there is
            none.
        judge: Compares outputs.
        lax: Compare only cells that are marked for it.
    """
    from nbformat.v4 import new_notebook

    against = reference if reference is not None else new_notebook()
    _show_streams(against)
    ran = {cell.id: cell.status for cell in result.cells}
    return tuple(compare_cells(source, executed, ran, against, judge, lax=lax))


def _show_streams(reference: NotebookNode) -> None:
    """Carriage returns and backspaces as our own execution applies them."""
    for cell in reference.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and ("\r" in output.text or "\b" in output.text):
                shown = StreamText(None, lambda: None)
                shown.append(output.text)
                output.text = shown.text()


def _not_run(
    result: ExecutionResult, reference: Reference, rules: RegressionRules
) -> RegressionReport:
    return RegressionReport(
        verdict="fail",
        executes=False,
        matches_reference=None,
        compared=0,
        lax=rules.lax,
        reference=reference.report if reference.notebook is not None else None,
        run_id=result.run_id,
        error=result.error,
    )


def _concluded(
    result: ExecutionResult,
    source: NotebookNode,
    reference: Reference,
    cells: tuple[CellComparison, ...],
    rules: RegressionRules,
) -> RegressionReport:
    compared = sum(cell.verdict in ("match", "differs") for cell in cells)
    differs = any(cell.verdict == "differs" for cell in cells)
    raised = [cell for cell in cells if cell.verdict == "error"]
    error = result.error or (_cell_error(raised) if raised else None)
    verdict: Verdict = "pass"
    if error is not None:
        verdict = "fail"
    elif differs:
        verdict = "differs"
    elif not compared:
        verdict = "nothing_to_compare"
    gone = missing_cells(source, reference.notebook) if reference.notebook is not None else ()
    return RegressionReport(
        verdict=verdict,
        executes=error is None,
        matches_reference=not differs if compared else None,
        compared=compared,
        lax=rules.lax,
        reference=reference.report if reference.notebook is not None else None,
        run_id=result.run_id,
        error=error,
        cells=cells,
        missing_cells=gone,
    )


def _cell_error(raised: list[CellComparison]) -> RunError:
    first, *others = raised
    more = f"; and so did {len(others)} more" if others else ""
    return RunError(
        kind="cell_error",
        message=f"Cell {first.index} ({first.id!r}): {first.reason}{more}",
        hint="A cell that is to raise has the comment # NBVAL_RAISES_EXCEPTION, "
        "or the tag raises-exception.",
    )
