"""Against the Hermes agent itself: it takes our jobs for its own, and runs entries as scripts."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from notebook_executor.execution.history import list_runs
from notebook_executor.schedule.hermes import hermes_job, install_script
from notebook_executor.schedule.loading import load_entries

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook

_AGENT = Path(sys.prefix, "hermes-agent")
_PROJECT = Path(__file__).parents[2]
_ENTRIES = """
- {name: good, schedule: "0 6 * * *", path: score.ipynb, parameters: {score: 0.9}}
- {name: alert, schedule: every 2h, path: score.ipynb, parameters: {score: 0.1},
   alert_if: score < 0.5}
- {name: bad, schedule: "2999-01-01T00:00Z", path: score.ipynb, parameters: {score: -1}}
- {name: held, schedule: "@daily", path: score.ipynb, suspend: true}
- {name: odd, schedule: every 90s, path: score.ipynb}
"""
# What the agent makes up by itself.
_OWN = {"id", "created_at", "next_run_at", "enabled", "state"}


def nbx(root: Path, *arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "notebook_executor.cli.main", "schedule", "hermes", *arguments],
        cwd=root, env=environment(root), capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout


def environment(root: Path, *paths: Path) -> dict[str, str]:
    return {
        **os.environ,
        "HERMES_HOME": str(root / "agent"),
        "HERMES_TIMEZONE": "UTC",
        "PYTHONPATH": os.pathsep.join(map(str, (*paths, _PROJECT))),
    }


@pytest.fixture
def root(tmp_path: Path, make_notebook: MakeNotebook) -> Path:
    (tmp_path / ".git").mkdir()
    make_notebook(
        ("score = 1.0", "parameters"),
        "from hermes_runtime import glue\nassert score >= 0, 'no such score'\nglue('score', score)",
        name="score.ipynb",
    )
    (tmp_path / "schedules").mkdir()
    (tmp_path / "schedules/all.yaml").write_text(_ENTRIES, "utf-8")
    return tmp_path


def asked_of_the_agent(root: Path, jobs: str, *arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("hermes_cron.py"), *arguments],
        input=jobs, cwd=root, env=environment(root, _AGENT), capture_output=True, text=True,
        check=False, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def agent() -> None:
    if not _AGENT.is_dir():
        pytest.skip(f"hermes-agent is not in {_AGENT}: see tests/hermes-agent.txt")


@pytest.mark.usefixtures("agent")
def test_the_agent_takes_our_jobs_for_its_own(root: Path) -> None:
    commands = nbx(root, "install", code=2).splitlines()
    lines = nbx(root, "list", "--json", code=2)
    jobs = [json.loads(line) for line in lines.splitlines()]

    assert [shlex.split(command)[3:6:2] for command in commands] == [
        ["0 6 * * *", "good"],
        ["every 120m", "alert"],
        ["2999-01-01T00:00:00+00:00", "bad"],
        ["0 0 * * *", "held"],
    ]
    told = asked_of_the_agent(root, lines)

    for ours, its in zip(jobs, told["created"], strict=True):
        assert ours.keys() == its.keys()
        assert {key: ours[key] for key in ours if key not in _OWN} == {
            key: its[key] for key in its if key not in _OWN
        }
        if ours["name"] == "bad":
            assert ours["next_run_at"] == its["next_run_at"]
    assert {job["name"]: job["enabled"] for job in told["listed"]} == {
        "good": True, "alert": True, "bad": True, "held": False,
    }  # fmt: skip
    for name in ("good", "alert", "bad", "held"):
        assert (root / f"agent/scripts/nbx-{name}.sh").is_file()


@pytest.mark.timeout(300)  # the agent and three commands of ours are started
@pytest.mark.usefixtures("agent")
def test_the_agent_runs_entries_as_its_scripts(root: Path) -> None:
    now = datetime.now(UTC)
    entries = load_entries([root / "schedules"]).entries[:3]
    jobs = [hermes_job(entry, root, now, zone="UTC") for entry in entries]
    for job in jobs:
        install_script(job.name, root, root / "agent")

    told = asked_of_the_agent(root, "\n".join(job.to_json() for job in jobs), "run")

    ran = told["ran"]
    assert ran.keys() == {"good", "alert", "bad"}
    assert (ran["good"][0], ran["good"][1]) == (True, "[SILENT]")
    assert ran["alert"][0] is True
    assert ran["alert"][1].startswith("alert raises an alert: score < 0.5\nsuccess: ")
    assert ran["bad"][0] is False
    assert "bad failed\nerror (cell_error): " in ran["bad"][1]
    assert "no such score" in ran["bad"][2]
    statuses = {job["name"]: job["last_status"] for job in told["after"]}
    assert statuses["good"] == statuses["alert"] == "ok"
    for name, status in (("good", "success"), ("alert", "success"), ("bad", "error")):
        (run,) = list_runs(root, None, schedule=name)
        assert run.status == status


def test_what_is_not_there_is_told(root: Path) -> None:
    assert nbx(root, "run", "godo", code=2) == ""
    assert nbx(root, "list", "--entry", "good", "--timezone", "Mars", code=2) == ""
    assert nbx(root, "list", "--entry", "good").split()[-1] == "nbx-good.sh"
