"""Results of points that have not run, or whose run was lost."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from notebook_executor.execution.plan import new_run_id
from notebook_executor.execution.request import RunRequest
from notebook_executor.models import ErrorKind, ExecutionResult, RunError
from notebook_executor.text import json_form

_HINTS: dict[ErrorKind, str] = {
    "cancelled": "Run the sweep again under the same name: what has succeeded is skipped.",
    "internal": "See what became of the executor's workers; a run that had begun is recorded.",
}


def without_run(request: RunRequest, root: Path, kind: ErrorKind, message: str) -> ExecutionResult:
    """The result of a point without a run; it is not recorded."""
    now = datetime.now(UTC)
    given = request.parameters
    return ExecutionResult(
        status="error",
        duration_seconds=0.0,
        cells_executed=0,
        error=RunError(kind=kind, message=message, hint=_HINTS.get(kind, ""), retryable=True),
        run_id=new_run_id(now),
        started_at=now,
        finished_at=now,
        trigger=request.trigger,
        labels=dict(request.labels or {}),
        sweep=request.sweep,
        input_path=None if request.node is not None else os.path.abspath(root / request.path),
        output_path=None,
        source_sha256=None,
        git_commit=None,
        parameters=json_form(dict(given)) if isinstance(given, Mapping) else {},
    )
