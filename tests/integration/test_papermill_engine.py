"""Our engine inside papermill: ``papermill --engine notebook_executor`` and the API."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import papermill
import pytest
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook

_ENGINE = "notebook_executor"
_OURS = "notebook_executor.execution.papermill_engine"


def _run(path: Path, parameters: dict[str, Any] | None = None, **options: Any) -> Any:
    """papermill's own function, on our engine, without its progress bar."""
    return papermill.execute_notebook(
        str(path),
        str(path.with_name("out.ipynb")),
        parameters=parameters,
        engine_name=_ENGINE,
        progress_bar=False,
        **options,
    )


@pytest.mark.parametrize("first", ["papermill", _OURS, "papermill.engines", "notebook_executor"])
def test_either_package_may_be_imported_first(first: str) -> None:
    program = (
        f"import {first}; import papermill, {_OURS}\n"
        "from papermill.engines import papermill_engines\n"
        f"engine = papermill_engines.get_engine({_ENGINE!r})\n"
        f"print(engine is {_OURS}.NotebookExecutorEngine)"
    )

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("True\n", "")


def test_the_papermill_command_runs_on_our_kernels(make_notebook: MakeNotebook) -> None:
    source = "import os\nprint(x, 'NBX_LEASE' in os.environ)"
    path = make_notebook(("x = 1", "parameters"), source)
    command = ["papermill", "--engine", _ENGINE, "--no-progress-bar", "-p", "x", "5"]

    done = subprocess.run(
        [sys.executable, "-m", *command, str(path), str(path.with_name("out.ipynb"))],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    executed = nbformat.read(path.with_name("out.ipynb"), as_version=4)
    assert executed.cells[2].outputs[0].text == "5 True\n"
    assert executed.metadata.papermill.parameters == {"x": 5}
    assert executed.metadata.papermill.exception is None
    assert [cell.metadata.papermill.status for cell in executed.cells] == ["completed"] * 3


def test_a_failing_cell_is_papermills_error(make_notebook: MakeNotebook) -> None:
    path = make_notebook("print('before')", "1 / 0", "print('never')")

    with pytest.raises(PapermillExecutionError) as caught:
        _run(path)

    assert caught.value.ename == "ZeroDivisionError"
    executed = nbformat.read(path.with_name("out.ipynb"), as_version=4)
    texts = [output.get("text") for cell in executed.cells for output in cell.get("outputs", ())]
    assert "before\n" in texts
    assert "never\n" not in texts
    assert executed.metadata.papermill.exception is True


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.sleep(1000)",
        "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ntime.sleep(1000)",
    ],
    ids=["obeys", "ignores"],
)
def test_a_timeout_is_nbclients_error_and_fires(make_notebook: MakeNotebook, source: str) -> None:
    path = make_notebook("print('kept')", source)

    with pytest.raises(CellTimeoutError, match=r"time\.sleep"):
        _run(path, execution_timeout=4)

    executed = nbformat.read(path.with_name("out.ipynb"), as_version=4)
    assert executed.cells[0].outputs[0].text == "kept\n"


def test_a_death_is_nbclients_error(make_notebook: MakeNotebook) -> None:
    path = make_notebook("print('kept')", "import os\nos._exit(3)")

    with pytest.raises(DeadKernelError):
        _run(path)

    executed = nbformat.read(path.with_name("out.ipynb"), as_version=4)
    assert executed.cells[0].outputs[0].text == "kept\n"


def test_what_is_printed_goes_to_the_files_and_the_log(
    make_notebook: MakeNotebook, caplog: pytest.LogCaptureFixture
) -> None:
    stdout, stderr = io.StringIO(), io.StringIO()
    source = "import sys\nprint('to stdout')\nprint('to stderr', file=sys.stderr)\n'a value'"
    caplog.set_level(logging.INFO, logger="papermill")

    _run(make_notebook(source), log_output=True, stdout_file=stdout, stderr_file=stderr)

    assert (stdout.getvalue(), stderr.getvalue()) == ("to stdout\n", "to stderr\n")
    messages = {(record.levelname, record.getMessage().strip()) for record in caplog.records}
    assert ("INFO", "to stdout") in messages
    assert ("WARNING", "to stderr") in messages
    assert ("INFO", "'a value'") in messages


def test_papermills_own_arguments_keep_their_meaning(
    make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    path = make_notebook(("x = {}", "parameters"), "import os\nprint(os.getcwd(), x)")

    node = _run(
        path, {"x": {"a": [1, None]}}, cwd=str(tmp_path / "elsewhere"), kernel_name="python3"
    )

    assert node.cells[-1].outputs[0].text == f"{tmp_path}/elsewhere {{'a': [1, None]}}\n"


def test_a_kernel_that_does_not_come_up_is_told(make_notebook: MakeNotebook) -> None:
    from jupyter_client.kernelspec import NoSuchKernel

    from notebook_executor.errors import KernelStartError

    with pytest.raises((NoSuchKernel, KernelStartError), match="nosuch"):
        _run(make_notebook("1"), kernel_name="nosuch")
