"""A proposal that cannot be made leaves nothing half-done, and a second try completes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from notebook_executor.errors import ForgeError, UsageError
from notebook_executor.git.repository import GitError
from tests.integration.forges.proposals import (
    BRANCH,
    LOWER,
    Project,
    other,
    said,
    source_at,
)
from tests.integration.forges.server import Fault, ForgeState
from tests.integration.repositories import git


@pytest.fixture
def kind() -> str:
    """One is enough for what has to do with git alone."""
    return "gitea"


STEPS = {
    "pending status": ("POST", "/statuses/"),
    "pull request": ("POST", "/pulls$"),
    "file": ("POST", "/assets$"),
    "comment": ("POST", "/comments$"),
}


@pytest.mark.parametrize("how", ["answer", "drop", "drop after"])
@pytest.mark.parametrize("step", STEPS)
def test_wherever_the_forge_fails_a_second_try_completes(
    project: Project, server: ForgeState, bare: Path, step: str, how: Any
) -> None:
    server.faults.append(Fault(*STEPS[step], how, status=503))
    found_again = (step, how) == ("pull request", "drop after")

    if not found_again:
        with pytest.raises(ForgeError) as caught:
            project.propose()
        assert caught.value.hint
        there = server.pulls[0]["html_url"] if server.pulls else f"The branch {BRANCH!r} is pushed"
        assert there in caught.value.message
        assert not server.statuses or said(server)[-1] == "pending"
    made = project.propose()

    assert made.state == "created" if step == "pending status" else made.url
    assert len(server.pulls) == len(server.comments) == len(server.assets) == 1
    assert said(server)[-1] == "success"
    assert git(bare, "rev-list", "--count", f"main..{BRANCH}") == "1"


@pytest.mark.parametrize(("status", "kept"), [(403, False), (422, False), (500, True)])
def test_a_branch_goes_where_the_pull_request_is_refused(
    project: Project, server: ForgeState, bare: Path, status: int, kept: bool
) -> None:
    server.faults.append(Fault("POST", "/pulls$", status=status))

    with pytest.raises(ForgeError, match="is pushed" if kept else "was taken back"):
        project.propose()

    assert bool(git(bare, "branch", "--list", BRANCH)) is kept
    assert project.propose().url
    server.faults.append(Fault("GET", "/pulls$", status=403))
    with pytest.raises(ForgeError, match="is pushed"):
        project.propose(other(0.8))
    assert source_at(bare, BRANCH) == "threshold = 0.8"


@pytest.mark.parametrize("status", [404, 413, 422])
def test_a_forge_that_keeps_no_files(project: Project, server: ForgeState, status: int) -> None:
    server.faults.append(Fault("POST", "/assets$", status=status))

    made = project.propose()

    assert made.files == ()
    assert "could not be attached" in made.problems[0]
    assert made.ok
    assert said(server)[-1] == "success"


def test_no_token(project: Project, server: ForgeState, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NBX_FORGE_TOKEN")
    with pytest.raises(ForgeError, match="There is no token for the forge at 127"):
        project.propose()
    monkeypatch.setenv("NBX_FORGE_TOKEN", "another")
    with pytest.raises(ForgeError, match="401") as caught:
        project.propose()

    assert "It came from NBX_FORGE_TOKEN." in caught.value.hint
    assert not project.reviewed


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"title": " "}, "A title is one line"),
        ({"title": "two\nlines"}, "A title is one line"),
        ({"title": "x" * 300}, "A title is one line"),
        ({"body": "x" * 70_000}, "no room for the report"),
        ({"branch": "main"}, "is the base itself"),
        ({"branch": "a..b"}, "cannot be the name of a branch"),
        ({"branch": "-x"}, "cannot be the name of a branch"),
        ({"base": "nowhere"}, "has no branch 'nowhere'"),
        ({"path": Path("notebooks/other.ipynb")}, "has no notebooks/other.ipynb"),
        ({"path": Path("notebooks")}, "is not an ordinary file"),
        ({"path": Path("README")}, "README"),
        ({"path": Path("runs/x/executed.ipynb")}, "is an executed notebook"),
        ({"path": Path("..", "elsewhere.ipynb")}, "is not in the repository"),
        ({"edits": other(0.95)}, "The edits change nothing"),
        ({"edits": {"op": "fly"}}, "'fly' is no operation"),
        ({"edits": {"op": "delete", "cell": "gone"}}, "gone"),
        ({"edits": {**LOWER, "if_hash": "0"}}, "."),
    ],
)
def test_what_cannot_be_proposed(
    project: Project, server: ForgeState, bare: Path, options: dict[str, Any], match: str
) -> None:
    if "path" in options:
        options = {"path": project.root / options["path"]}

    with pytest.raises(UsageError, match=match):
        project.propose(**options)

    assert not server.pulls
    assert git(bare, "branch", "--format=%(refname:short)").splitlines() == ["main"]


def test_a_clone_without_a_forge(project: Project, tmp_path: Path, server: ForgeState) -> None:
    git(project.root, "remote", "set-url", "origin", str(tmp_path))
    with pytest.raises(UsageError, match="is on no forge"):
        project.propose()
    git(project.root, "remote", "remove", "origin")
    with pytest.raises(GitError, match="which of 0 remotes"):
        project.propose()
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="in no git working tree"):
        Project(tmp_path / "empty", project.executed).propose()
