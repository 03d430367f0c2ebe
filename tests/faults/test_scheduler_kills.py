"""Two schedulers on one state, killed at random moments; 1,000 of them by the module's command."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

_KILLS = 8


@pytest.mark.timeout(600)
def test_killed_schedulers_run_each_due_time_once_at_most() -> None:
    # A process of its own, because it forks them and must have no other thread.
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.scheduler_kills", "--kills", str(_KILLS)],
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": "/tmp"},
        timeout=590,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["kills"] == _KILLS
    assert told["due_times"] >= _KILLS
