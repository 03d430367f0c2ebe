"""The same job done by us and by each peer: run a notebook, write the executed one.

Each runner imports its package when it is opened, and holds nothing of it once it is left.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from notebook_executor.lifecycle.warm import Warmth

Run = Callable[[Path, Path], object]
Runner = Callable[[Path], AbstractContextManager[Run]]

OURS = "notebook_executor"


@contextmanager
def ours(root: Path, warm: Warmth = "auto") -> Iterator[Run]:
    from notebook_executor import NotebookExecutor

    with NotebookExecutor(root, warm=warm) as executor:
        yield lambda source, target: executor.execute(source, target, check=True)


@contextmanager
def papermill(root: Path) -> Iterator[Run]:
    import papermill

    logging.getLogger("papermill").setLevel(logging.WARNING)

    def run(source: Path, target: Path) -> None:
        papermill.execute_notebook(str(source), str(target), progress_bar=False)

    yield run


@contextmanager
def nbclient(root: Path) -> Iterator[Run]:
    import nbformat
    from nbclient import NotebookClient

    def run(source: Path, target: Path) -> None:
        node = nbformat.read(source, as_version=4)
        NotebookClient(node, timeout=300, kernel_name="python3").execute()
        nbformat.write(node, target)

    yield run


@contextmanager
def nbconvert(root: Path) -> Iterator[Run]:
    import nbformat
    from nbconvert.preprocessors import ExecutePreprocessor

    def run(source: Path, target: Path) -> None:
        node = nbformat.read(source, as_version=4)
        executed, _ = ExecutePreprocessor(timeout=300).preprocess(node, {})  # type: ignore[no-untyped-call]
        nbformat.write(executed, target)

    yield run


@contextmanager
def ploomber_engine(root: Path) -> Iterator[Run]:
    """In this very process: no kernel, no isolation. What remains is the cells' own time."""
    from ploomber_engine import execute_notebook

    def run(source: Path, target: Path) -> None:
        execute_notebook(source, target, progress_bar=False, log_output=False)

    yield run


RUNNERS: dict[str, Runner] = {
    OURS: ours,
    "papermill": papermill,
    "nbclient": nbclient,
    "nbconvert": nbconvert,
    "ploomber_engine": ploomber_engine,
}
