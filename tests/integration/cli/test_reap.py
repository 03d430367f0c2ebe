"""``nbx reap`` says what it would do, does it, and tells when it could not."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.integration.gated import Gate, kill_all_at_once, waiting_host

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook
    from tests.integration.cli.conftest import StartNbx


def reap(start_nbx: StartNbx, *arguments: str, code: int = 0, **env: str) -> list[dict[str, Any]]:
    """Its lines, with --json."""
    place = env.get("TMPDIR", os.environ["TMPDIR"])
    process = start_nbx("reap", "--json", *arguments, env={**os.environ, **env})
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == code, stderr
    rows = [json.loads(line) for line in stdout.splitlines()]
    # In /tmp itself, others may be at work.
    return [row for row in rows if row["directory"].startswith(place)]


def test_a_killed_runs_processes_and_directory_are_told_and_then_removed(
    start_nbx: StartNbx, make_notebook: MakeNotebook, gate: Gate, tmp_path: Path
) -> None:
    daemon = "import subprocess\nsubprocess.Popen(['env', '-i', 'setsid', 'sleep', '1004'])\n"
    notebook = make_notebook(daemon + gate.source)
    with waiting_host(tmp_path, notebook, gate, host_view=True) as kernel:
        assert reap(start_nbx) == []
        kill_all_at_once(kernel)
    (pid,) = [process.pid for process in kernel.processes if process.pid != kernel.kernel_pid]
    sleep = psutil.Process(pid)

    would = reap(start_nbx, "--dry-run")
    assert would == [
        {
            "directory": str(kernel.directory),
            "run_id": kernel.run_id,
            "notebook": str(notebook),
            "dry_run": True,
            "processes": [pid],
            "processes_left": 0,
            "files_left": 0,
        }
    ]
    text, _ = start_nbx("reap", "--dry-run", env=dict(os.environ)).communicate(timeout=60)
    line = f"would remove {kernel.directory} of run {kernel.run_id} and end process {pid}"
    assert line in text.splitlines()
    assert sleep.is_running()
    assert kernel.directory.exists()

    did = reap(start_nbx)
    assert did == [{**would[0], "dry_run": False}]
    sleep.wait(60)
    assert not kernel.directory.exists()
    assert reap(start_nbx) == []


class Stubborn:
    """A dead kernel's directory, with something in it that its user cannot remove."""

    def __init__(self, base: Path) -> None:
        self.directory = base / "nbx-dead"
        self._inner = self.directory / "inner"
        self._inner.mkdir(parents=True)
        (self.directory / "lease.json").write_text("{}")
        if os.getuid() == 0:
            self._mount()
        else:
            (self._inner / "file").touch()
            self._inner.chmod(0)

    def _mount(self) -> None:
        command = ["mount", "-t", "tmpfs", "none", str(self._inner)]
        done = subprocess.run(command, capture_output=True, check=False, timeout=60)
        if done.returncode != 0:
            pytest.skip("root cannot mount a file system here, and can remove anything else")

    def relent(self) -> None:
        if self._inner.is_mount():
            subprocess.run(["umount", self._inner], check=True, timeout=60)
        elif self._inner.exists():
            self._inner.chmod(0o700)


@pytest.fixture
def stubborn(tmp_path: Path) -> Iterator[Stubborn]:
    made = Stubborn(tmp_path / "p")
    yield made
    made.relent()


def test_what_cannot_be_removed_is_told_each_time_until_it_can(
    start_nbx: StartNbx, stubborn: Stubborn
) -> None:
    place = str(stubborn.directory.parent)
    (row,) = reap(start_nbx, code=3, TMPDIR=place)
    left = row["files_left"]
    assert left >= 2
    process = start_nbx("reap", env={**os.environ, "TMPDIR": place})
    line = f"could not remove all of {stubborn.directory}; still there: 0 processes, {left} files"
    assert line in process.communicate(timeout=60)[0].splitlines()

    stubborn.relent()
    (row,) = reap(start_nbx, TMPDIR=place)
    assert row["files_left"] == 0
    assert not stubborn.directory.exists()
