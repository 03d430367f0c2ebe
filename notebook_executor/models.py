"""The run's contract: what goes in, what comes out, and the JSON of both.

Every model here is frozen, reads as a mapping too (``result["failed_cell"]["index"]``), and its
JSON is part of the public contract: ``docs/execution-result.schema.json`` is made from it.
"""

from __future__ import annotations

from collections.abc import Iterator, KeysView, Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from notebook_executor import briefing, errors
from notebook_executor.nbformat_loading import load_nbformat
from notebook_executor.references import Scraps
from notebook_executor.text import storable

if TYPE_CHECKING:
    from nbformat import NotebookNode

ErrorKind = Literal[
    "cell_error",
    "cell_timeout",
    "run_timeout",
    "kernel_died",
    "out_of_memory",
    "resource_limit",
    "kernel_start",
    "invalid_parameters",
    "invalid_notebook",
    "not_found",
    "output_error",
    "stdin_requested",
    "tool_denied",
    "replay_mismatch",
    "cancelled",
    "internal",
]
CellStatus = Literal["ok", "error", "timeout", "skipped", "not_run", "expected_error"]
TriggerKind = Literal["api", "cli", "schedule", "review", "mcp", "session"]

_EXCEPTIONS: dict[str, type[errors.NotebookExecutorError]] = {
    "cell_error": errors.CellFailedError,
    "stdin_requested": errors.CellFailedError,
    "cell_timeout": errors.CellTimeoutError,
    "run_timeout": errors.RunTimeoutError,
    "kernel_died": errors.KernelDiedError,
    "out_of_memory": errors.KernelDiedError,
    "resource_limit": errors.KernelDiedError,
    "kernel_start": errors.KernelStartError,
    "invalid_parameters": errors.ParameterError,
    "invalid_notebook": errors.DocumentError,
    "not_found": errors.DocumentError,
    "output_error": errors.DocumentError,
    "tool_denied": errors.ToolDeniedError,
    "replay_mismatch": errors.ReplayMismatchError,
}


class Record(BaseModel):
    """A frozen model that also reads as a mapping of its JSON names.

    Text that cannot be written as UTF-8 (lone surrogates) is replaced when a record is made, so
    that every record can be written.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, serialize_by_alias=True
    )

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, data: Any) -> Any:
        return storable(data) if isinstance(data, Mapping) else data

    @classmethod
    def _attribute(cls, key: str) -> str:
        names = {field.alias or name: name for name, field in cls.model_fields.items()}
        return names[key]

    def __getitem__(self, key: str) -> Any:
        return getattr(self, self._attribute(key))

    def get(self, key: str, default: Any = None) -> Any:
        return self[key] if key in self else default

    def __contains__(self, key: object) -> bool:
        return key in self.keys()

    def __len__(self) -> int:
        return len(self.keys())

    # BaseModel iterates over pairs; a mapping iterates over its keys.
    def __iter__(self) -> Iterator[str]:  # type: ignore[override]
        return iter(self.keys())

    def keys(self) -> KeysView[str]:
        fields = type(self).model_fields.items()
        return dict.fromkeys(field.alias or name for name, field in fields).keys()

    def values(self) -> list[Any]:
        return [self[key] for key in self.keys()]

    def items(self) -> list[tuple[str, Any]]:
        return [(key, self[key]) for key in self.keys()]

    def to_json(self, *, indent: int | None = None) -> str:
        """The record as JSON text; NaN and infinity become null."""
        return self.model_dump_json(indent=indent)


Mapping.register(Record)


class FailedCell(Record):
    """The cell that ended the run; on a timeout or a kernel's death, the one that was running."""

    index: int | None  # in the input notebook; None for the injected parameters cell
    output_index: int  # in the executed notebook
    id: str
    hash: str
    line: int | None  # 1-based line of the source that raised
    source: str
    ename: str
    evalue: str
    traceback: str  # plain text, no ANSI
    output_tail: str


class RunError(Record):
    """Why a run did not succeed, and what to do about it."""

    kind: ErrorKind
    message: str
    hint: str = ""
    retryable: bool = False
    state: Literal["live", "lost"] = "lost"  # had the kernel its variables after the failure?
    signal: str | None = None  # the signal that ended the cell or the kernel: "SIGINT", "SIGKILL"


class Event(Record):
    """One step of a run, as it happens.

    Attributes:
        index: The cell, in the input notebook; None where the event is of no cell, or of the
            injected parameters cell.
        data: ``run_started``: input_path, output_path, cells (how many will run).
            ``cell_started``: source. ``output``: output_type, name, text.
            ``cell_finished``: status, duration_seconds. ``tool_call``: the fields of ``ToolCall``.
            ``warning``: message.
            ``run_finished``: status, duration_seconds, output_path.
    """

    kind: Literal[
        "run_started",
        "kernel_ready",
        "cell_started",
        "output",
        "cell_finished",
        "tool_call",
        "warning",
        "run_finished",
    ]
    run_id: str
    at: datetime
    index: int | None = None
    cell_id: str | None = None
    data: dict[str, Any] = Field(default_factory=dict)


class Trigger(Record):
    """What started a run."""

    kind: TriggerKind = "api"
    name: str | None = None
    scheduled_at: datetime | None = None
    attempt: int = 1


class KernelReport(Record):
    """The kernel a run had."""

    name: str | None = None
    python: str | None = None
    transport: Literal["ipc", "tcp"] | None = None
    containment: Literal["namespace", "subreaper", "best_effort"] | None = None
    sandbox: str | None = None
    warm: bool = False
    exit_code: int | None = None
    stderr_tail: str = ""
    peak_memory_bytes: int = 0


class CellReport(Record):
    """One code cell's outcome."""

    index: int | None
    id: str
    hash: str
    status: CellStatus
    duration_seconds: float
    output_preview: str = Field("", max_length=200)


class ToolCall(Record):
    """One tool call that the notebook made."""

    cell_id: str | None
    tool: str
    arguments: dict[str, Any]
    outcome: Literal["ok", "error", "denied"]
    replayed: bool
    duration_seconds: float
    bytes: int


class SessionReport(Record):
    """The session that keeps the kernel after the run."""

    id: str
    expires_at: datetime | None


class ResumedReport(Record):
    """The run that this one goes on from."""

    run_id: str
    mode: Literal["live", "rerun"]
    first_cell: str | None


class CleanupReport(Record):
    """What the teardown ended, and what it could not."""

    processes_ended: int = 0
    processes_left: int = 0
    processes_kept: int = 0
    files_left: int = 0
    seconds: float = 0.0


class ExecutionResult(Record):
    """The one result of a run, whatever happened.

    ``str(result)`` stays below 1,000 characters; ``for_llm`` below the budget it is given.
    """

    # BaseModel has a deprecated method called schema, hence the alias.
    schema_: Literal[1] = Field(1, alias="schema")
    status: Literal["success", "error"]
    duration_seconds: float
    cells_executed: int
    failed_cell: FailedCell | None = None
    scraps: Scraps = Field(default_factory=Scraps)
    error: RunError | None = None
    run_id: str
    started_at: datetime
    finished_at: datetime
    trigger: Trigger = Field(default_factory=Trigger)
    labels: dict[str, str] = Field(default_factory=dict)
    sweep: str | None = None
    input_path: str | None
    output_path: str | None
    source_sha256: str | None
    git_commit: str | None
    parameters: dict[str, Any] = Field(default_factory=dict)
    kernel: KernelReport = Field(default_factory=KernelReport)
    cells: tuple[CellReport, ...] = ()
    outputs_complete: bool = True
    tool_calls: tuple[ToolCall, ...] = ()
    session: SessionReport | None = None
    resumed: ResumedReport | None = None
    cleanup: CleanupReport = Field(default_factory=CleanupReport)
    warnings: tuple[str, ...] = ()

    _notebook: Any = PrivateAttr(default=None)

    def __eq__(self, other: object) -> bool:
        """Whether two results say the same, whether or not they hold their notebooks."""
        if not isinstance(other, ExecutionResult):
            return NotImplemented
        return self.model_dump() == other.model_dump()

    __hash__ = None  # type: ignore[assignment]

    @property
    def ok(self) -> bool:
        return self.status == "success"

    @cached_property
    def notebook(self) -> NotebookNode | None:
        """The executed notebook, on failure too; None when the input could not be read.

        A result that comes from a record reads it from ``output_path``.
        """
        held: NotebookNode | None = self._notebook
        if held is not None or not self.output_path:
            return held
        path = Path(self.output_path)
        if not path.exists():
            return None
        load_nbformat()
        import nbformat

        notebook: NotebookNode = nbformat.read(path, as_version=4)
        return notebook

    def with_notebook(self, notebook: NotebookNode | None) -> ExecutionResult:
        """This result, holding the executed notebook in memory."""
        self._notebook = notebook
        return self

    def raise_for_error(self) -> ExecutionResult:
        """Raise the exception that belongs to ``error.kind``; return the result if there is none.

        Raises:
            NotebookExecutorError: The class of the tree in ``notebook_executor.errors`` that fits;
                ``details["result"]`` is this result.
        """
        if self.error is None:
            return self
        cls = _EXCEPTIONS.get(self.error.kind, errors.NotebookExecutorError)
        raise cls(self.error.message, hint=self.error.hint, kind=self.error.kind, result=self)

    def for_llm(self, max_chars: int = 4000) -> str:
        """A bounded account of the run, what matters most first.

        Args:
            max_chars: The budget in characters; never exceeded.
        """
        return briefing.brief(self, max_chars)

    def __str__(self) -> str:
        return briefing.brief(self, 1000)
