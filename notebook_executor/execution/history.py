"""The runs recorded in a project, a row each: as a list, and as a table."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from pydantic import Field

from notebook_executor.errors import UsageError
from notebook_executor.execution.records import RunRecord, is_running, iter_records
from notebook_executor.models import ExecutionResult, Record

if TYPE_CHECKING:
    from pandas import DataFrame

RunStatus = Literal["success", "error", "running", "cut off", "unreadable"]
StatusFilter = Literal["success", "error", "running", "interrupted"]
FILTERS: tuple[StatusFilter, ...] = ("success", "error", "running", "interrupted")


class RunRow(Record):
    """A recorded run.

    Attributes:
        status: ``success`` or ``error``; ``running``; ``cut off`` where the process that ran it
            is gone and left no result; ``unreadable`` where its record is.
        schedule: The entry that had it run.
        scheduled_at: The due time that it was run for.
    """

    run_id: str
    started_at: datetime | None = None
    status: RunStatus
    error_kind: str | None = None
    duration_seconds: float | None = None
    input_path: str | None = None
    output_path: str | None = None
    sweep: str | None = None
    schedule: str | None = None
    scheduled_at: datetime | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    scraps: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def of(cls, result: ExecutionResult) -> RunRow:
        return cls(
            run_id=result.run_id,
            started_at=result.started_at,
            status=result.status,
            error_kind=result.error.kind if result.error else None,
            duration_seconds=result.duration_seconds,
            input_path=result.input_path,
            output_path=result.output_path,
            sweep=result.sweep,
            schedule=result.trigger.name if result.trigger.kind == "schedule" else None,
            scheduled_at=result.trigger.scheduled_at,
            parameters=result.parameters,
            scraps=dict(result.scraps),
        )

    def has(self, status: StatusFilter | None) -> bool:
        """Whether the run is one of those that a status asks for; ``interrupted`` are two kinds."""
        if status == "interrupted":
            return self.status == "cut off" or self.error_kind == "cancelled"
        return status is None or self.status == status


class Runs(Sequence[RunRow]):
    """Recorded runs, the newest first."""

    def __init__(self, rows: Iterable[RunRow]) -> None:
        self._rows = tuple(rows)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> RunRow: ...
    @overload
    def __getitem__(self, index: slice) -> Runs: ...
    def __getitem__(self, index: int | slice) -> RunRow | Runs:
        return Runs(self._rows[index]) if isinstance(index, slice) else self._rows[index]

    def __repr__(self) -> str:
        return f"<Runs: {len(self)}>"

    def to_dataframe(self) -> DataFrame:
        """A row for each run, a column for each parameter and scrap.

        Raises:
            UsageError: pandas is not installed.
        """
        return table_of(self)


def table_of(rows: Iterable[RunRow]) -> DataFrame:
    """Runs as a DataFrame.

    Its columns are ``run_id, started_at, status, error_kind, duration_seconds``, then
    ``parameters.NAME`` and ``scraps.NAME`` for each name that a run has.

    Raises:
        UsageError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise UsageError(
            "A table needs pandas, which is not installed",
            hint="pip install 'notebook_executor[tables]'",
        ) from error
    fixed = ["run_id", "started_at", "status", "error_kind", "duration_seconds"]
    rows = list(rows)
    records = [
        {name: row[name] for name in fixed} | spread("parameters", row) | spread("scraps", row)
        for row in rows
    ]
    more = [*_names("parameters", rows), *_names("scraps", rows)]
    return pandas.DataFrame(records, columns=[*fixed, *more])


def spread(group: str, row: RunRow) -> dict[str, Any]:
    """The columns that a run has of its parameters, or of its scraps."""
    return {f"{group}.{name}": value for name, value in row[group].items()}


def _names(group: str, rows: Iterable[RunRow]) -> dict[str, None]:
    return dict.fromkeys(name for row in rows for name in spread(group, row))


def list_runs(
    root: Path,
    state_dir: str | None,
    *,
    notebook: Path | None = None,
    since: datetime | None = None,
    status: StatusFilter | None = None,
    sweep: str | None = None,
    schedule: str | None = None,
) -> Iterator[RunRow]:
    """The runs recorded for a root, the newest first; read one by one.

    Args:
        root: The project.
        state_dir: Where runs are recorded that could not be in the project.
        notebook: Only runs of this file.
        since: Only runs that were asked for since; a time without zone is a local one.
        status: Only these.
        sweep: Only runs of the sweep of this name.
        schedule: Only runs of the entry of this name.

    Raises:
        UsageError: There is no such status.
    """
    if status is not None and status not in FILTERS:
        raise UsageError(f"No run has the status {status!r}", hint=f"Use {', '.join(FILTERS)}.")
    # The ids say when: what is older need not be read.
    first = "" if since is None else f"{since.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    recent: Iterator[RunRecord] = itertools.takewhile(
        lambda record: record.run_id >= first, iter_records(root, state_dir)
    )
    if schedule is not None:
        # Whose a run is stands in a line that is quickly read; its result may be long.
        recent = (r for r in recent if _entry_of(r.header()) in (schedule, None))
    for row in map(row_of, recent):
        of_notebook = notebook is None or row.input_path == str(notebook)
        of_sweep = sweep is None or row.sweep == sweep
        of_schedule = schedule is None or row.schedule == schedule
        if of_notebook and of_sweep and of_schedule and row.has(status):
            yield row


def _entry_of(header: dict[str, Any]) -> str | None:
    """The entry that a run is of, as its journal has it; None where that does not say it."""
    trigger = header.get("trigger")
    if not isinstance(trigger, dict):
        return None
    return trigger.get("name") if trigger.get("kind") == "schedule" else ""


def row_of(record: RunRecord) -> RunRow:
    """What there is to say of a recorded run, whatever became of it."""
    try:
        result = record.read()
    except UsageError:
        return RunRow(run_id=record.run_id, status="unreadable")
    if result is not None:
        return RunRow.of(result)
    header = record.header()
    return RunRow(
        run_id=record.run_id,
        started_at=header.get("started_at"),
        status="running" if is_running(header) else "cut off",
        input_path=header.get("input_path"),
        output_path=header.get("output_path"),
        sweep=header.get("sweep"),
        schedule=_entry_of(header) or None,
        scheduled_at=(header.get("trigger") or {}).get("scheduled_at"),
    )
