"""From the ledger to the result: after teardown, the same way for every outcome."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hermes_runtime.formats import ARRAY_MIME, SCRAP_MIME
from notebook_executor.bundles import telling, words_of
from notebook_executor.documents.cells import source_hash
from notebook_executor.execution.engine import CellOutcome
from notebook_executor.execution.explanations import ending_signal, explain
from notebook_executor.execution.ledger import Ledger
from notebook_executor.execution.limits import limit_warnings
from notebook_executor.execution.named_outputs import keep_payloads
from notebook_executor.execution.plan import Plan
from notebook_executor.execution.preparation import Prepared
from notebook_executor.execution.records import RunRecord
from notebook_executor.execution.secrets import Mask
from notebook_executor.execution.spilling import spilled_scraps
from notebook_executor.lifecycle.kernel import KernelEnd
from notebook_executor.models import (
    CellReport,
    CleanupReport,
    ExecutionResult,
    FailedCell,
    KernelReport,
    RunError,
)
from notebook_executor.references import Payload
from notebook_executor.scraps.collecting import collect_scraps
from notebook_executor.text import clip, json_form, one_line, plain, tail

if TYPE_CHECKING:
    from nbformat import NotebookNode

_SOURCE = 10_000
_TRACEBACK = 20_000
_OUTPUT_TAIL = 2_000
_PREVIEW = 200


def build_result(
    plan: Plan, ledger: Ledger, finished_at: datetime, saved: Path | None
) -> ExecutionResult:
    """The result of a run that is over."""
    prepared = ledger.prepared
    failed = _failed_cell(ledger)
    scraps, payloads, warnings = _scraps(ledger)
    result = ExecutionResult(
        status="success" if ledger.failure is None else "error",
        duration_seconds=round((finished_at - plan.started_at).total_seconds(), 3),
        cells_executed=sum(bool(outcome.reply) for outcome in ledger.outcomes.values()),
        failed_cell=failed,
        scraps=scraps,
        error=_error(plan, ledger, failed),
        run_id=plan.run_id,
        started_at=plan.started_at,
        finished_at=finished_at,
        trigger=plan.request.trigger,
        labels=dict(plan.request.labels or {}),
        sweep=plan.request.sweep,
        input_path=str(plan.input_path) if plan.input_path else None,
        output_path=str(saved) if saved else None,
        source_sha256=ledger.source_sha256,
        git_commit=ledger.git_commit,
        parameters=json_form(prepared.parameters) if prepared else {},
        kernel=kernel_report(ledger),
        cells=tuple(_cell_reports(prepared, ledger)) if prepared else (),
        outputs_complete=ledger.outputs_complete,
        tool_calls=tuple(ledger.calls.kept),
        cleanup=_cleanup(ledger.end),
        warnings=(
            *ledger.warnings,
            *warnings,
            *ledger.calls.warnings(),
            *_early_end(ledger),
            *limit_warnings(ledger.failure, ledger.end, plan.request.limits),
        ),
    )
    result.scraps.hold(payloads)
    return result.with_notebook(prepared.notebook if prepared else None)


def _scraps(ledger: Ledger) -> tuple[dict[str, Any], dict[str, Payload], tuple[str, ...]]:
    """Values, what has to stay in memory of those that are references, and warnings."""
    if ledger.prepared is None:
        return {}, {}, ()
    collected = collect_scraps({"cells": _with_spilled(ledger.prepared, ledger.record)})
    unkept = keep_payloads(collected, ledger.record.outputs / "scraps" if ledger.record else None)
    values = json_form(collected.values)
    held = {name: one for name, one in collected.payloads.items() if values[name]["path"] is None}
    return values, held, (*collected.warnings, *unkept)


def _with_spilled(prepared: Prepared, record: RunRecord | None) -> list[dict[str, Any]]:
    """The cells' outputs, with the scraps that were too large for the notebook."""
    cells = prepared.notebook.cells
    if record is None or not record.outputs.is_dir():
        return [{"outputs": cell.get("outputs", [])} for cell in cells]
    return [
        {"outputs": [*cell.get("outputs", []), *spilled_scraps(record.outputs, index, cell)]}
        for index, cell in enumerate(cells)
    ]


def _early_end(ledger: Ledger) -> list[str]:
    """What to say of a notebook that ended itself before its last cell."""
    last = [index for index, outcome in ledger.outcomes.items() if outcome.last]
    if not last or ledger.prepared is None:
        return []
    left = sum(index > last[0] for index in ledger.prepared.selected)
    if not left:
        return []
    return [f"Cell {cell_name(ledger, last[0])} ended the run; {left} later cells did not run."]


def cell_name(ledger: Ledger, output_index: int) -> str:
    """A cell as a message names it: its index in the input, and its id."""
    assert ledger.prepared is not None
    index = ledger.prepared.input_indices[output_index]
    cell = ledger.prepared.notebook.cells[output_index]
    return "'injected-parameters'" if index is None else f"{index} ({cell.id!r})"


def _failed_cell(ledger: Ledger) -> FailedCell | None:
    prepared, failure = ledger.prepared, ledger.failure
    if prepared is None or failure is None:
        return None
    cell_failure = failure.cell
    index = cell_failure.output_index if cell_failure else ledger.running
    if index is None:
        return None
    cell = prepared.notebook.cells[index]
    return FailedCell(
        index=prepared.input_indices[index],
        output_index=index,
        id=cell.id,
        hash=source_hash(cell.source),
        line=cell_failure.line if cell_failure else None,
        source=clip(cell.source, _SOURCE),
        ename=cell_failure.ename if cell_failure else "Cancelled",
        evalue=clip(cell_failure.evalue, _OUTPUT_TAIL) if cell_failure else "",
        traceback=clip(cell_failure.traceback, _TRACEBACK) if cell_failure else "",
        output_tail=tail(output_text(cell), _OUTPUT_TAIL),
    )


def _error(plan: Plan, ledger: Ledger, failed: FailedCell | None) -> RunError | None:
    failure = ledger.failure
    if failure is None:
        return None
    where = f"Cell {cell_name(ledger, failed.output_index)}" if failed else None
    message, hint = explain(failure, plan.request, ledger.end, where, ledger.withheld)
    return RunError(
        kind=failure.kind,
        message=message,
        hint=hint,
        retryable=failure.retryable or failure.kind == "kernel_died",
        state=failure.state,
        signal=ending_signal(failure, ledger.end),
    )


def kernel_report(ledger: Ledger) -> KernelReport:
    """What is known of the kernel so far."""
    lease, end = ledger.lease, ledger.end or KernelEnd()
    mask = Mask(ledger.prepared.secrets.values() if ledger.prepared else ())
    return KernelReport(
        name=lease.name if lease else None,
        python=lease.python if lease else None,
        transport=lease.transport if lease else None,
        containment=lease.containment if lease else None,
        warm=lease.warm if lease else False,
        exit_code=end.exit_code,
        stderr_tail=mask.hide(end.stderr_tail),
        peak_memory_bytes=end.peak_memory_bytes,
    )


def _cleanup(end: KernelEnd | None) -> CleanupReport:
    end = end or KernelEnd()
    return CleanupReport(
        processes_ended=end.processes_ended,
        processes_left=end.processes_left,
        files_left=end.files_left,
        seconds=round(end.seconds, 4),
    )


def _cell_reports(prepared: Prepared, ledger: Ledger) -> list[CellReport]:
    reports = []
    for index, cell in enumerate(prepared.notebook.cells):
        if cell.cell_type != "code":
            continue
        outcome = ledger.outcomes.get(index) or _without_outcome(index, prepared, ledger)
        reports.append(
            CellReport(
                index=prepared.input_indices[index],
                id=cell.id,
                hash=source_hash(cell.source),
                status=outcome.status,
                duration_seconds=round(outcome.duration_seconds, 6),
                output_preview=one_line(output_text(cell)[: 4 * _PREVIEW], _PREVIEW),
            )
        )
    return reports


def _without_outcome(index: int, prepared: Prepared, ledger: Ledger) -> CellOutcome:
    if index == ledger.running:
        return CellOutcome("error")
    return CellOutcome("not_run" if index in prepared.selected else "skipped")


def output_text(cell: NotebookNode) -> str:
    """What a cell printed and showed, as plain text; images and the like by their type."""
    parts = []
    for output in cell.get("outputs", ()):
        if output.output_type == "stream":
            parts.append(plain(output.text))
        elif output.output_type == "error":
            parts.append(f"{output.ename}: {plain(output.evalue)}\n")
        elif words := words_of(output.data):
            parts.append(plain(words) + "\n")
        elif not any(mime.startswith((SCRAP_MIME, ARRAY_MIME)) for mime in output.data):
            parts.append(f"[{', '.join(telling(output.data))}]\n")
    return "".join(parts)
