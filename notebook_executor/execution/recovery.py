"""From the journal of a run that was cut off to its notebook, and to a record that tells of it.

What comes back is what the cells put out. The kernel's variables are gone with the kernel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notebook_executor.config import Settings
from notebook_executor.documents.reading import adopt, read_notebook
from notebook_executor.documents.writing import check_writable
from notebook_executor.errors import DocumentError, UsageError
from notebook_executor.execution.engine import CellOutcome
from notebook_executor.execution.failures import CellFailure, Failure
from notebook_executor.execution.journal import JournalContent, read_journal
from notebook_executor.execution.ledger import Ledger
from notebook_executor.execution.plan import Plan
from notebook_executor.execution.preparation import Prepared
from notebook_executor.execution.records import RunRecord, is_running
from notebook_executor.execution.request import RunRequest
from notebook_executor.execution.results import build_result
from notebook_executor.execution.saving import OutputFile
from notebook_executor.models import ExecutionResult, KernelReport, Record, Trigger

if TYPE_CHECKING:
    from nbformat import NotebookNode

_GONE = "Its variables are gone: run the notebook again for what comes after."


class Recovery(Record):
    """What was recovered of a run.

    Attributes:
        output_path: The notebook that was written; None where the run was cut off before there
            was anything to write.
        cells_restored: How many code cells have the outputs with which they had finished.
        cells_to_run: How many the run was to execute.
        interrupted_cell: The id of the cell that was running; what it had put out by then is in
            the notebook as far as it was on disk.
        running: The run goes on: this is how far it was, and its record is untouched.
        recorded: Whether the run's record now says how it ended.
        damaged_lines: Lines of the journal that cannot be read; one where the last was cut.
    """

    run_id: str
    output_path: str | None
    cells_restored: int
    cells_to_run: int
    interrupted_cell: str | None
    running: bool
    recorded: bool
    damaged_lines: int


@dataclass
class _Remains:
    """A run as far as its journal tells it."""

    plan: Plan
    ledger: Ledger
    content: JournalContent
    ended_at: datetime
    notebook: NotebookNode | None


def recover(record: RunRecord, output: Path | None = None) -> Recovery:
    """Rebuild a run's notebook from its journal, and record how the run ended if nothing does.

    Args:
        record: The run's.
        output: Where the notebook goes; None for where the run would have written it or, of a run
            that was to write none, into its record. A file that is named here is replaced.

    Raises:
        UsageError: The run goes on and no ``output`` was named; or it has finished, and its
            notebook is there; or nothing of it was recorded; or its place is now another's.
        DocumentError: The notebook cannot be written.
    """
    content = _read(record)
    result, running = record.read(), is_running(content.header)
    running = running and result is None
    _refuse_needless(record, result, running, output)
    remains = _remains(record, content)
    written = _write(record, remains, output)
    recorded = result is None and not running
    if recorded:
        record.write(_result(remains, written))
    return _told(record, remains, written, running, recorded)


def _read(record: RunRecord) -> JournalContent:
    try:
        content = read_journal(record.journal_file)
    except OSError as error:
        raise _nothing(record, error.strerror or str(error)) from error
    if not content.header:
        raise _nothing(record, "its journal is empty")
    return content


def _nothing(record: RunRecord, reason: str) -> UsageError:
    return UsageError(
        f"Nothing of the run {record.run_id} can be recovered: {reason}",
        hint="Run the notebook again.",
    )


def _refuse_needless(
    record: RunRecord, result: ExecutionResult | None, running: bool, output: Path | None
) -> None:
    if output is not None:
        return
    if running:
        pid = record.header().get("pid")
        raise UsageError(
            f"The run {record.run_id} is still going on (process {pid})",
            hint="--output PATH writes what it has done so far, and leaves the run alone.",
        )
    if result is not None and (not result.output_path or Path(result.output_path).exists()):
        where = f"its notebook is {result.output_path}" if result.output_path else "it wrote none"
        raise UsageError(
            f"The run {record.run_id} has finished with a result, and {where}",
            hint="--output PATH writes its notebook from the journal all the same.",
        )


def _remains(record: RunRecord, content: JournalContent) -> _Remains:
    plan = _plan(record, content)
    ended_at = datetime.fromtimestamp(record.journal_file.stat().st_mtime, UTC)
    prepared = _prepared(content)
    ledger = Ledger(record, prepared)
    ledger.calls.read(record.tools_file)
    remains = _Remains(plan, ledger, content, ended_at, prepared.notebook if prepared else None)
    if prepared is None:
        ledger.failure = _cut_off(remains)
        return remains
    ledger.source_sha256 = prepared.source_sha256
    ledger.git_commit = (content.prepared or {}).get("git_commit")
    for index, entry in sorted(content.cells.items()):
        cell = prepared.notebook.cells[index]
        _restore(cell, entry)
        if cell.cell_type == "code":
            ledger.outcomes[index] = _outcome(entry)
    ledger.running = content.running
    ledger.outputs_complete = content.running is None
    if content.running is not None:
        _restore_interrupted(prepared.notebook.cells[content.running], plan)
    failures = [outcome.failure for outcome in ledger.outcomes.values() if outcome.failure]
    ledger.failure = failures[-1] if failures else _cut_off(remains)
    return remains


def _plan(record: RunRecord, content: JournalContent) -> Plan:
    header = content.header
    source, output = header.get("input_path"), header.get("output_path")
    request = RunRequest(
        notebook=source or {},
        timeout=header.get("timeout"),
        run_timeout=header.get("run_timeout"),
        trigger=Trigger.model_validate(header.get("trigger") or {}),
        labels=header.get("labels") or None,
        sweep=header.get("sweep"),
    )
    return Plan(
        request=request,
        settings=Settings(),
        run_id=record.run_id,
        started_at=datetime.fromisoformat(header["started_at"]),
        began=0.0,
        root=record.directory,
        input_path=Path(source) if source else None,
        source=None,
        output_path=Path(output) if output else None,
        cwd=record.directory,
        parameters=None,
        python=None,
        deadline=None,
    )


def _prepared(content: JournalContent) -> Prepared | None:
    """The notebook as it went to the kernel; what contradicts it in the journal is dropped."""
    line = content.prepared
    if line is None:
        return None
    notebook = adopt(line["notebook"])
    notebook.metadata["language_info"] = content.kernel.get("language_info", {})
    for index, entry in list(content.cells.items()):
        inside = 0 <= index < len(notebook.cells)
        if not inside or notebook.cells[index].id != entry.get("id"):
            del content.cells[index]
            content.damaged += 1
    return Prepared(
        notebook=notebook,
        input_indices=tuple(line["input_indices"]),
        selected=frozenset(line["selected"]),
        parameters=line["parameters"],
        source_sha256=line["source_sha256"],
        wanted_kernel=None,
        language=line["language"],
        host_view=False,
    )


def _restore(cell: NotebookNode, entry: dict[str, Any]) -> None:
    from nbformat import from_dict

    cell["metadata"] = from_dict(entry["metadata"])
    if cell.cell_type == "code":
        cell["execution_count"] = entry["execution_count"]
        cell["outputs"] = from_dict(entry["outputs"])


def _outcome(entry: dict[str, Any]) -> CellOutcome:
    return CellOutcome(
        status=entry["status"],
        duration_seconds=entry["duration_seconds"],
        reply={"status": "ok"} if entry["replied"] else {},
        failure=_failure(entry["failure"]),
        last=entry["last"],
    )


def _failure(line: dict[str, Any] | None) -> Failure | None:
    if line is None:
        return None
    cell = CellFailure(**line["cell"]) if line["cell"] else None
    return replace(Failure(**{**line, "cell": None}), cell=cell)


def _restore_interrupted(cell: NotebookNode, plan: Plan) -> None:
    """What the cell had put out, if the file that the run refreshed while it went on has it."""
    seen = _visible(plan, plan.output_path)
    known = {found.id: found for found in seen.cells} if seen is not None else {}
    if cell.id in known and known[cell.id].source == cell.source:
        found = known[cell.id]
        cell["outputs"], cell["execution_count"] = found.outputs, found.execution_count
        cell["metadata"] = found.metadata
    cell.metadata["papermill"]["status"] = "failed"


def _visible(plan: Plan, path: Path | None) -> NotebookNode | None:
    """The notebook at a path, if it is this run's."""
    if path is None:
        return None
    try:
        notebook = read_notebook(path)
    except DocumentError:
        return None
    ours = notebook.metadata.get("nbx")
    return notebook if isinstance(ours, dict) and ours.get("run_id") == plan.run_id else None


def _cut_off(remains: _Remains) -> Failure:
    content = remains.content
    if remains.notebook is None:
        when = "before its notebook was ready to run"
    elif content.running is not None:
        when = f"while cell {remains.notebook.cells[content.running].id!r} was running"
    elif content.cells:
        when = f"after cell {remains.notebook.cells[max(content.cells)].id!r} had finished"
    else:
        when = "before its first cell"
    return Failure(
        "cancelled",
        f"The process that ran the notebook was killed {when}",
        f"What was on disk of its outputs is in the notebook. {_GONE}",
        retryable=True,
    )


def _write(record: RunRecord, remains: _Remains, output: Path | None) -> Path | None:
    notebook = remains.notebook
    if notebook is None:
        return None
    path = output or _own_place(record, remains.plan)
    began = remains.plan.started_at
    notebook.metadata.papermill.update(
        end_time=remains.ended_at.isoformat(),
        duration=max(0.0, (remains.ended_at - began).total_seconds()),
        exception=remains.ledger.failure is not None,
    )
    check_writable(path)
    OutputFile(path).write(notebook)
    return path


def _own_place(record: RunRecord, plan: Plan) -> Path:
    path = plan.output_path
    if path is None:
        return record.outputs / "notebook.ipynb"
    if path.exists() and _visible(plan, path) is None:
        raise UsageError(
            f"{path} is not this run's any more: something else was written there",
            hint="--output PATH writes the notebook elsewhere.",
        )
    return path


def _result(remains: _Remains, written: Path | None) -> ExecutionResult:
    result = build_result(remains.plan, remains.ledger, remains.ended_at, written)
    kernel = remains.content.kernel.get("kernel")
    if kernel is None:
        return result
    return result.model_copy(update={"kernel": KernelReport.model_validate(kernel)})


def _told(
    record: RunRecord, remains: _Remains, written: Path | None, running: bool, recorded: bool
) -> Recovery:
    prepared, content = remains.ledger.prepared, remains.content
    selected = prepared.selected if prepared else frozenset()
    cut = content.running
    return Recovery(
        run_id=record.run_id,
        output_path=str(written) if written else None,
        cells_restored=len(selected & content.cells.keys()),
        cells_to_run=len(selected),
        interrupted_cell=prepared.notebook.cells[cut].id if prepared and cut is not None else None,
        running=running,
        recorded=recorded,
        damaged_lines=content.damaged,
    )
