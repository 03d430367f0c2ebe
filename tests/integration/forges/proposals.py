"""A project whose notebook is to be changed, and what a review of the change would be."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from notebook_executor.review.forges.speaking import Pace
from notebook_executor.review.models import NotebookReview, Review, Verdict
from notebook_executor.review.proposal import Proposal
from notebook_executor.review.proposing import ProposalRequest, propose
from tests.integration.forges.server import ForgeState
from tests.integration.repositories import git

QUICK = Pace(waits=(0.01, 0.01), silence=20.0)
NOTEBOOK = "notebooks/fleet check.ipynb"
TITLE = "Lower the alert threshold"
BRANCH = "nbx/fleet-check-lower-the-alert-threshold-d33a981a"
LOWER = {"op": "set_parameter", "name": "threshold", "value": 0.9}


@dataclass
class Project:
    """A clone, and a review that stands for one that takes a kernel.

    Attributes:
        reviewed: The base's and the head's commit of each review that was asked for.
    """

    root: Path
    executed: Path
    verdict: Verdict = "pass"
    reviewed: list[tuple[str, str]] = field(default_factory=list)

    def propose(self, edits: Any = LOWER, **options: Any) -> Proposal:
        asked = {
            "path": self.root / NOTEBOOK,
            "edits": edits,
            "title": TITLE,
            "base": "main",
            "branch": None,
            "body": "It alerts too often.",
            "allow_failing": False,
            "attach": True,
            **options,
        }
        return propose(ProposalRequest(**asked), self.root, self.review, QUICK)

    def review(self, base: str, head: str) -> Review:
        self.reviewed.append((base, head))
        notebook = NotebookReview(
            path=NOTEBOOK,
            base_path=NOTEBOOK,
            change="modified",
            verdict=self.verdict,
            executes=self.verdict != "fail",
            matches_reference={"pass": True, "differs": False}.get(self.verdict),
            run_id=f"run-{len(self.reviewed)}",
            output_path=str(self.executed),
        )
        return Review(
            verdict=self.verdict,
            base=base,
            head=head,
            base_commit=base,
            head_commit=head,
            merge_base=base,
            notebooks=(notebook,),
            duration_seconds=0.1,
        )

    def state(self) -> tuple[str, ...]:
        """All of the clone that is its people's: references aside that follow the remote."""
        return (
            git(self.root, "for-each-ref", "refs/heads", "refs/tags", "refs/stash"),
            git(self.root, "status", "--porcelain=v2", "--branch"),
            git(self.root, "diff"),
            git(self.root, "diff", "--cached"),
            git(self.root, "config", "--list", "--local"),
            git(self.root, "worktree", "list"),
            git(self.root, "symbolic-ref", "HEAD"),
        )


def notebook(threshold: float = 0.95, **metadata: Any) -> dict[str, Any]:
    parameters = f"threshold = {threshold}"
    score = (
        "from hermes_runtime import glue\n"
        "glue('health_score', round(1.84 - threshold, 2))\n"
        "if threshold > 1:\n    raise ValueError(threshold)"
    )
    return {
        "cells": [
            _cell("parameters", parameters, tags=["parameters"]),
            _cell("score", score),
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}, **metadata},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _cell(identity: str, source: str, **metadata: Any) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": identity,
        "metadata": metadata,
        "outputs": [],
        "source": source.splitlines(keepends=True),
    }


def write_notebook(root: Path, **fields: Any) -> None:
    path = root / NOTEBOOK
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(notebook(**fields), indent=1) + "\n", "utf-8")


def make_clone(root: Path, bare: Path) -> None:
    """A clone with a notebook that is still to be pushed, in the middle of somebody's work."""
    git(root.parent, "clone", "--quiet", str(bare), str(root))
    write_notebook(root)
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "a notebook")
    git(root, "update-ref", "refs/remotes/origin/main", "main")
    git(root, "checkout", "--quiet", "-b", "somebodys-work")
    (root / "README").write_text("half done\n", "utf-8")
    (root / "staged").write_text("staged\n", "utf-8")
    git(root, "add", "staged")
    (root / "untracked").write_text("untracked\n", "utf-8")


def write_executed(folder: Path) -> Path:
    """The notebook that a run has left behind."""
    executed = folder / "executed.ipynb"
    executed.write_text(json.dumps(notebook(0.9)), "utf-8")
    return executed


def commit_on(bare: Path, folder: Path, branch: str, path: str, text: str, *more: str) -> str:
    """A commit of somebody else, on the forge."""
    clone = folder / f"other-{len(list(folder.iterdir()))}"
    git(folder, "clone", "--quiet", "--branch", branch, str(bare), str(clone))
    (clone / path).parent.mkdir(exist_ok=True, parents=True)
    (clone / path).write_text(text, "utf-8")
    git(clone, "add", ".")
    git(clone, "commit", "--quiet", "-m", f"{path} of somebody else", *more)
    git(clone, "push", "--quiet", "origin", branch)
    return git(clone, "rev-parse", "HEAD")


def source_at(bare: Path, branch: str) -> str:
    """The first cell of the notebook on a branch of the forge."""
    told = git(bare, "show", f"{branch}:{NOTEBOOK}")
    return "".join(json.loads(told)["cells"][0]["source"])


def parents(bare: Path, branch: str) -> list[str]:
    return git(bare, "show", "--no-patch", "--format=%P", branch).split()


def recording_git(folder: Path) -> tuple[Path, Path]:
    """A folder for PATH with a git that writes down what it is called with; and where."""
    real = subprocess.run(
        ["sh", "-c", "command -v git"], capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()
    place, log = folder / "bin", folder / "called"
    place.mkdir()
    program = place / "git"
    program.write_text(f'#!/bin/sh\necho "$@" >> {log}\nexec {real} "$@"\n', "utf-8")
    program.chmod(0o755)
    return place, log


def other(value: float) -> dict[str, Any]:
    return {**LOWER, "value": value}


def said(server: ForgeState) -> list[Any]:
    """The states of the commits' statuses, in the order in which they were set."""
    return [one.get("status", one.get("state")) for one in server.statuses]
