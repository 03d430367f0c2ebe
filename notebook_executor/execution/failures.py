"""The one failure value of a run, and how foreign exceptions become one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from notebook_executor.errors import (
    DocumentError,
    KernelStartError,
    NotebookExecutorError,
    ParameterError,
    ReplayMismatchError,
    ToolError,
)
from notebook_executor.models import ErrorKind


@dataclass(frozen=True)
class CellFailure:
    """What is known of the cell that failed, or that was running."""

    output_index: int
    ename: str
    evalue: str
    traceback: str = ""
    line: int | None = None


@dataclass(frozen=True)
class Failure:
    """Why a run did not succeed; the fields of ``models.RunError``, and the cell.

    Attributes:
        reason: Why a run was cancelled, in the words of who did.
    """

    kind: ErrorKind
    message: str
    hint: str = ""
    retryable: bool = False
    state: Literal["live", "lost"] = "lost"
    signal: str | None = None
    cell: CellFailure | None = None
    reason: str = ""

    def at(self, cell: CellFailure) -> Failure:
        return replace(self, cell=cell)


def from_exception(error: Exception) -> Failure:
    """The failure that belongs to an exception of ours; anything else is an internal one."""
    if isinstance(error, KernelStartError):
        retryable = bool(error.details.get("retryable", False))
        return Failure("kernel_start", error.message, error.hint, retryable=retryable)
    if isinstance(error, ParameterError):
        return Failure("invalid_parameters", error.message, error.hint)
    if isinstance(error, DocumentError):
        return Failure(error.details.get("kind", "invalid_notebook"), error.message, error.hint)
    if isinstance(error, ReplayMismatchError):
        return Failure("replay_mismatch", error.message, error.hint)
    if isinstance(error, ToolError):  # of no call: tools that were given cannot be had
        return Failure("tool_denied", error.message, error.hint, retryable=True)
    if isinstance(error, NotebookExecutorError):
        return Failure("internal", error.message, error.hint, retryable=True)
    return Failure(
        "internal",
        f"{type(error).__name__}: {error}",
        "This is a defect of notebook_executor; please report it with the traceback in the "
        "run's record.",
        retryable=True,
    )


def interrupted(error: BaseException) -> Failure:
    return Failure(
        "cancelled",
        f"The run was interrupted ({type(error).__name__})",
        "What had finished is in the notebook.",
    )
