"""Edits become a pull request, once, and the clone that they come from stays as it is."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from notebook_executor.review.proposal import Proposal
from tests.integration.forges.proposals import (
    BRANCH,
    NOTEBOOK,
    TITLE,
    Project,
    commit_on,
    other,
    parents,
    said,
    source_at,
)
from tests.integration.forges.server import ForgeState
from tests.integration.repositories import git


def test_a_pull_request(project: Project, server: ForgeState, bare: Path, kind: str) -> None:
    before = project.state()
    tip = git(bare, "rev-parse", "main")

    made = project.propose()

    assert (made.state, made.branch, made.base, made.path) == ("created", BRANCH, "main", NOTEBOOK)
    pull = server.pulls[0]
    assert (made.url, made.number) == (pull["html_url"], pull["number"])
    assert (pull["title"], pull["head"]["ref"], pull["base"]["ref"]) == (TITLE, BRANCH, "main")
    assert pull["body"].startswith("It alerts too often.\n\n<!-- nbx-review -->\n")
    assert "matches" in pull["body"]
    assert made.commit == git(bare, "rev-parse", BRANCH)
    assert parents(bare, BRANCH) == [tip]
    assert git(bare, "diff", "--name-only", "main", BRANCH) == NOTEBOOK
    assert source_at(bare, BRANCH) == "threshold = 0.9"
    assert project.reviewed == [(tip, made.commit)]
    assert (made.review.base, made.review.head) == ("main", BRANCH)
    assert said(server) == ["pending", "success"]
    assert {one["sha"] for one in server.statuses} == {made.commit}
    comment = server.comments[0]
    assert comment["body"].startswith("<!-- nbx-proposal -->\n")
    assert server.statuses[-1]["target_url"] == comment["html_url"]
    assert all(link.url in comment["body"] for link in made.files)
    assert project.state() == before
    assert Proposal.model_validate_json(made.to_json()) == made
    assert made.ok


def test_what_is_kept(project: Project, server: ForgeState, bare: Path, kind: str) -> None:
    made = project.propose()

    if kind == "gitea":
        archive = zipfile.ZipFile(io.BytesIO(server.files[server.assets[0]["id"]]))
        files = {name: archive.read(name) for name in archive.namelist()}
        assert [link.name for link in made.files] == ["nbx-review-run-1.zip"]
    else:
        place = f"notebook-runs:proposals/{BRANCH}"
        files = {
            name: git(bare, "show", f"{place}/{name}").encode()
            for name in ("review.html", NOTEBOOK)
        }
        commit = git(bare, "rev-parse", "notebook-runs")
        assert [link.name for link in made.files] == ["review.html", NOTEBOOK]
        assert made.files[0].url == f"{server.web}/blob/{commit}/proposals/{BRANCH}/review.html"
        assert parents(bare, "notebook-runs") == []

    assert sorted(files) == [NOTEBOOK, "review.html"]
    assert files[NOTEBOOK] == project.executed.read_bytes()
    assert b"<!doctype html>" in files["review.html"].lower()


def test_nothing_is_kept_unasked(project: Project, server: ForgeState, bare: Path) -> None:
    made = project.propose(attach=False)

    assert (made.files, made.problems, server.assets) == ((), (), [])
    assert not git(bare, "branch", "--list", "notebook-runs")


def test_once_more(project: Project, server: ForgeState, bare: Path) -> None:
    first = project.propose()

    again = project.propose()

    assert (again.state, again.commit, again.url) == ("unchanged", first.commit, first.url)
    assert len(server.pulls) == len(server.comments) == 1
    assert said(server) == ["pending", "success"]
    assert git(bare, "rev-list", "--count", f"main..{BRANCH}") == "1"
    assert len(server.assets) < 2
    assert git(bare, "branch", "--list").count("nbx/") == 1


def test_other_edits_under_the_same_title(project: Project, server: ForgeState, bare: Path) -> None:
    first = project.propose()

    second = project.propose(other(0.8))

    assert (second.state, second.url) == ("updated", first.url)
    assert parents(bare, BRANCH) == [first.commit]
    assert source_at(bare, BRANCH) == "threshold = 0.8"
    assert len(server.pulls) == len(server.comments) == 1
    assert str(second.commit)[:10] in server.comments[0]["body"]
    assert said(server) == ["pending", "success"] * 2


def test_one_that_fails_and_is_proposed_all_the_same(project: Project, server: ForgeState) -> None:
    project.verdict = "fail"

    made = project.propose(allow_failing=True)

    assert (made.state, made.ok) == ("created", False)
    assert said(server) == ["pending", "failure"]
    project.verdict = "pass"
    assert project.propose(other(0.8), allow_failing=True).ok
    assert said(server)[-1] == "success"


@pytest.mark.parametrize("kind", ["github"])
def test_runs_of_others_stay(project: Project, bare: Path, tmp_path: Path) -> None:
    git(bare, "branch", "notebook-runs", "main")
    theirs = commit_on(bare, tmp_path, "notebook-runs", "runs/x.ipynb", "x")

    project.propose()

    assert parents(bare, "notebook-runs") == [theirs]
    assert git(bare, "show", "notebook-runs:runs/x.ipynb") == "x"
