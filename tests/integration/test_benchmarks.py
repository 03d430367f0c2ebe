"""``python -m benchmarks`` works, with every runner; what it measures here means nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import places
from benchmarks.measuring import ROOT
from benchmarks.runners import RUNNERS

_ROWS = ("first_run", "imports", "teardown", "schedule_turn", "review")


@pytest.mark.timeout(300)  # five packages are imported, some of them for seconds
def test_one_command_measures_and_draws(tmp_path: Path) -> None:
    figures, picture = tmp_path / "figures.json", tmp_path / "figures.png"
    options = ["--quick", "--repetitions", "1", "--json", str(figures), "--plot", str(picture)]

    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *options, "--only", *_ROWS],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=280,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    content = json.loads(figures.read_text())
    assert tuple(row["name"] for row in content["rows"]) == _ROWS
    assert set(content["rows"][0]["samples"]) == set(RUNNERS)
    assert all(row["title"] in done.stdout for row in content["rows"])
    assert {"processors", "versions", "bytecode"} <= set(content["machine"])
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_turns_of_a_notebook_are_told_by_place() -> None:
    ((first, second),) = places.measure(cells=3, runs=1)

    shown = places.table([[first, second]])

    assert first.inside > 0
    assert second.between > 0
    assert shown.splitlines()[2].startswith("| 1 to 40 | ")
