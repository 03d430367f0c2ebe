"""The fleet health check as it is scheduled here, ticked for real, in a real repository."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.repositories import git, isolate_git

if TYPE_CHECKING:
    from tests.integration.cli.conftest import Nbx

_PROJECT = Path(__file__).parents[3]
_FILES = ("schedules/fleet.yaml", "notebooks/fleet_health_check.ipynb", ".gitattributes")
_EXECUTED = "runs/fleet_health_2026-11-20.ipynb"


@pytest.fixture
def fleet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], nbx: Nbx
) -> Path:
    """A repository with the entry, the notebook and our attributes, and an edit under way.

    Its filter would strip what is executed: nothing that is committed may go through it.
    """
    isolate_git(monkeypatch)
    environment["GIT_CONFIG_GLOBAL"] = environment["GIT_CONFIG_SYSTEM"] = "/dev/null"
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    for name in _FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(_PROJECT / name, tmp_path / name)
    git(tmp_path, "config", "filter.nbstripout.clean", "echo stripped")
    (tmp_path / ".gitignore").write_text("/runs/*\n/t/\n", "utf-8")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    with (tmp_path / "schedules/fleet.yaml").open("a") as entry:
        entry.write("suspend: false\n")
    return tmp_path


def test_the_fleet_is_checked_at_six_in_berlin_and_committed(fleet: Path, nbx: Nbx) -> None:
    before = git(fleet, "status", "--porcelain=v2", "--branch")
    first = nbx("schedule", "tick", "--now", "2026-11-20T04:00+01:00", "--json")
    assert (first.returncode, first.stdout) == (0, "")

    second = nbx("schedule", "tick", "--now", "2026-11-20T06:00:20+01:00", "--quiet")
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    third = nbx("schedule", "tick", "--now", "2026-11-20T06:01:20+01:00", "--json")
    assert (third.returncode, third.stdout) == (0, "")

    listed = nbx("runs", "list", "--schedule", "fleet-health", "--json").stdout
    (row,) = map(json.loads, listed.splitlines())
    assert (row["status"], row["scheduled_at"]) == ("success", "2026-11-20T05:00:00Z")
    assert row["parameters"] == {"run_id": "2026-11-20", "alert_threshold": 0.9}
    assert 0 <= row["scraps"]["health_score"] <= 1
    assert row["output_path"] == str(fleet / _EXECUTED)

    log = git(fleet, "log", "--format=%s", "--name-only", "notebook-runs").splitlines()
    assert log == ["run fleet-health 2026-11-20", "", _EXECUTED]
    committed = json.loads(git(fleet, "show", f"notebook-runs:{_EXECUTED}"))
    assert committed == json.loads((fleet / _EXECUTED).read_text("utf-8"))
    assert committed["metadata"]["nbx"]["run_id"] == row["run_id"]
    assert "run 2026-11-20 for agent local" in json.dumps(committed["cells"])
    assert git(fleet, "status", "--porcelain=v2", "--branch") == before
