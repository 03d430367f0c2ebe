"""Branches of executed notebooks are pushed, also when other machines push there, too."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from notebook_executor.schedule.committing import Committed, commit_file
from tests.integration.repositories import git, isolate_git, make_repository

BRANCH = "notebook-runs"


@pytest.fixture(autouse=True)
def plain_git(monkeypatch: pytest.MonkeyPatch) -> None:
    isolate_git(monkeypatch)


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """A bare repository that has ``main``; cleaning up would leave a process in the background."""
    bare = tmp_path / "remote.git"
    git(tmp_path, "clone", "--quiet", "--bare", str(make_repository(tmp_path / "first")), str(bare))
    git(bare, "config", "receive.autogc", "false")
    return bare


def machine(remote: Path, name: str) -> Path:
    git(remote.parent, "clone", "--quiet", str(remote), name)
    return remote.parent / name


def run(machine: Path, notebook: str, text: str = "") -> Committed:
    file = machine / "runs" / notebook
    file.parent.mkdir(exist_ok=True)
    file.write_text(text or machine.name, "utf-8")
    return commit_file(file, BRANCH, f"run {notebook} on {machine.name}", push=True)


def files(remote: Path) -> list[str]:
    return git(remote, "ls-tree", "-r", "--name-only", BRANCH).splitlines()


def test_what_is_committed_is_pushed(remote: Path) -> None:
    one = machine(remote, "one")

    done = run(one, "a.ipynb")
    again = run(one, "a.ipynb")

    assert (done.state, done.pushed, done.problem) == ("committed", True, None)
    assert (again.state, again.pushed) == ("unchanged", True)
    assert git(remote, "rev-parse", BRANCH) == done.commit
    assert git(one, "status", "--porcelain") == "?? runs/"


def test_machines_that_began_apart_are_joined(remote: Path) -> None:
    one, two = machine(remote, "one"), machine(remote, "two")

    done = [run(one, "a.ipynb"), run(two, "b.ipynb"), run(one, "c.ipynb"), run(two, "d.ipynb")]

    assert [each.pushed for each in done] == [True] * 4
    assert files(remote) == [f"runs/{name}.ipynb" for name in "abcd"]
    ours = git(two, "rev-list", "--no-merges", "--count", BRANCH)
    assert ours == git(remote, "rev-list", "--no-merges", "--count", BRANCH) == "4"


def test_of_one_file_that_differs_the_later_counts(remote: Path) -> None:
    one, two = machine(remote, "one"), machine(remote, "two")

    run(one, "a.ipynb", "earlier")
    run(two, "a.ipynb", "later")

    assert git(remote, "show", f"{BRANCH}:runs/a.ipynb") == "later"
    assert "earlier" in git(remote, "log", "-p", "--format=", BRANCH)


def test_what_others_removed_and_what_was_not_pushed_stays_so(remote: Path) -> None:
    one, two = machine(remote, "one"), machine(remote, "two")
    run(one, "a.ipynb")
    run(two, "b.ipynb")
    git(two, "worktree", "add", "--quiet", "../edited", BRANCH)
    edited = two.parent / "edited"
    git(edited, "rm", "--quiet", "runs/a.ipynb")
    git(edited, "commit", "--quiet", "-m", "tidy")
    git(two, "worktree", "remove", "../edited")

    run(one, "c.ipynb")
    run(two, "d.ipynb")

    assert files(remote) == ["runs/b.ipynb", "runs/c.ipynb", "runs/d.ipynb"]


def test_several_at_once_push_all(remote: Path) -> None:
    machines = [machine(remote, name) for name in ("one", "two", "three")]
    done: list[Committed] = []

    def work(place: Path) -> None:
        done.extend(run(place, f"{place.name}-{number}.ipynb") for number in range(2))

    threads = [threading.Thread(target=work, args=(place,)) for place in machines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [(each.pushed, each.problem) for each in done] == [(True, None)] * 6
    assert len(files(remote)) == 6


def test_a_push_that_is_refused_leaves_the_commit(remote: Path) -> None:
    hook = remote / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho not today >&2\nexit 1\n", "utf-8")
    hook.chmod(0o755)
    one = machine(remote, "one")

    done = run(one, "a.ipynb")

    assert (done.state, done.pushed) == ("committed", False)
    assert "not today" in str(done.problem)
    assert git(one, "rev-parse", BRANCH) == done.commit


def test_a_remote_that_is_not_there(remote: Path) -> None:
    one = machine(remote, "one")
    git(one, "remote", "set-url", "origin", str(remote.parent / "gone.git"))
    assert "gone.git" in str(run(one, "a.ipynb").problem)

    git(one, "remote", "remove", "origin")
    assert "which of 0 remotes" in str(run(one, "b.ipynb").problem)


def test_the_remote_that_git_would_push_to(remote: Path) -> None:
    one = machine(remote, "one")
    git(remote.parent, "init", "--quiet", "--bare", "backup.git")
    git(one, "remote", "add", "backup", str(remote.parent / "backup.git"))
    git(one, "config", f"branch.{BRANCH}.remote", "backup")

    assert run(one, "a.ipynb").pushed is True
    assert files(remote.parent / "backup.git") == ["runs/a.ipynb"]
