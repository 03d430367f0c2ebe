"""A proposal with all that belongs to it: a kernel, git over HTTP, and a forge."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from notebook_executor import NotebookExecutor
from tests.integration.forges.proposals import (
    BRANCH,
    LOWER,
    NOTEBOOK,
    TITLE,
    Project,
    other,
    said,
    source_at,
)
from tests.integration.forges.server import TOKEN, ForgeState
from tests.integration.repositories import git


@pytest.mark.parametrize("kind", ["gitea"])
def test_an_agents_edit(project: Project, server: ForgeState, bare: Path) -> None:
    before = project.state()
    with NotebookExecutor(project.root) as executor:
        made = executor.propose(NOTEBOOK, LOWER, title=TITLE, body="Why.", rerun_base=True)
        failed = executor.propose(NOTEBOOK, other(2), title="Another one")

    assert (made.state, made.review.verdict) == ("created", "nothing_to_compare")
    reviewed = made.review.notebooks[0]
    assert reviewed.executes is True
    delta = reviewed.scraps["health_score"]
    assert (delta.base, delta.head, delta.direction) == (0.89, 0.94, "up")
    assert "was 0.89, is 0.94" in server.pulls[0]["body"]
    archive = zipfile.ZipFile(io.BytesIO(server.files[server.assets[0]["id"]]))
    executed = json.loads(archive.read(NOTEBOOK))
    assert executed["metadata"]["nbx"]["run_id"] == reviewed.run_id
    assert b"0.94" in archive.read("review.html")
    assert said(server) == ["pending", "success"]

    assert (failed.state, failed.url, failed.review.verdict) == ("failed", None, "fail")
    assert "ValueError" in str(failed)
    assert len(server.pulls) == 1
    assert git(bare, "branch", "--list", "nbx/*").split() == [BRANCH]
    assert project.state() == before


@pytest.mark.parametrize("kind", ["github"])
def test_from_the_command_line(project: Project, server: ForgeState, bare: Path) -> None:
    def nbx(*arguments: str, edits: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "notebook_executor.cli.main", "propose", NOTEBOOK, *arguments],
            cwd=project.root, env={**os.environ, "NBX_FORGE_TOKEN": TOKEN},
            input=json.dumps(edits), capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    done = nbx("--title", TITLE, "-p", "threshold", "0.5", "--json", "--no-attach", edits=LOWER)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["url"] == server.pulls[0]["html_url"]
    assert made["review"]["notebooks"][0]["parameters"] == {"threshold": 0.5}
    assert source_at(bare, made["branch"]) == "threshold = 0.9"

    done = nbx("--title", "Fails", edits=other(2))
    assert (done.returncode, done.stdout.count("nothing was pushed")) == (1, 1)
    done = nbx("--title", "Same", edits=other(0.95))
    assert done.returncode == 2
    assert done.stderr.startswith("error: The edits change nothing")
    server.archived = True
    done = nbx("--title", "Archived", edits=LOWER)
    assert done.returncode == 3
    assert "it is archived" in done.stderr
    assert len(server.pulls) == 1
