"""``nbx ps``: which kernels live, as a table, as a tree, as JSON, and again and again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from notebook_executor import NotebookExecutor
from tests.integration.gated import Gate, waiting_run

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook
    from tests.integration.cli.conftest import StartNbx


def finished(process: subprocess.Popen[str]) -> tuple[str, str]:
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    return stdout, stderr


def rows(lines: str) -> list[dict[str, Any]]:
    """Those of this session; in /tmp itself others may be at work."""
    found = [json.loads(line) for line in lines.splitlines()]
    return [row for row in found if row["directory"].startswith(os.environ["TMPDIR"])]


def ps(start_nbx: StartNbx, *arguments: str) -> str:
    return finished(start_nbx("ps", *arguments, env=dict(os.environ)))[0]


def test_a_living_kernel_is_listed_until_its_run_is_over(
    start_nbx: StartNbx, executor: NotebookExecutor, make_notebook: MakeNotebook, gate: Gate
) -> None:
    child = "import subprocess\nsubprocess.Popen(['sleep', '1003'])\n"
    notebook = make_notebook(child + gate.source, name="waiting.ipynb")
    with waiting_run(executor, notebook, gate) as run:
        (row,) = rows(ps(start_nbx, "--json"))
        table = ps(start_nbx)
        tree = ps(start_nbx, "--tree")
    result = run.result()
    assert (row["run_id"], row["notebook"]) == (result.run_id, str(notebook))
    assert (row["state"], row["host_pid"]) == ("running", os.getpid())
    assert row["containment"] == (result.kernel and result.kernel.containment)
    kernel, sleep = row["processes"]
    assert (kernel["pid"], kernel["parent"]) == (row["kernel_pid"], row["keeper_pid"])
    assert (sleep["parent"], sleep["command"]) == (row["kernel_pid"], "sleep 1003")
    assert row["memory_bytes"] == kernel["memory_bytes"] + sleep["memory_bytes"]

    head, *lines = table.splitlines()
    (line,) = [line for line in lines if line.startswith(result.run_id)]
    assert head.split()[:4] == ["run", "notebook", "state", "kernel"]
    words = line.split()
    assert words[:6] == [
        result.run_id, "waiting.ipynb", "running", "python3", str(row["kernel_pid"]), "2",
    ]  # fmt: skip
    assert words[-2:] == [row["containment"], str(os.getpid())]
    lines = tree.splitlines()
    (at,) = [at for at, line in enumerate(lines) if line.split()[:1] == [str(kernel["pid"])]]
    assert lines[at - 2] == result.run_id
    assert lines[at + 1].split()[0] == str(sleep["pid"])
    assert lines[at + 1].endswith("─ sleep 1003")

    assert rows(ps(start_nbx, "--json")) == []
    assert result.run_id not in ps(start_nbx)


def test_watching_goes_on_until_it_is_interrupted(
    start_nbx: StartNbx, executor: NotebookExecutor, make_notebook: MakeNotebook, gate: Gate
) -> None:
    with waiting_run(executor, make_notebook(gate.source), gate) as run:
        watching = start_nbx("ps", "--watch", "--json", env=dict(os.environ))
        assert watching.stdout is not None
        of_ours: list[dict[str, Any]] = []
        while len(of_ours) < 2:
            of_ours += rows(watching.stdout.readline())
        first, second = of_ours
        watching.send_signal(signal.SIGINT)
        assert watching.wait(60) == 130
    assert first["run_id"] == second["run_id"] == run.result().run_id
    assert first["seen_at"] < second["seen_at"]
    assert first["age_seconds"] < second["age_seconds"]


def strange_directory(tmp_path: Path) -> dict[str, str]:
    """The environment in which a directory that tells nothing is left over."""
    place = tmp_path / "p"
    directory = place / "nbx-strange"
    directory.mkdir(parents=True, mode=0o700)
    (directory / "lease.json").write_text('{"run_id": 7, "kernel_pid": "x", "started_at": "noon"}')
    return {**os.environ, "TMPDIR": str(place)}


@pytest.mark.parametrize("something", [True, False], ids=["something", "nothing"])
def test_watching_ends_when_nobody_reads(
    start_nbx: StartNbx, tmp_path: Path, something: bool
) -> None:
    env = strange_directory(tmp_path) if something else dict(os.environ)
    reading, writing = os.pipe()
    watching = start_nbx("ps", "--watch", env=env, stdout=writing)
    os.close(writing)
    os.close(reading)
    assert watching.wait(60) == 0


def test_a_directory_that_tells_nothing_is_a_row_all_the_same(
    start_nbx: StartNbx, tmp_path: Path
) -> None:
    stdout, stderr = finished(start_nbx("ps", env=strange_directory(tmp_path)))
    assert "nbx-strange" in stdout
    assert "left over" in stdout
    assert "nbx reap" in stderr
