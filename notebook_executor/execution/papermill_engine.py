"""Our engine for papermill: ``papermill --engine notebook_executor`` gains our kernels.

papermill keeps its own bookkeeping here (metadata, saving, error cells); what is ours is the
kernel, its end, and timeouts that fire.

papermill loads this module while ``papermill.engines`` is half imported, and dies if this module
is half imported too. It therefore imports papermill only when it is called, and the engine has
the methods of ``papermill.engines.Engine`` without deriving from it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from notebook_executor.backends.local import LocalBackend
from notebook_executor.backends.protocol import KernelRequest, Lease
from notebook_executor.config import Settings
from notebook_executor.execution.engine import CellOutcome, Engine
from notebook_executor.execution.failures import Failure
from notebook_executor.execution.saving import Pace
from notebook_executor.execution.spilling import SpillPlace
from notebook_executor.execution.watchdog import Watchdog

if TYPE_CHECKING:
    from nbformat import NotebookNode
    from papermill.engines import NotebookExecutionManager


class NotebookExecutorEngine:
    """Executes papermill's notebooks on kernels of ours."""

    @classmethod
    def nb_kernel_name(cls, nb: NotebookNode, name: str | None = None) -> str:
        from papermill.utils import nb_kernel_name

        return str(nb_kernel_name(nb, name))

    @classmethod
    def nb_language(cls, nb: NotebookNode, language: str | None = None) -> str:
        from papermill.utils import nb_language

        return str(nb_language(nb, language))

    @classmethod
    def execute_notebook(
        cls,
        nb: NotebookNode,
        kernel_name: str,
        output_path: str | None = None,
        progress_bar: bool | dict[str, Any] = True,
        log_output: bool = False,
        autosave_cell_every: int = 30,
        **options: Any,
    ) -> NotebookNode:
        """Execute a notebook within papermill's bookkeeping; called by papermill."""
        from papermill.engines import NotebookExecutionManager

        manager = NotebookExecutionManager(
            nb,
            output_path=output_path,
            log_output=log_output,
            progress_bar=progress_bar,
            autosave_cell_every=autosave_cell_every,
        )
        manager.notebook_start()
        try:
            cls.execute_managed_notebook(manager, kernel_name, log_output=log_output, **options)
        finally:
            manager.cleanup_pbar()
            manager.notebook_complete()
        executed: NotebookNode = manager.nb
        return executed

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        log_output: bool = False,
        stdout_file: TextIO | None = None,
        stderr_file: TextIO | None = None,
        start_timeout: float = 60,
        execution_timeout: float | None = None,
        **options: Any,
    ) -> None:
        """Execute the notebook that ``nb_man`` holds.

        Args:
            nb_man: papermill's bookkeeping.
            kernel_name: The kernelspec that papermill chose.
            log_output: Whether outputs go to papermill's log.
            stdout_file: Gets what the notebook prints.
            stderr_file: Gets what it prints to stderr.
            start_timeout: Seconds for the kernel to answer.
            execution_timeout: Seconds a cell may take; None for no limit.
            options: What papermill passes for its own engine; of these ``timeout`` is honoured.

        Raises:
            CellTimeoutError: nbclient's, as papermill's own engine raises it.
            DeadKernelError: nbclient's, likewise.
        """
        settings = Settings()
        request = KernelRequest(
            kernel_name=None,
            wanted=kernel_name,
            language=nb_man.nb.metadata.get("language_info", {}).get("name", ""),
            python=None,
            # papermill has changed the working directory of the process to its cwd by now.
            cwd=Path.cwd(),
            env=dict(os.environ),
            start_timeout=start_timeout,
        )
        timeout = execution_timeout or options.get("timeout") or None
        observer = _Observer(nb_man, log_output, stdout_file, stderr_file)
        with closing(LocalBackend()) as backend, backend.lease(request) as lease:
            observer.tell(lease.warnings)
            with Watchdog(lease.handle, timeout, None, settings) as watchdog:
                place = SpillPlace(None, None)
                engine = Engine(lease, watchdog, observer, place, settings.iopub_timeout)
                failure = engine.run(nb_man.nb)
            if failure is not None:
                _raise(failure, lease, nb_man.nb, timeout)


def _raise(failure: Failure, lease: Lease, notebook: NotebookNode, timeout: Any) -> None:
    """papermill finds errors in the outputs by itself; timeouts and deaths it must be told of."""
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    if failure.kind == "cell_timeout" and failure.cell is not None:
        lease.handle.busy = lease.handle.busy or failure.signal != "SIGINT"
        cell = notebook.cells[failure.cell.output_index]
        raise CellTimeoutError.error_from_timeout_and_cell(
            "Cell execution timed out", timeout, cell
        )
    if failure.kind == "kernel_died":
        raise DeadKernelError("Kernel died")


class _Observer:
    """Tells papermill's bookkeeping of each cell."""

    def __init__(
        self,
        manager: NotebookExecutionManager,
        log_output: bool,
        stdout_file: TextIO | None,
        stderr_file: TextIO | None,
    ) -> None:
        self._manager = manager
        self._log_output = log_output
        self._pace = Pace()
        self._files = {"stdout": stdout_file, "stderr": stderr_file}

    def cell_started(self, index: int, cell: NotebookNode) -> None:
        self._manager.cell_start(cell, index)

    def output(self, index: int, output: NotebookNode, sync: Callable[[], None]) -> None:
        self.quiet(sync)
        if output.output_type == "stream":
            file = self._files.get(output.name)
            if file is not None:
                file.write(output.text)
                file.flush()
            if self._log_output:
                self._log(output.text, warning=output.name == "stderr")
        elif self._log_output and "text/plain" in output.get("data", {}):
            self._log(output.data["text/plain"])

    def tell(self, warnings: tuple[str, ...]) -> None:
        for warning in warnings:
            self._log(warning, warning=True)

    def quiet(self, sync: Callable[[], None]) -> None:
        if self._pace.due:
            with self._pace.spend():
                sync()
                self._manager.autosave_cell()

    def _log(self, text: str, warning: bool = False) -> None:
        from papermill.log import logger

        (logger.warning if warning else logger.info)("".join(text))

    def late(self, index: int) -> None: ...

    def underway(self) -> None: ...

    def cell_finished(self, index: int, cell: NotebookNode, outcome: CellOutcome) -> None:
        if outcome.failure is not None:
            self._manager.cell_exception(cell, cell_index=index)
        self._manager.cell_complete(cell, cell_index=index)
