"""Which notebooks a review finds, between commits, the index and the working tree of real git."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from notebook_executor.errors import UsageError
from notebook_executor.git.repository import GitError
from notebook_executor.review.changes import find_changes
from notebook_executor.review.comparison import Comparison, compare
from tests.integration.repositories import git, isolate_git
from tests.review_projects import Project


@pytest.fixture(autouse=True)
def isolated_git(monkeypatch: pytest.MonkeyPatch) -> None:
    isolate_git(monkeypatch)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project.make(tmp_path / "project")
    for name in ("kept", "edited", "moved", "gone"):
        made.notebook(f"notebooks/{name}.ipynb", f"print('{name}')", "1 + 1", "2 + 2", "3 + 3")
    made.commit("base")
    made.branch("change")
    return made


Compare = Callable[..., Comparison]


@pytest.fixture
def compared(tmp_path: Path, project: Project) -> Compare:
    made: list[Path] = []

    def run(
        base: str = "main", head: str | None = None, index: bool = False, root: Path | None = None
    ) -> Comparison:
        place = tmp_path / f"place-{len(made)}"
        place.mkdir()
        made.append(place)
        return compare(root or project.top, base, head, index=index, place=place)

    return run


def _told(comparison: Comparison, *paths: str) -> list[tuple[str, str | None, str]]:
    found = find_changes(comparison, paths).notebooks
    return [(one.change, one.base_path, one.path) for one in found]


def _edit(project: Project) -> None:
    project.notebook("notebooks/edited.ipynb", "print('otherwise')", "1 + 1", "2 + 2", "3 + 3")


def test_each_kind_of_change_is_told_apart_in_every_head(
    project: Project, compared: Compare
) -> None:
    _edit(project)
    project.notebook("notebooks/new one.ipynb", "print('new')")
    (project.top / "notebooks/moved.ipynb").rename(project.top / "elsewhere.ipynb")
    (project.top / "notebooks/gone.ipynb").unlink()
    project.write("notebooks/library.py", "")
    expected = [
        ("renamed", "notebooks/moved.ipynb", "elsewhere.ipynb"),
        ("modified", "notebooks/edited.ipynb", "notebooks/edited.ipynb"),
        ("deleted", "notebooks/gone.ipynb", "notebooks/gone.ipynb"),
        ("added", None, "notebooks/new one.ipynb"),
    ]

    assert _told(compared()) == expected
    assert _told(compared(index=True)) == []

    git(project.top, "add", "--all")
    assert _told(compared(index=True)) == expected

    project.commit()
    assert _told(compared(head="change")) == expected
    assert _told(compared(head="HEAD")) == expected


def test_nothing_of_the_repository_is_written(project: Project, compared: Compare) -> None:
    _edit(project)
    git(project.top, "add", "--all")
    project.notebook("notebooks/untracked.ipynb", "print('new')")
    os.utime(project.top / "notebooks/kept.ipynb")  # what git would note in its index
    hook = project.top / ".git/hooks/post-index-change"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch '{project.top}/hooked'\n")
    hook.chmod(0o755)
    before = project.state()

    for index in (False, True):
        comparison = compared(index=index)
        find_changes(comparison)
        folder = comparison.new.repository.top.parent / f"laid-out-{index}"
        folder.mkdir()
        comparison.new.lay_out(folder, folder.with_suffix(".index"))
        assert (folder / "notebooks/edited.ipynb").read_bytes() == (
            project.top / "notebooks/edited.ipynb"
        ).read_bytes()

    assert project.state() == before


def test_what_the_base_did_later_is_no_change(project: Project, compared: Compare) -> None:
    _edit(project)
    project.commit()
    git(project.top, "checkout", "--quiet", "main")
    project.notebook("notebooks/kept.ipynb", "print('changed on main')")
    project.commit("later")
    git(project.top, "checkout", "--quiet", "change")

    assert [path for _, _, path in _told(compared(head="change"))] == ["notebooks/edited.ipynb"]


def test_executed_notebooks_and_checkpoints_are_none(project: Project, compared: Compare) -> None:
    for path in ("runs/a.ipynb", "deep/runs/b/c.ipynb", ".ipynb_checkpoints/d.ipynb"):
        project.notebook(path, "1")
    (project.top / "runs").mkdir(exist_ok=True)
    git(project.top, "add", "--all", "--force")
    # Into runs/, it is gone; out of it, it is new.
    git(project.top, "mv", "notebooks/moved.ipynb", "runs/moved.ipynb")

    assert _told(compared(index=True)) == [
        ("deleted", "notebooks/moved.ipynb", "notebooks/moved.ipynb")
    ]


def test_a_reference_that_changes_alone_has_its_notebook_reviewed(
    project: Project, compared: Compare
) -> None:
    project.notebook("runs/reference/notebooks/kept.ipynb", "print('kept')#>kept", run=True)
    project.notebook("runs/reference/notebooks/nobody.ipynb", "1", run=True)

    assert _told(compared()) == [
        ("modified", "notebooks/kept.ipynb", "notebooks/kept.ipynb"),
    ]


def test_paths_narrow_it_down(project: Project, compared: Compare) -> None:
    _edit(project)
    project.notebook("other/new.ipynb", "1")
    comparison = compared()

    assert [path for *_, path in _told(comparison, "other")] == ["other/new.ipynb"]
    assert [path for *_, path in _told(comparison, "notebooks/edited.ipynb")] == [
        "notebooks/edited.ipynb"
    ]
    assert len(_told(comparison, ".")) == 2
    found = find_changes(comparison, ["notebooks/edit"])
    assert found.notebooks == ()
    assert found.warnings == ("No notebook has changed in notebooks/edit.",)


@pytest.mark.parametrize("name", ["a b.ipynb", "ä ö.ipynb", "new\nline.ipynb", '"q" [x]*.ipynb'])
def test_any_path_is_taken_as_it_is(project: Project, compared: Compare, name: str) -> None:
    project.notebook(f"notebooks/{name}", "print('x')")
    project.commit()
    comparison = compared(head="HEAD")

    assert _told(comparison) == [("added", None, f"notebooks/{name}")]
    data = comparison.new.read(f"notebooks/{name}")
    assert data == (project.top / "notebooks" / name).read_bytes()
    index = comparison.new.repository.top.parent / "index"
    assert comparison.new.filters([f"notebooks/{name}"], index) == {
        f"notebooks/{name}": "nbstripout"
    }


def test_what_stands_for_a_notebook_is_told_as_what_it_is(
    project: Project, compared: Compare
) -> None:
    (project.top / "link.ipynb").symlink_to("notebooks/kept.ipynb")
    project.write(
        "large.ipynb", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
    )
    Project.make(project.top / "inner")

    found = find_changes(compared())

    obstacles = {one.path: one.obstacle for one in found.notebooks}
    assert "symbolic link to notebooks/kept.ipynb" in obstacles["link.ipynb"]
    assert "Git LFS pointer" in obstacles["large.ipynb"]
    assert len(obstacles) == 2
    assert any("submodule inner" in warning for warning in found.warnings)


def test_a_mode_alone_is_no_change(project: Project, compared: Compare) -> None:
    (project.top / "notebooks/kept.ipynb").chmod(0o755)
    assert _told(compared()) == []


def test_what_a_filter_takes_out_is_no_change(project: Project, compared: Compare) -> None:
    git(project.top, "config", "filter.nbstripout.clean", "sed /volatile/d")
    kept = project.top / "notebooks/kept.ipynb"
    kept.write_text(kept.read_text("utf-8") + "volatile\n", "utf-8")

    assert _told(compared()) == []

    kept.write_text(kept.read_text("utf-8") + "lasting\n", "utf-8")
    assert [path for *_, path in _told(compared())] == ["notebooks/kept.ipynb"]


def test_a_project_in_a_folder_of_the_repository(project: Project, compared: Compare) -> None:
    project.notebook("outside.ipynb", "1")
    project.notebook("inner project/notebooks/a.ipynb", "1")
    project.notebook("inner project/runs/b.ipynb", "1")
    comparison = compared(root=project.top / "inner project")

    assert comparison.prefix == "inner project"
    assert _told(comparison) == [("added", None, "inner project/notebooks/a.ipynb")]
    assert len(_told(comparison, "notebooks")) == 1


def test_a_linked_worktree_is_reviewed_by_its_own_files(
    project: Project, compared: Compare, tmp_path: Path
) -> None:
    linked = tmp_path / "linked tree"
    git(project.top, "worktree", "add", "--quiet", "-b", "other", str(linked), "main")
    Project(linked).notebook("notebooks/there.ipynb", "1")

    assert _told(compared(root=linked)) == [("added", None, "notebooks/there.ipynb")]
    assert _told(compared()) == []


def test_the_index_of_a_hook_is_the_one_of_its_commit(
    project: Project, compared: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    _edit(project)
    shutil.copy(project.top / ".git/index", project.top / ".git/next-index-1.lock")
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/next-index-1.lock")
    git(project.top, "add", "--all")
    monkeypatch.setenv("GIT_DIR", str(project.top / ".git"))

    assert len(_told(compared(index=True))) == 1

    monkeypatch.setenv("GIT_INDEX_FILE", "/somewhere/else")
    assert _told(compared(index=True)) == []


def test_a_branch_that_only_the_remote_has(
    project: Project, compared: Compare, tmp_path: Path
) -> None:
    _edit(project)
    project.commit()
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--branch", "change", str(project.top), str(clone))

    comparison = compared(root=clone, head="HEAD")

    assert comparison.base == "origin/main"
    assert [path for *_, path in _told(comparison)] == ["notebooks/edited.ipynb"]


def test_histories_that_began_apart_are_compared_as_they_are(
    project: Project, compared: Compare
) -> None:
    git(project.top, "checkout", "--quiet", "--orphan", "apart")
    _edit(project)
    project.commit()

    comparison = compared(head="apart")

    assert comparison.merge_base is None
    assert "no history in common" in comparison.warnings[0]
    assert [path for *_, path in _told(comparison)] == ["notebooks/edited.ipynb"]


def test_before_the_first_commit_of_a_branch(project: Project, compared: Compare) -> None:
    git(project.top, "checkout", "--quiet", "--orphan", "unborn")

    assert compared().merge_base is None
    assert _told(compared()) == []


def test_a_shallow_clone_says_what_it_lacks(
    project: Project, compared: Compare, tmp_path: Path
) -> None:
    _edit(project)
    project.commit()
    git(project.top, "checkout", "--quiet", "main")
    project.commit("later")
    clone = tmp_path / "clone"
    git(
        tmp_path, "clone", "--quiet", "--depth=1", "--no-single-branch",
        f"file://{project.top}", str(clone),
    )  # fmt: skip

    with pytest.raises(UsageError, match="shallow") as caught:
        compared(base="origin/change", head="main", root=clone)
    assert "--unshallow" in caught.value.hint


@pytest.mark.parametrize("name", ["nope", "", "--all", "HEAD~9", "main:notebooks", "a\0b"])
def test_what_is_no_commit_is_refused(compared: Compare, name: str) -> None:
    with pytest.raises(UsageError, match="is no commit"):
        compared(base=name)
    with pytest.raises(UsageError, match="is no commit"):
        compared(head=name)


def test_the_index_and_a_commit_exclude_each_other(compared: Compare) -> None:
    with pytest.raises(UsageError, match="of a commit or of the index"):
        compared(head="main", index=True)


def test_outside_of_a_working_tree(compared: Compare, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    git(tmp_path, "init", "--quiet", "--bare", str(bare))
    for place in (tmp_path, bare):
        with pytest.raises(UsageError, match="is in no git working tree"):
            compared(root=place)


def test_without_git(compared: Compare, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="git cannot be run"):
        compared()


def test_conflicts_in_the_index_are_named(project: Project, compared: Compare) -> None:
    _edit(project)
    project.commit()
    git(project.top, "checkout", "--quiet", "-b", "third", "main")
    project.notebook("notebooks/edited.ipynb", "print('a third')")
    project.commit()
    git(project.top, "merge", "change", check=False)

    with pytest.raises(UsageError, match=r"not resolved: notebooks/edited\.ipynb"):
        compared(index=True)


def test_a_filter_that_git_requires_and_that_is_not_there(
    project: Project, compared: Compare
) -> None:
    git(project.top, "config", "filter.nbstripout.clean", "/no/such/program")
    git(project.top, "config", "filter.nbstripout.smudge", "/no/such/program")
    git(project.top, "config", "filter.nbstripout.required", "true")
    _edit(project)

    with pytest.raises(GitError, match="nbstripout"):
        compared()

    # Of a commit nothing has to be filtered.
    comparison = compared(base="main", head="main")
    folder = comparison.new.repository.top.parent / "laid-out"
    folder.mkdir()
    comparison.new.lay_out(folder, folder.with_suffix(".index"))
    assert (folder / "notebooks/kept.ipynb").is_file()
