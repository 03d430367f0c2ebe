"""Runs that go on in another process: awaited, and ended, from a second shell."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.cli.observing import SLOW, result_of, wait_for

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook
    from tests.integration.cli.conftest import Nbx, Refused, StartNbx

WAITING = (
    "print('busy', flush=True)\nimport os, time\nwhile not os.path.exists('go'): time.sleep(.01)"
)


def started(start_nbx: StartNbx, *arguments: str) -> subprocess.Popen[str]:
    """A run whose cell is known to be running."""
    process = start_nbx("run", "notebook.ipynb", "out.ipynb", "--log-output", *arguments)
    wait_for("busy", process.stderr)
    return process


def second_shell(start_nbx: StartNbx, *arguments: str) -> tuple[int, str, str]:
    process = start_nbx(*arguments)
    out, err = process.communicate(timeout=120)
    assert "Traceback" not in err
    return process.returncode, out, err


def test_a_run_is_cancelled_from_a_second_shell(
    start_nbx: StartNbx, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    make_notebook("print('done')", SLOW, "3")
    running = started(start_nbx, "--json")

    code, out, _ = second_shell(
        start_nbx, "runs", "cancel", "last", "--reason", "too däar", "--json"
    )

    stdout, _ = running.communicate(timeout=120)
    assert (code, running.returncode) == (0, 130)
    seen, own = result_of(out), result_of(stdout)
    assert seen.run_id == own.run_id
    assert seen.error is not None
    assert seen.error.kind == "cancelled"
    assert "too däar" in seen.error.message
    assert own.cells[0].status == "ok"
    assert (tmp_path / "out.ipynb").exists()
    assert not list((tmp_path / "t").iterdir())
    # What is over is shown, and over it stays.
    assert second_shell(start_nbx, "runs", "cancel", own.run_id)[0] == 0


def test_a_run_is_awaited_from_a_second_shell(
    start_nbx: StartNbx, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    make_notebook(WAITING)
    running = started(start_nbx)

    code, out, err = second_shell(start_nbx, "runs", "wait", "last", "--timeout", "0")
    assert (code, out) == (4, "")
    assert err.startswith("The run ")
    assert err.endswith(" still goes on.\n")

    (tmp_path / "go").touch()
    code, out, _ = second_shell(start_nbx, "runs", "wait", "last")
    assert code == 0
    assert out.startswith("success: 1 of 1 cells in ")
    running.communicate(timeout=60)


def test_the_exit_code_of_a_wait_is_the_runs(nbx: Nbx, make_notebook: MakeNotebook) -> None:
    make_notebook("1 / 0")
    nbx("run", "notebook.ipynb")

    assert nbx("runs", "wait", "last").returncode == 1
    assert nbx("runs", "cancel", "last").returncode == 0


def test_a_run_whose_process_was_killed_is_not_awaited(
    start_nbx: StartNbx, make_notebook: MakeNotebook
) -> None:
    make_notebook(SLOW)
    running = started(start_nbx)
    # Nobody collects it until the end of this test: it is gone all the same.
    os.killpg(running.pid, signal.SIGKILL)

    for verb in ("wait", "cancel"):
        code, out, err = second_shell(start_nbx, "runs", verb, "last")
        assert (code, out) == (3, "")
        assert "was cut off: its process is gone" in err
        assert "hint: nbx runs recover " in err


@pytest.mark.parametrize("verb", ["wait", "cancel"])
def test_a_run_that_there_is_not_is_a_usage_error(refused: Refused, verb: str) -> None:
    assert refused("runs", verb, "last").startswith("error: No run is recorded below ")
    assert "--timeout" in refused("runs", verb, "last", "--timeout", "-1")
