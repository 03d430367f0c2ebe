"""The workflow files of ``docs/ci``: what they type is typed here, as a runner would."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from notebook_executor.review.forges.choosing import Chosen
from notebook_executor.review.report_markdown import MARKER
from tests.integration.clones import ATTRIBUTES, ROOT, executed, isolate_commands, set_up
from tests.integration.forges.server import TOKEN, ForgeState
from tests.integration.repositories import git

NAME = "my report.ipynb"
PROPOSED = f"{MARKER}\nwhat the agent says"
_EXPRESSION = re.compile(r"\$\{\{ *([a-z_.]+) *\}\}")
Ran = dict[str, subprocess.CompletedProcess[str]]


def steps_of(kind: str) -> list[dict[str, Any]]:
    text = (ROOT / "docs" / "ci" / f"{kind}-review.yml").read_text("utf-8")
    steps: list[dict[str, Any]] = yaml.safe_load(text)["jobs"]["review"]["steps"]
    return steps


class Runner:
    """Runs the commands of a workflow in a checkout; each expression stands for one value."""

    def __init__(self, kind: str, checkout: Path, values: dict[str, str]) -> None:
        self.steps = [step for step in steps_of(kind) if "run" in step]
        self.checkout = checkout
        self.summary = checkout.parent / "summary.md"
        self._values = values

    def run(self) -> Ran:
        return {step["name"]: self._ran(step) for step in self.steps}

    def _ran(self, step: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        named = {name: self._filled(value) for name, value in step.get("env", {}).items()}
        script = self.checkout.parent / "step.sh"
        script.write_text(step["run"])
        return subprocess.run(
            ["bash", "-e", str(script)],
            cwd=self.checkout,
            env={**os.environ, "GITHUB_STEP_SUMMARY": str(self.summary), **named},
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )

    def _filled(self, value: str) -> str:
        return _EXPRESSION.sub(lambda found: self._values[found[1]], value)


@pytest.fixture
def agent(first: Path, bare: Path, chosen: Chosen, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone, set up, with a notebook on ``main`` and a branch that breaks it."""
    isolate_commands(monkeypatch)
    set_up(first)
    (first / ".gitattributes").write_text(ATTRIBUTES)
    pushed(first, bare, "main", "x = 1\nprint(x)")
    git(first, "checkout", "-qb", "agent/edit")
    pushed(first, bare, "agent/edit", "x = 1\nprint(x)", "y = 2\nraise ValueError('only 50%: no')")
    return first


def pushed(clone: Path, bare: Path, branch: str, *cells: str) -> None:
    executed(clone / NAME, *cells)
    git(clone, "add", ".")
    git(clone, "commit", "-qm", "a change")
    git(clone, "push", "-q", "--force", str(bare), branch)  # whatever the forge has begun with


def checked_out(bare: Path, server: ForgeState, place: Path) -> Path:
    """What ``actions/checkout`` leaves: all branches of the remote, and a detached head."""
    git(bare.parent, "clone", "-q", str(bare), str(place))
    git(place, "remote", "set-url", "origin", server.remote)
    git(place, "checkout", "-q", "--detach", "origin/agent/edit")
    return place


def test_what_the_workflow_types(
    kind: str,
    server: ForgeState,
    bare: Path,
    agent: Path,
    chosen: Chosen,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    number = chosen.forge.open_pull("agent/edit", "main", "A title", "A body").number
    chosen.forge.comment(number, MARKER, PROPOSED)
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "pip").write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/installed"\n')
    (bin_ / "pip").chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_}:{os.environ['PATH']}")
    monkeypatch.setenv("GITHUB_SERVER_URL", server.url)
    values = {
        "github.base_ref": "main",
        "github.event.pull_request.number": str(number),
        "github.token": TOKEN,
    }

    runner = Runner(kind, checked_out(bare, server, tmp_path / "run 1" / "checkout"), values)
    ran = runner.run()

    install, check, review, comment = ran.values()
    assert (install.returncode, check.returncode, review.returncode) == (0, 0, 1), ran
    assert (tmp_path / "installed").read_text().startswith("install notebook_executor @ git+https")
    told = re.search(r"^::error file=my report\.ipynb,line=(\d+),title=(.*)$", review.stderr, re.M)
    assert told, review.stderr
    line = (runner.checkout / NAME).read_text().splitlines()[int(told[1]) - 1]
    assert "raise ValueError" in line
    assert "only 50%25: no" in told[2]
    assert "ValueError" in runner.summary.read_text()
    assert "<html" in (runner.checkout / "review.html").read_text()
    assert comment.returncode == 0, comment.stderr
    theirs, ours = (one["body"] for one in server.comments)
    assert theirs == PROPOSED
    assert MARKER in ours
    assert "ValueError" in ours

    pushed(agent, bare, "agent/edit", "x = 1\nprint(x)", "y = 3")
    ran = Runner(kind, checked_out(bare, server, tmp_path / "run 2" / "checkout"), values).run()

    assert [done.returncode for done in ran.values()] == [0, 0, 0, 0], ran
    assert "::error" not in ran["Review"].stderr
    theirs, ours = (one["body"] for one in server.comments)
    assert theirs == PROPOSED
    assert MARKER in ours
    assert "ValueError" not in ours


def test_the_token_is_where_no_notebook_runs(kind: str) -> None:
    for step in steps_of(kind):
        if "github.token" in str(step):
            assert step["run"].startswith("nbx review --read ")
        if step.get("uses", "").startswith("actions/checkout"):
            assert step["with"]["persist-credentials"] is False
