"""A notebook with its parameters injected, written without being run: papermill's prepare-only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from notebook_executor.config import Settings
from notebook_executor.execution.plan import make_plan
from notebook_executor.execution.preparation import prepare, read_source
from notebook_executor.execution.request import RunRequest

if TYPE_CHECKING:
    from nbformat import NotebookNode


def prepare_notebook(request: RunRequest, root: Path, settings: Settings) -> NotebookNode:
    """The notebook that a run of this request would execute; nothing is run, written or recorded.

    Raises:
        ParameterError: A parameter is unknown or would not arrive as passed.
        DocumentError: The notebook, or the selection of its cells, is not valid.
    """
    plan = make_plan(request, root, settings)
    notebook, source_sha256 = read_source(plan)
    prepared = prepare(plan, notebook, source_sha256).notebook
    # It names a run, and there is none.
    prepared.metadata.nbx.pop("run_id")
    if not prepared.metadata.nbx:
        del prepared.metadata["nbx"]
    return prepared
