"""Ends without a fault: what a kernel does on its way out is done, and runs are told apart."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from notebook_executor import NotebookExecutor

from .accounts import own_account
from .stage import TIERS, Stage, Tier

each_tier = pytest.mark.parametrize("tier", TIERS)

_LEAVES_THINGS_TO_DO = """
import atexit, pathlib, subprocess
child = subprocess.Popen(["sleep", "1000"])
file = open("unflushed.txt", "w")
file.write("all of it")
atexit.register(pathlib.Path("atexit.txt").touch)
"""
# Its process has no mark that would tell the two runs' descendants apart but its parentage.
_KEEPS_A_DAEMON = """
import os, pathlib, subprocess, time
subprocess.run(["setsid", "-f", "env", "-i", "sleep", "1000"])
pathlib.Path("first-is-up").touch()
while not os.path.exists("second-is-done"):
    time.sleep(0.01)
print("it has waited")
"""


@each_tier
def test_a_normal_end_runs_atexit_and_flushes_files(tier: Tier) -> None:
    with Stage(tier, own_account()) as stage:
        host = stage.begin(_LEAVES_THINGS_TO_DO)
        stage.go()
        result = stage.conclude()
        assert host.wait(30) == 0
        stage.gone(time.monotonic())

        assert result["status"] == "success", result["error"]
        assert result["kernel"]["containment"] == tier
        assert result["kernel"]["exit_code"] == 0
        assert (stage.project / "unflushed.txt").read_text() == "all of it"
        assert (stage.project / "atexit.txt").exists()


@each_tier
def test_the_proof_of_one_run_does_not_wait_for_another(tier: Tier, tmp_path: Path) -> None:
    """The second run ends, and is proven to have, while the first one's daemon lives on."""
    results: list[Any] = []
    with NotebookExecutor(tmp_path) as executor:

        def run(cell: str) -> None:
            results.append(executor.execute(_notebook(cell), False, host_view=tier == "subreaper"))

        first = threading.Thread(target=run, args=(_KEEPS_A_DAEMON,))
        first.start()
        run("import os, time\nwhile not os.path.exists('first-is-up'): time.sleep(0.01)")
        assert first.is_alive()
        (tmp_path / "second-is-done").touch()
        first.join(60)

    second_result, first_result = results
    assert second_result.ok, second_result
    assert second_result.cleanup.processes_left == 0
    assert first_result.ok, first_result
    assert first_result.cells[0].output_preview == "it has waited"
    # The daemon, at least, was still there at the first one's own end.
    assert first_result.cleanup.processes_ended >= 1


def _notebook(cell: str) -> Any:
    import nbformat

    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
