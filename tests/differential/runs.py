"""Runs a case with stock papermill or with ours, and keeps what it left behind."""

from __future__ import annotations

import asyncio
import contextvars
import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from jupyter_core.utils import ensure_event_loop
from nbformat.v4.rwbase import rejoin_lines
from papermill import execute_notebook
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from notebook_executor import ExecutionResult, NotebookExecutor

from .cases import Case, Json


@dataclass(frozen=True)
class Run:
    """What a run left: its outcome, its failed cell, and the notebook that lies in the file.

    Attributes:
        failure: ``index`` in the executed notebook, ``ename``, ``evalue``; None on success.
        notebook: None where no file was written, or none that can be read.
        folder: Where the notebook lay.
    """

    outcome: str
    failure: Json | None
    notebook: Json | None
    folder: Path


def run_stock(case: Case, folder: Path, **overrides: Any) -> Run:
    """Run a case with papermill as it is, in this process.

    Args:
        overrides: Arguments to use instead; ``input_path`` is relative to the folder.
    """
    source, output = _lay_out(case, folder)
    arguments: dict[str, Any] = {
        "kernel_name": case.kernel_name,
        "cwd": folder if case.stock_in_folder else None,
        **overrides,
    }
    arguments["input_path"] = folder / arguments.get("input_path", source.name)
    arguments["output_path"] = output
    failure = contextvars.copy_context().run(_papermill_failure, case, arguments)
    return Run("error" if failure else "success", failure, _read(output), folder)


def run_ours(case: Case, folder: Path) -> tuple[Run, ExecutionResult]:
    source, output = _lay_out(case, folder)
    with NotebookExecutor(root=folder) as executor:
        result = executor.execute(
            source, output, parameters=case.parameters, kernel_name=case.kernel_name
        )
    outcome = "success" if result.ok else "error"
    return Run(outcome, _failure(result), _read(output), folder), result


def _papermill_failure(case: Case, arguments: dict[str, Any]) -> Json | None:
    """Execute and say what papermill raised; in a context of its own, whose event loop we close."""
    try:
        with warnings.catch_warnings(), TemporaryDirectory(prefix="pm") as sockets:
            warnings.simplefilter("ignore")
            arguments = {**_steadying(sockets), **arguments}
            execute_notebook(parameters=case.parameters, progress_bar=False, **arguments)
    except PapermillExecutionError as exc:
        return {"index": exc.cell_index, "ename": exc.ename, "evalue": exc.evalue}
    except Exception as exc:
        return {"index": None, "ename": type(exc).__name__, "evalue": str(exc)}
    finally:
        ensure_event_loop().close()
        asyncio.set_event_loop(None)
    return None


def _steadying(sockets: str) -> dict[str, Any]:
    """Arguments of papermill that change nothing in the notebook, but let every run come to an end.

    - Its TCP ports race with those of other kernels (jupyter_client#487): sockets in a directory.
    - With an Output widget it may miss a reply that has arrived (nbclient#312); its timeout makes
      it look again, and the interrupt finds an idle kernel.
    - A polite shutdown sometimes takes four seconds.
    """
    return {
        "config": Config(KernelManager={"transport": "ipc", "ip": f"{sockets}/k"}),
        "execution_timeout": 30,
        "interrupt_on_timeout": True,
        "shutdown_kernel": "immediate",
    }


def _failure(result: ExecutionResult) -> Json | None:
    if result.error is None:
        return None
    cell = result.failed_cell
    if cell is None:
        return {"index": None, "ename": result.error.kind, "evalue": ""}
    return {"index": cell.output_index, "ename": cell.ename, "evalue": cell.evalue}


def _lay_out(case: Case, folder: Path) -> tuple[Path, Path]:
    folder.mkdir(parents=True)
    for name, text in case.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    source = folder / case.file_name
    source.write_text(json.dumps(case.notebook), encoding="utf-8")
    return source, folder / "executed.ipynb"


def _read(path: Path) -> Json | None:
    if not path.exists() or not (text := path.read_text(encoding="utf-8")):
        return None
    notebook: Json = json.loads(json.dumps(rejoin_lines(nbformat.from_dict(json.loads(text)))))
    return notebook


class Archive:
    """Runs each case at most once with each executor, and keeps what came of it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._stock: dict[tuple[str, bool], Run] = {}
        self._ours: dict[str, tuple[Run, ExecutionResult]] = {}

    def stock(self, case: Case, *, workaround: bool = False) -> Run:
        key = (case.name, workaround)
        if key not in self._stock:
            folder = self._root / ("workaround" if workaround else "stock") / case.name
            self._stock[key] = run_stock(case, folder, **(case.workaround if workaround else {}))
        return self._stock[key]

    def workaround(self, case: Case) -> Run | None:
        return self.stock(case, workaround=True) if case.workaround else None

    def ours(self, case: Case) -> Run:
        return self._run_ours(case)[0]

    def result(self, case: Case) -> ExecutionResult:
        return self._run_ours(case)[1]

    def _run_ours(self, case: Case) -> tuple[Run, ExecutionResult]:
        if case.name not in self._ours:
            self._ours[case.name] = run_ours(case, self._root / "ours" / case.name)
        return self._ours[case.name]
