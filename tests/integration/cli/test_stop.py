"""Ctrl-C and its like: the kernel is ended, what is done is saved, and the exit code says so."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import psutil
import pytest

from tests.integration.cli.observing import SLOW, kernels, result_of, settled, wait_for

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook
    from tests.integration.cli.conftest import StartNbx

STOPPING = "nbx: stopping already: the kernel is being ended, and what is done is being saved"
DEAF = f"import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n{SLOW}"


def start_slow(start_nbx: StartNbx, *arguments: str) -> subprocess.Popen[str]:
    """A run whose second cell is known to be running."""
    process = start_nbx("run", "notebook.ipynb", "out.ipynb", "--log-output", *arguments)
    wait_for("busy", process.stderr)
    return process


def check_saved(path: Path) -> None:
    first, second, third = nbformat.read(path, as_version=4).cells
    assert first.outputs[0].text == "done\n"
    assert second.outputs[0].text == "busy\n"
    assert second.metadata.papermill.status != "completed"
    assert third.outputs == []
    assert third.metadata.papermill.status == "pending"


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_the_run_and_saves_it(
    start_nbx: StartNbx,
    make_notebook: MakeNotebook,
    environment: dict[str, str],
    tmp_path: Path,
    number: int,
    code: int,
) -> None:
    make_notebook("print('done')", SLOW, "3")
    process = start_slow(start_nbx)
    family = psutil.Process(process.pid).children(recursive=True)
    assert kernels(environment)

    os.killpg(process.pid, number)
    stdout, stderr = process.communicate(timeout=60)

    assert process.returncode == code
    assert not settled(lambda: [relative for relative in family if relative.is_running()])
    assert "Traceback" not in stderr
    assert stdout.startswith("error (cancelled): ")
    assert "1 of 3 cells in " in stdout
    assert "notebook  out.ipynb" in stdout
    assert not list((tmp_path / "t").iterdir())
    check_saved(tmp_path / "out.ipynb")


def test_the_json_of_an_interrupted_run_is_printed(
    start_nbx: StartNbx, make_notebook: MakeNotebook
) -> None:
    make_notebook("print('done')", SLOW, "3")
    process = start_slow(start_nbx, "--json")

    process.send_signal(signal.SIGINT)
    stdout, _ = process.communicate(timeout=60)

    assert process.returncode == 130
    result = result_of(stdout)
    assert result.error is not None
    assert result.error.kind == "cancelled"
    assert result.failed_cell is not None
    assert result.failed_cell.id == "cell-1"
    assert [cell.status for cell in result.cells] == ["ok", "error", "not_run"]


def test_more_signals_do_not_disturb_the_end(
    start_nbx: StartNbx,
    make_notebook: MakeNotebook,
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    make_notebook("print('done')", DEAF, "3")
    environment["NBX_INTERRUPT_GRACE"] = "200"
    process = start_slow(start_nbx)

    # The kernel does not hear the interrupt, so that the end takes its time.
    process.send_signal(signal.SIGINT)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
        process.send_signal(number)
        wait_for(STOPPING, process.stderr)
    (kernel,) = kernels(environment)
    kernel.kill()
    process.communicate(timeout=60)

    assert process.returncode == 130
    assert not list((tmp_path / "t").iterdir())
    check_saved(tmp_path / "out.ipynb")


def test_a_signal_that_is_ignored_stays_ignored(
    start_nbx: StartNbx, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    waits = "import pathlib, time\nprint('busy', flush=True)\n"
    waits += "while not pathlib.Path('go').exists():\n    time.sleep(0.01)"
    make_notebook(waits)
    process = start_nbx("run", "notebook.ipynb", "--log-output", sigint=signal.SIG_IGN)
    wait_for("busy", process.stderr)

    process.send_signal(signal.SIGINT)
    (tmp_path / "go").touch()
    process.communicate(timeout=60)

    assert process.returncode == 0
