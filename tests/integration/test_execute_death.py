"""Kernels that die: how, with what last words, and what is left of the run."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from notebook_executor import Event, NotebookExecutor
from tests.integration.seen import statuses

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook


@pytest.mark.parametrize(
    ("ending", "exit_code", "signal", "named"),
    [
        ("os._exit(3)", 3, None, "exit code 3"),
        ("os._exit(0)", 0, None, "exit code 0"),
        ("os.kill(os.getpid(), 9)", -9, "SIGKILL", "SIGKILL"),
        ("ctypes.string_at(0)", -11, "SIGSEGV", "SIGSEGV"),
        ("os.abort()", -6, "SIGABRT", "SIGABRT"),
    ],
)
def test_a_kernel_that_dies_is_told_from_a_cell_that_fails(
    executor: NotebookExecutor,
    make_notebook: MakeNotebook,
    tmp_path: Path,
    ending: str,
    exit_code: int,
    signal: str | None,
    named: str,
) -> None:
    last_words = (
        "import ctypes, os\n"
        "print('printed just before', flush=True)\n"
        "os.write(2, b'raw last words\\n')\n"
        "while not os.path.exists('heard'): pass\n"
        f"{ending}"
    )
    path = make_notebook("print('first')", last_words, "print('never')")

    def hear(event: Event) -> None:
        """What a process has sent, but its socket has not, dies with it."""
        if event.kind == "output" and event.index == 1:
            (tmp_path / "heard").touch()

    result = executor.execute(path, timeout=60, on_event=hear)

    assert result.error is not None
    assert result.failed_cell is not None
    assert (result.error.kind, result.error.state) == ("kernel_died", "lost")
    assert result.error.signal == signal
    assert named in result.error.message
    assert result.error.hint
    assert result.kernel.exit_code == exit_code
    assert "raw last words" in result.kernel.stderr_tail
    assert result.failed_cell.index == 1
    assert "printed just before" in result.failed_cell.output_tail
    assert statuses(result) == ["ok", "error", "not_run"]
    assert result.cells_executed == 1
    written = executor.read_notebook(str(result.output_path))
    assert written.cells[0].outputs[0].text == "first\n"
    assert "printed just before\n" in written.cells[1].outputs[0].text
    assert written.cells[2].metadata.papermill.status == "pending"


def test_how_a_kernel_ends_after_its_last_cell_is_no_death(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    path = make_notebook("import atexit, os\natexit.register(os._exit, 7)")

    result = executor.execute(path, False)

    assert result.ok, result
    assert result.kernel.exit_code == 7


def test_a_death_between_two_cells_is_noticed_in_the_second(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    kernels: list[int] = []

    def kill(event: Event) -> None:
        if event.kind == "output" and event.data["text"].strip().isdigit():
            kernels.append(int(event.data["text"]))
        if event.kind == "cell_finished" and event.index == 0:
            os.kill(kernels[0], 9)

    path = make_notebook("import os\nprint(os.getpid())", "print('never')", "3")
    # In a PID namespace the notebook knows no pid that means anything here.
    result = executor.execute(path, False, host_view=True, on_event=kill)

    assert result.error is not None
    assert (result.error.kind, result.error.signal) == ("kernel_died", "SIGKILL")
    assert statuses(result) == ["ok", "error", "not_run"]


def test_a_death_is_noticed_though_a_fork_of_the_host_lives_on(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    """A fork inherits whatever descriptors tell the host of the kernel's end."""
    reader, writer = os.pipe()
    forks: list[int] = []

    def fork(event: Event) -> None:
        if event.kind == "cell_started" and not forks:
            forks.append(os.fork())
            if forks == [0]:
                os.close(writer)
                os.read(reader, 1)
                os._exit(0)

    try:
        result = executor.execute(
            make_notebook("import os\nos._exit(3)"), False, timeout=60, on_event=fork
        )
    finally:
        os.close(writer)
        os.close(reader)
        os.waitpid(forks[0], 0)

    assert result.error is not None
    assert result.error.kind == "kernel_died"
    assert result.kernel.exit_code == 3


def _kernelspec(folder: Path, name: str, argv: list[str]) -> None:
    directory = folder / "kernels" / name
    directory.mkdir(parents=True)
    spec = {"argv": [*argv, "{connection_file}"], "display_name": name, "language": "python"}
    (directory / "kernel.json").write_text(json.dumps(spec))


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        ([sys.executable, "-c", "raise SystemExit(0)"], "wrote nothing"),
        ([sys.executable, "-c", "import sys; sys.exit('no licence')"], "no licence"),
        ([sys.executable, "-m", "no_such_module_here"], "no_such_module_here"),
        (["/no/such/program"], "/no/such/program"),
    ],
    ids=["silent", "complains", "no module", "no program"],
)
def test_a_kernel_that_does_not_come_up(
    make_notebook: MakeNotebook,
    executor: NotebookExecutor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    argv: list[str],
    told: str,
) -> None:
    _kernelspec(tmp_path / "jupyter", "broken", argv)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))

    result = executor.execute(make_notebook("1"), kernel_name="broken")

    assert result.error is not None
    assert result.error.kind == "kernel_start"
    assert told in result.error.message
    assert "broken" in result.error.message or "/no/such/program" in result.error.message
    assert result.error.hint
    assert statuses(result) == ["not_run"]
    assert result.failed_cell is None
    assert result.notebook is not None


def test_a_kernel_that_never_answers_is_given_up(
    make_notebook: MakeNotebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = "echo busy with something else; exec sleep 1000"
    _kernelspec(tmp_path / "jupyter", "busy", ["sh", "-c", silent])
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    config = {"start_timeout": 3.0, "interrupt_grace": 0.3}

    with NotebookExecutor(tmp_path, config=config) as hasty:
        result = hasty.execute(make_notebook("1"), kernel_name="busy")

    assert result.error is not None
    assert result.error.kind == "kernel_start"
    assert result.error.retryable
    assert "3 s" in result.error.message
    assert "busy with something else" in result.kernel.stderr_tail
