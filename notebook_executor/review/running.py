"""The runs of a review: as any other, but the executed notebook lies in the run's own record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from notebook_executor.backends.protocol import Backend
from notebook_executor.config import Settings
from notebook_executor.execution.cancelling import Cancellation
from notebook_executor.execution.request import RunRequest
from notebook_executor.execution.run import begin_run, run_notebook
from notebook_executor.models import ExecutionResult

_NOTEBOOK = "notebook.ipynb"


@dataclass(frozen=True)
class Runner:
    """Runs what a review asks for.

    Attributes:
        root: The caller's project, whose ``.nbx`` has the records.
        settings: The operator's.
        supply: Gives the backend, which makes ready for a request.
        cancellation: Of the whole review.
        adopt: Adds to a request what the executor says where it says nothing.
    """

    root: Path
    settings: Settings
    supply: Callable[[RunRequest], Backend]
    cancellation: Cancellation
    adopt: Callable[[RunRequest], RunRequest]

    def __call__(self, request: RunRequest) -> ExecutionResult:
        request = self.adopt(request)
        backend = self.supply(request)
        begun = begin_run(replace(request, output_path=False), self.root, self.settings)
        if begun.record is not None:
            output = begun.record.outputs / _NOTEBOOK
            begun = replace(begun, plan=replace(begun.plan, output_path=output))
        return run_notebook(begun, backend, self.cancellation)
