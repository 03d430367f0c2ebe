"""Executed notebooks are committed beside whoever works in that repository."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from notebook_executor.schedule.committing import Committed, commit_file
from tests.integration.repositories import git, isolate_git, make_repository

BRANCH = "notebook-runs"


@pytest.fixture(autouse=True)
def plain_git(monkeypatch: pytest.MonkeyPatch) -> None:
    isolate_git(monkeypatch)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "repository")


def executed(repository: Path, name: str = "runs/fleet.ipynb", text: str = "outputs") -> Path:
    file = repository / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return file


def shown(repository: Path, name: str = "runs/fleet.ipynb", branch: str = BRANCH) -> str:
    return git(repository, "show", f"{branch}:{name}")


def files(repository: Path, branch: str = BRANCH) -> list[str]:
    return git(repository, "ls-tree", "-r", "--name-only", "-z", branch).split("\0")[:-1]


def count(repository: Path, branch: str = BRANCH) -> int:
    return int(git(repository, "rev-list", "--count", branch))


def test_the_first_commit_makes_a_branch_of_its_own(repository: Path) -> None:
    done = commit_file(executed(repository), BRANCH, "run fleet\n\nof the 20th")

    assert done == Committed(
        state="committed",
        branch=BRANCH,
        commit=git(repository, "rev-parse", BRANCH),
        path="runs/fleet.ipynb",
    )
    assert files(repository) == ["runs/fleet.ipynb"]
    assert shown(repository) == "outputs"
    assert git(repository, "log", "--format=%B %an", BRANCH).split() == (
        ["run", "fleet", "of", "the", "20th", "notebook_executor"]
    )


def test_it_adds_to_what_is_there_and_is_never_empty(repository: Path) -> None:
    first = commit_file(executed(repository, "runs/a/1.ipynb"), BRANCH, "1")
    second = commit_file(executed(repository, "runs/a/2 ü\n.ipynb"), BRANCH, "2")
    again = commit_file(repository / "runs/a/1.ipynb", BRANCH, "again")
    changed = commit_file(executed(repository, "runs/a/1.ipynb", "other"), BRANCH, "changed")

    assert git(repository, "rev-parse", f"{BRANCH}~2") == first.commit
    assert again == second.model_copy(update={"state": "unchanged", "path": "runs/a/1.ipynb"})
    assert changed.state == "committed"
    assert count(repository) == 3
    assert files(repository) == ["runs/a/1.ipynb", "runs/a/2 ü\n.ipynb"]
    assert shown(repository, "runs/a/1.ipynb") == "other"


def test_who_works_there_notices_nothing(repository: Path) -> None:
    git(repository, "checkout", "--quiet", "-b", "feature")
    (repository / "README").write_text("second\n", "utf-8")
    (repository / "staged").write_text("staged\n", "utf-8")
    git(repository, "add", "staged")
    (repository / ".gitignore").write_text("runs/\n", "utf-8")
    index = (repository / ".git/index").read_bytes()
    status = git(repository, "status", "--porcelain=v2", "--branch")
    executed(repository)

    assert commit_file(repository / "runs/fleet.ipynb", BRANCH, "run").state == "committed"

    assert (repository / ".git/index").read_bytes() == index
    assert git(repository, "status", "--porcelain=v2", "--branch") == status
    assert git(repository, "symbolic-ref", "HEAD") == "refs/heads/feature"


def test_outputs_survive_a_filter_that_strips_them(repository: Path) -> None:
    strip = f'"{sys.executable}" -c "print(chr(120))"'
    git(repository, "config", "filter.nbstripout.clean", strip)
    git(repository, "config", "filter.nbstripout.required", "true")
    (repository / ".gitattributes").write_text("*.ipynb filter=nbstripout text eol=crlf\n", "utf-8")
    file = executed(repository)
    assert git(repository, "hash-object", "--path=x.ipynb", str(file)) != git(
        repository, "hash-object", "--no-filters", str(file)
    )

    commit_file(file, BRANCH, "run")

    assert shown(repository) == "outputs"


def test_a_file_gives_way_to_a_folder_and_a_folder_to_a_file(repository: Path) -> None:
    commit_file(executed(repository, "runs"), BRANCH, "a file")
    (repository / "runs").unlink()
    commit_file(executed(repository, "runs/fleet.ipynb"), BRANCH, "in a folder")

    assert files(repository) == ["runs/fleet.ipynb"]
    assert count(repository) == 2


def _detached(repository: Path) -> None:
    git(repository, "checkout", "--quiet", "--detach")


def _merging(repository: Path) -> None:
    git(repository, "checkout", "--quiet", "-b", "other")
    (repository / "README").write_text("theirs\n", "utf-8")
    git(repository, "commit", "--quiet", "-am", "theirs")
    git(repository, "checkout", "--quiet", "main")
    (repository / "README").write_text("ours\n", "utf-8")
    git(repository, "commit", "--quiet", "-am", "ours")
    git(repository, "merge", "other", check=False)
    assert (repository / ".git/MERGE_HEAD").exists()


def _locked(repository: Path) -> None:
    (repository / ".git/index.lock").touch()


@pytest.mark.parametrize("how", [_detached, _merging, _locked])
def test_the_state_of_the_repository_does_not_matter(
    repository: Path, how: Callable[[Path], None]
) -> None:
    how(repository)
    assert commit_file(executed(repository), BRANCH, "run").state == "committed"


def test_a_repository_without_any_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch=main", "new")
    file = executed(tmp_path / "new")

    assert commit_file(file, BRANCH, "run").state == "committed"
    refused = commit_file(file, "main", "run")

    assert refused.state == "failed"
    assert "checked out" in str(refused.problem)


def test_a_linked_working_tree(repository: Path) -> None:
    git(repository, "worktree", "add", "--quiet", "../linked")
    done = commit_file(executed(repository.parent / "linked"), BRANCH, "run")

    assert done.state == "committed"
    assert shown(repository) == "outputs"


def test_git_directories_elsewhere_and_of_the_environment(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apart = make_repository(tmp_path / "apart", "--separate-git-dir", str(tmp_path / "store"))
    monkeypatch.setenv("GIT_DIR", str(repository / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(repository / ".git/index"))

    assert commit_file(executed(apart), BRANCH, "run").state == "committed"

    monkeypatch.undo()
    assert shown(apart) == "outputs"
    assert not git(repository, "branch", "--list", BRANCH)


@pytest.mark.parametrize("linked", [False, True])
def test_a_branch_that_is_checked_out_is_left_alone(repository: Path, linked: bool) -> None:
    commit_file(executed(repository), BRANCH, "first")
    tip = git(repository, "rev-parse", BRANCH)
    if linked:
        git(repository, "worktree", "add", "--quiet", "../linked", BRANCH)
    else:
        git(repository, "checkout", "--quiet", "--force", BRANCH)

    refused = commit_file(executed(repository, text="second"), BRANCH, "second")

    assert refused.state == "failed"
    place = repository.parent / "linked" if linked else repository
    assert f"is checked out in {place}, whose next commit would undo" in str(refused.problem)
    assert git(repository, "rev-parse", BRANCH) == tip


@pytest.mark.parametrize("required", [False, True])
def test_outside_of_a_working_tree(repository: Path, tmp_path: Path, required: bool) -> None:
    for place in (tmp_path, repository / ".git"):
        done = commit_file(executed(place), BRANCH, "run", required=required)

        assert done.state == ("failed" if required else "none")
        assert ("is in no git working tree" in str(done.problem)) is required


def test_where_there_is_no_git(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert commit_file(executed(tmp_path), BRANCH, "run", required=False).state == "none"
    assert commit_file(executed(tmp_path), BRANCH, "run").state == "failed"
    assert commit_file(executed(repository), BRANCH, "run", required=False).state == "failed"


@pytest.mark.parametrize("branch", ["two..dots", "-x/", "a b", "x.lock", ""])
def test_a_name_that_no_branch_can_have(repository: Path, branch: str) -> None:
    refused = commit_file(executed(repository), branch, "run")
    assert refused.state == "failed"
    assert "check-ref-format" in str(refused.problem)


def test_a_branch_that_cannot_be_made_is_given_up(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notebook_executor.schedule.committing._PATIENCE", 0.2)
    git(repository, "branch", f"{BRANCH}/below")

    refused = commit_file(executed(repository), BRANCH, "run")

    assert refused.state == "failed"
    assert f"'{BRANCH}' cannot be moved" in str(refused.problem)


def test_many_at_once_lose_nothing(repository: Path) -> None:
    """Six commit on one branch, each again when another one was faster."""
    notebooks = [executed(repository, f"runs/{number}.ipynb") for number in range(18)]
    done: list[Committed] = []

    def commit(part: list[Path]) -> None:
        done.extend(commit_file(file, BRANCH, f"run {file.stem}") for file in part)

    threads = [threading.Thread(target=commit, args=(notebooks[n::6],)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {each.state for each in done} == {"committed"}
    assert count(repository) == len(files(repository)) == len(notebooks)


def test_who_is_known_to_git_commits(repository: Path) -> None:
    git(repository, "config", "user.name", "Operator")
    git(repository, "config", "user.email", "operator@example.org")
    git(repository, "config", "commit.gpgSign", "true")

    assert commit_file(executed(repository), BRANCH, "run").state == "committed"
    assert git(repository, "log", "--format=%an %ce", BRANCH) == "Operator operator@example.org"
