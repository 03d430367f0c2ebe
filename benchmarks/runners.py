"""The same job done by us and by each peer: run a notebook, write the executed one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

Runner = Callable[[Path, Path], None]


def run_ours(source: Path, target: Path) -> None:
    from notebook_executor import NotebookExecutor

    with NotebookExecutor(target.parent) as executor:
        executor.execute(source, target, check=True)


def run_papermill(source: Path, target: Path) -> None:
    import papermill

    logging.getLogger("papermill").setLevel(logging.WARNING)
    papermill.execute_notebook(str(source), str(target), progress_bar=False)


def run_nbclient(source: Path, target: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    node = nbformat.read(source, as_version=4)
    NotebookClient(node, timeout=300, kernel_name="python3").execute()
    nbformat.write(node, target)


RUNNERS: dict[str, Runner] = {
    "notebook_executor": run_ours,
    "papermill": run_papermill,
    "nbclient": run_nbclient,
}
