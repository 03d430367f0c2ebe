"""What is known of a run while it goes on; it survives any way of leaving it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from notebook_executor.backends.protocol import Lease
from notebook_executor.bundles import words_of
from notebook_executor.execution.engine import CellOutcome
from notebook_executor.execution.failures import Failure
from notebook_executor.execution.journal import Journal
from notebook_executor.execution.preparation import Prepared
from notebook_executor.execution.records import RunRecord
from notebook_executor.execution.saving import OutputFile, Pace
from notebook_executor.execution.tool_calls import CallLog, CellCalls
from notebook_executor.lifecycle.kernel import KernelEnd
from notebook_executor.models import Event

if TYPE_CHECKING:
    from nbformat import NotebookNode


@dataclass
class Ledger:
    """Collected while the run goes forward; read once, after teardown, to build the result."""

    record: RunRecord | None = None
    prepared: Prepared | None = None
    source_sha256: str | None = None
    git_commit: str | None = None
    withheld: list[str] = field(default_factory=list)
    file: OutputFile | None = None
    lease: Lease | None = None
    end: KernelEnd | None = None
    failure: Failure | None = None
    outcomes: dict[int, CellOutcome] = field(default_factory=dict)
    running: int | None = None
    outputs_complete: bool = True
    calls: CallLog = field(default_factory=CallLog)
    warnings: list[str] = field(default_factory=list)


class Events:
    """Tells all who listen of each step; a callback that raises is not called again.

    Args:
        callbacks: They run on the run's thread and delay the run.
        run_id: Goes into each event.
        warnings: Where a failing callback is noted.
    """

    def __init__(
        self, callbacks: Iterable[Callable[[Event], None]], run_id: str, warnings: list[str]
    ) -> None:
        self._callbacks = tuple(callbacks)
        self._run_id = run_id
        self._warnings = warnings

    @property
    def wanted(self) -> bool:
        return bool(self._callbacks)

    def warn(self, message: str) -> None:
        """Note a warning for the result, and tell the caller of it now."""
        self._warnings.append(message)
        self.emit("warning", message=message)

    def emit(
        self, kind: Any, *, index: int | None = None, cell_id: str | None = None, **data: Any
    ) -> None:
        if not self._callbacks:
            return
        event = Event(
            kind=kind,
            run_id=self._run_id,
            at=datetime.now(UTC),
            index=index,
            cell_id=cell_id,
            data=data,
        )
        for callback in self._callbacks:
            try:
                callback(event)
            except Exception as error:
                self._callbacks = tuple(other for other in self._callbacks if other != callback)
                self._warnings.append(f"on_event raised {error!r} and was not called again.")


class Recorder:
    """The engine's observer in ``execute``: metadata, journal, visible file, events, outcomes."""

    def __init__(
        self,
        ledger: Ledger,
        prepared: Prepared,
        journal: Journal | None,
        events: Events,
    ) -> None:
        self._ledger = ledger
        self._prepared = prepared
        self._journal = journal
        self._file = ledger.file
        self._events = events
        self._calls = CellCalls(ledger.calls, events)
        self._started: datetime | None = None
        self._unsaved = False
        self._late: set[int] = set()
        self._late_pace = Pace()

    def cell_started(self, index: int, cell: NotebookNode) -> None:
        self._started = datetime.now(UTC)
        self._changes(index)
        cell.metadata.papermill.update(
            start_time=self._started.isoformat(), status="running", exception=False
        )
        if cell.cell_type == "code":
            self._ledger.running = index
            if self._journal is not None:
                self._journal.running(index)
            self._emit("cell_started", index, cell, source=cell.source)

    def _changes(self, index: int) -> None:
        if self._file is not None:
            self._file.changes(index)

    def late(self, index: int) -> None:
        self._late.add(index)
        self._changes(index)

    def output(self, index: int, output: NotebookNode, sync: Callable[[], None]) -> None:
        self._pass_calls_on()
        if self._events.wanted:
            cell = self._prepared.notebook.cells[index]
            self._emit("output", index, cell, **_shown(output))
        self._unsaved = True
        self.quiet(sync)

    def quiet(self, sync: Callable[[], None]) -> None:
        self._pass_calls_on()
        if self._journal is not None:
            self._journal.force()
        if self._unsaved and self._file is not None and self._file.due:
            sync()
            self._file.refresh(self._prepared.notebook)
            self._unsaved = False

    def underway(self) -> None:
        # The kernel works meanwhile: only what the journal promises is done between two cells.
        if self._journal is not None:
            self._journal.force()
        if self._file is not None:
            self._file.catch_up(self._prepared.notebook)
            self._file.refresh(self._prepared.notebook)

    def cell_finished(self, index: int, cell: NotebookNode, outcome: CellOutcome) -> None:
        if self._started is not None:
            _complete(cell, self._started, outcome)
            if outcome.failure is not None:
                self._prepared.notebook.metadata.papermill["exception"] = True
        self._started = None
        self._calls.note(self._prepared.input_indices[index], cell)
        self._ledger.running = None
        self._journal_finished(index, cell, outcome)
        if cell.cell_type == "code":
            self._ledger.outcomes[index] = outcome
            self._emit(
                "cell_finished",
                index,
                cell,
                status=outcome.status,
                duration_seconds=outcome.duration_seconds,
            )
        if self._file is not None:
            self._file.finished(index)

    def _journal_finished(self, index: int, cell: NotebookNode, outcome: CellOutcome) -> None:
        if self._journal is None:
            return
        self._journal.finished(index, cell, outcome)
        if self._late and self._late_pace.due:
            with self._late_pace.spend():
                self._journal_late(self._journal)

    def close(self) -> None:
        """Complete the journal; nothing may be told afterwards."""
        if self._journal is not None:
            self._journal_late(self._journal)
            self._journal.close()

    def _journal_late(self, journal: Journal) -> None:
        """Earlier cells whose outputs have changed: again whole, so not after each cell."""
        for index in sorted(self._late):
            if index in self._ledger.outcomes:
                cell = self._prepared.notebook.cells[index]
                journal.finished(index, cell, self._ledger.outcomes[index])
        self._late.clear()

    def _pass_calls_on(self) -> None:
        running = self._ledger.running
        if running is not None:
            cell = self._prepared.notebook.cells[running]
            self._calls.pass_on(self._prepared.input_indices[running], cell)

    def _emit(self, kind: str, index: int, cell: NotebookNode, **data: Any) -> None:
        self._events.emit(kind, index=self._prepared.input_indices[index], cell_id=cell.id, **data)


def _complete(cell: NotebookNode, started: datetime, outcome: CellOutcome) -> None:
    if outcome.status == "not_run":
        cell.metadata.papermill.update(start_time=None, status="pending", exception=None)
        return
    failed = outcome.failure is not None
    ended = datetime.now(UTC)
    cell.metadata.papermill.update(
        end_time=ended.isoformat(),
        duration=(ended - started).total_seconds(),
        status="failed" if failed else "completed",
    )
    if failed:
        cell.metadata.papermill["exception"] = True


def _shown(output: NotebookNode) -> dict[str, Any]:
    if output.output_type == "stream":
        return {"output_type": "stream", "name": output.name, "text": output.text}
    if output.output_type == "error":
        text = f"{output.ename}: {output.evalue}"
        return {"output_type": "error", "name": None, "text": text}
    return {"output_type": output.output_type, "name": None, "text": words_of(output.data)}
