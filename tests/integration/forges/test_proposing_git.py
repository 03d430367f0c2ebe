"""What a proposal does with branches, its own and those of others, and what it leaves alone."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from notebook_executor.errors import UsageError
from notebook_executor.git.repository import GitError
from notebook_executor.review.proposal import Proposal
from tests.integration.forges import proposals
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
    write_notebook,
)
from tests.integration.forges.server import TOKEN, ForgeState
from tests.integration.repositories import git


@pytest.fixture
def kind() -> str:
    """One is enough for what has to do with git alone."""
    return "gitea"


def test_its_commit(project: Project, bare: Path) -> None:
    project.propose()

    told = git(bare, "show", "--no-patch", "--format=%an <%ae>%n%B", BRANCH)
    author, *message = told.splitlines()
    assert author == "notebook_executor <notebook_executor@localhost>"
    assert message[:3] == [TITLE, "", "It alerts too often."]
    git(project.root, "config", "user.name", "Agent")
    git(project.root, "config", "user.email", "agent@example.org")

    project.propose(other(0.8))

    assert git(bare, "show", "--no-patch", "--format=%an <%ae>", BRANCH) == (
        "Agent <agent@example.org>"
    )


def test_from_another_clone(
    project: Project, server: ForgeState, bare: Path, tmp_path: Path
) -> None:
    first = project.propose()
    (tmp_path / "elsewhere").mkdir()
    git(tmp_path / "elsewhere", "clone", "--quiet", str(bare), "project")
    root = tmp_path / "elsewhere" / "project"
    git(root, "remote", "set-url", "origin", server.remote)

    again = Project(root, project.executed).propose()

    assert (again.state, again.commit) == ("unchanged", first.commit)


def test_another_title_is_another_proposal(project: Project, server: ForgeState) -> None:
    first = project.propose()
    second = project.propose(title="Another one")
    third = project.propose(branch="agents/mine")

    assert len({first.branch, second.branch, third.branch}) == len(server.pulls) == 3
    assert third.branch == "agents/mine"


def test_the_base_has_moved(
    project: Project, server: ForgeState, bare: Path, tmp_path: Path
) -> None:
    first = project.propose()
    commit_on(bare, tmp_path, "main", "other.txt", "other")

    assert project.propose().state == "unchanged"
    assert git(bare, "rev-parse", BRANCH) == first.commit


def test_the_notebook_has_moved_on_in_the_base(
    project: Project, server: ForgeState, bare: Path, tmp_path: Path
) -> None:
    first = project.propose()
    text = json.dumps(proposals.notebook(0.95, authors=[]), indent=1) + "\n"
    tip = commit_on(bare, tmp_path, "main", NOTEBOOK, text)

    second = project.propose()

    assert second.state == "updated"
    assert parents(bare, BRANCH) == [first.commit, tip]
    told = json.loads(git(bare, "show", f"{BRANCH}:{NOTEBOOK}"))
    assert "authors" in told["metadata"]
    assert source_at(bare, BRANCH) == "threshold = 0.9"
    assert git(bare, "diff", "--name-only", f"main...{BRANCH}") == NOTEBOOK
    commit_on(bare, tmp_path, "main", "other.txt", "other")
    assert project.propose().state == "unchanged"


def test_it_was_merged(project: Project, server: ForgeState, bare: Path) -> None:
    project.propose()
    git(bare, "update-ref", "refs/heads/main", BRANCH)
    server.pulls[0]["state"] = "closed"

    with pytest.raises(UsageError, match="The edits change nothing: 'main' has"):
        project.propose()

    made = project.propose(other(0.7))
    assert (made.state, len(server.pulls)) == ("created", 2)
    assert parents(bare, BRANCH) == [git(bare, "rev-parse", "main")]


def test_commits_of_others_are_left_alone(
    project: Project, server: ForgeState, bare: Path, tmp_path: Path
) -> None:
    project.propose()
    foreign = commit_on(bare, tmp_path, BRANCH, "more.txt", "more")

    with pytest.raises(UsageError, match=r"of others: \w+ Test: more.txt of some") as caught:
        project.propose(other(0.8))

    assert caught.value.details["commits"] == [foreign]
    assert git(bare, "rev-parse", BRANCH) == foreign
    assert len(project.reviewed) == 1


def test_an_amended_commit_is_of_others(
    project: Project, server: ForgeState, bare: Path, tmp_path: Path
) -> None:
    project.propose()
    message = git(bare, "show", "--no-patch", "--format=%B", BRANCH)
    text = json.dumps(proposals.notebook(0.5))
    commit_on(bare, tmp_path, BRANCH, NOTEBOOK, text, "-m", message)

    with pytest.raises(UsageError, match="commits of others"):
        project.propose()


def test_a_branch_that_somebody_works_on(project: Project, server: ForgeState) -> None:
    git(project.root, "worktree", "add", "--quiet", "../work", "-b", "agents/mine")

    with pytest.raises(UsageError, match=r"'agents/mine' is checked out in .*work"):
        project.propose(branch="agents/mine")

    assert not server.seen


def test_outputs_stay_behind(project: Project, bare: Path, tmp_path: Path) -> None:
    content = proposals.notebook()
    content["cells"][1]["outputs"] = [{"name": "stdout", "output_type": "stream", "text": "x"}]
    content["cells"][1]["execution_count"] = 7
    commit_on(bare, tmp_path, "main", NOTEBOOK, json.dumps(content, indent=1) + "\n")

    project.propose()

    cell = json.loads(git(bare, "show", f"{BRANCH}:{NOTEBOOK}"))["cells"][1]
    assert (cell["outputs"], cell["execution_count"]) == ([], None)


def test_one_that_fails_is_not_pushed(project: Project, server: ForgeState, bare: Path) -> None:
    project.verdict = "fail"

    made = project.propose()

    assert (made.state, made.url, made.commit, made.ok) == ("failed", None, None, False)
    assert "nothing was pushed" in str(made)
    assert not server.pulls
    assert git(bare, "branch", "--format=%(refname:short)").splitlines() == ["main"]


def test_what_differs_is_for_people_to_accept(project: Project, server: ForgeState) -> None:
    project.verdict = "differs"

    assert project.propose().ok
    assert said(server) == ["pending", "failure"]
    assert "differs from its reference" in server.statuses[-1]["description"]


def test_what_people_have_written_stays(project: Project, server: ForgeState) -> None:
    project.propose()
    pull = server.pulls[0]
    pull["title"] = "A better title"
    pull["body"] = f"Seen by me.\r\n\r\n{pull['body']}\r\nMerge after noon."

    project.propose(other(0.8))

    assert pull["title"] == "A better title"
    assert pull["body"].startswith("Seen by me.\n\nIt alerts too often.\n\n<!-- nbx-review -->\n")
    assert pull["body"].endswith("<!-- /nbx-review -->\n\nMerge after noon.\n")
    assert pull["body"].count("<!-- nbx-review -->") == 1
    pull["body"] = "All taken out."
    project.propose(other(0.7))
    assert pull["body"].startswith("All taken out.\n\n<!-- nbx-review -->\n")


def test_the_clone_need_not_be_up_to_date(
    project: Project, server: ForgeState, bare: Path, tmp_path: Path
) -> None:
    """What counts is what the forge has, not what lies here."""
    write_notebook(project.root, threshold=0.1)
    tip = commit_on(bare, tmp_path, "main", "other.txt", "other")
    tracked = git(project.root, "rev-parse", "refs/remotes/origin/main")

    project.propose()

    assert parents(bare, BRANCH) == [tip]
    assert source_at(bare, BRANCH) == "threshold = 0.9"
    assert git(project.root, "rev-parse", "refs/remotes/origin/main") == tracked


def test_the_token_stays_in_the_environment(
    project: Project,
    server: ForgeState,
    bare: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place, log = proposals.recording_git(tmp_path)
    monkeypatch.setenv("PATH", f"{place}{os.pathsep}{os.environ['PATH']}")
    hook = bare / "hooks/pre-receive"
    hook.parent.mkdir()
    git(project.root, "config", "credential.helper", f"store --file={tmp_path}/kept")

    made = project.propose()
    hook.write_text(f"#!/bin/sh\necho no {TOKEN} today >&2\nexit 1\n", "utf-8")
    hook.chmod(0o755)
    with pytest.raises(GitError, match=r"no \*\*\* today") as caught:
        project.propose(other(0.8))
    hook.unlink()

    assert "push" in log.read_text("utf-8")
    assert not (tmp_path / "kept").exists()
    told = f"{made!r} {made} {made.to_json()} {caught.value!r} {caught.value.details}"
    assert TOKEN not in told
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert TOKEN.encode() not in file.read_bytes(), file
    for seen in server.seen:
        assert TOKEN not in f"{seen.path} {seen.query} {seen.body}"


def test_no_hook_is_run(project: Project, tmp_path: Path) -> None:
    for name in ("pre-commit", "commit-msg", "pre-push", "post-commit", "reference-transaction"):
        hook = project.root / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran-{name}\nexit 1\n", "utf-8")
        hook.chmod(0o755)

    project.propose()

    assert [path.name for path in tmp_path.glob("ran-*")] == []


def test_two_at_once(project: Project, server: ForgeState, bare: Path) -> None:
    together = threading.Barrier(2)
    made: list[Proposal] = []

    class Both(Project):
        def review(self, base: str, head: str) -> Any:
            together.wait(120)
            return super().review(base, head)

    twins = [Both(project.root, project.executed) for _ in range(2)]
    threads = [threading.Thread(target=lambda one=one: made.append(one.propose())) for one in twins]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made) == 2
    assert {one.url for one in made} == {server.pulls[0]["html_url"]}
    assert {one.commit for one in made} == {git(bare, "rev-parse", BRANCH)}
    assert len(server.pulls) == 1
    assert git(bare, "rev-list", "--count", f"main..{BRANCH}") == "1"
