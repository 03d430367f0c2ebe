"""What git keeps of notebooks: in clones with the filter and without, wherever they lie."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from notebook_executor.git import drivers
from tests.integration.clones import (
    bare_path,
    environment_of,
    executed,
    isolate_commands,
    make_clone,
    nbx,
    set_up,
    settings,
    sources,
    typed,
)
from tests.integration.repositories import git


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    isolate_commands(monkeypatch)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as changed:
        isolate_commands(changed)
        made = make_clone(tmp_path_factory.mktemp("template") / "clone")
        set_up(made)
    return made


@pytest.fixture
def clone(template: Path, tmp_path: Path) -> Path:
    """A clone that was set up, in a folder with a space in its name."""
    return shutil.copytree(template, tmp_path / "my clone", symlinks=True)


def test_sources_are_stripped_and_runs_are_kept_wherever_they_lie(clone: Path) -> None:
    places = ["a.ipynb", "b c/d é.ipynb", "runs.ipynb", "runs-old/x.ipynb"]
    kept = ["runs/x.ipynb", "runs/reference/b c/d é.ipynb", "deep/er/runs/in/there/x.ipynb"]
    for place in [*places, *kept]:
        executed(clone / place, "print(1)")

    git(clone, "add", ".")
    git(clone, "commit", "-qm", "notebooks")

    for place in places:
        assert "secret" not in git(clone, "show", f"HEAD:{place}"), place
    for place in kept:
        assert "secret" in git(clone, "show", f"HEAD:{place}"), place
    assert "secret" in (clone / "a.ipynb").read_text()  # the working tree keeps its outputs
    assert git(clone, "status", "--porcelain") == ""
    assert nbx(clone, "strip", "--check").returncode == 0


def test_a_fresh_clone_without_set_up_commits_outputs_and_the_check_says_so(
    clone: Path, tmp_path: Path
) -> None:
    fresh = tmp_path / "fresh"
    git(tmp_path, "clone", "-q", str(clone), str(fresh))
    executed(fresh / "b c" / "a.ipynb", "print(1)")
    executed(fresh / "runs" / "a.ipynb", "print(1)")
    git(fresh, "add", ".")
    git(fresh, "commit", "-qm", "outputs, unnoticed")

    checked = nbx(fresh, "strip", "--check")
    assert (checked.returncode, checked.stdout) == (5, "not stripped: b c/a.ipynb\n")
    assert "nbx doctor --fix" in checked.stderr
    git(clone, "pull", "-q", str(fresh), "main")
    assert nbx(clone / "b c", "strip", "--check").returncode == 5

    set_up(fresh)
    git(fresh, "add", "--renormalize", ".")
    assert nbx(fresh, "strip", "--check").returncode == 0
    git(fresh, "commit", "-qm", "stripped")
    assert git(fresh, "status", "--porcelain") == ""


def test_required_without_a_driver_fails_the_add(tmp_path: Path) -> None:
    fresh = make_clone(tmp_path / "fresh")
    git(fresh, "config", "filter.nbstripout.required", "true")
    executed(fresh / "a.ipynb", "print(1)")

    added = typed(fresh, "git", "add", ".")

    assert added.returncode != 0
    assert "clean filter 'nbstripout' failed" in added.stderr


@pytest.mark.parametrize("command", ["process", "clean"])
def test_what_is_no_notebook_does_not_stop_git(clone: Path, command: str) -> None:
    if command == "clean":  # what programs use that cannot speak to a process
        git(clone, "config", "--unset", "filter.nbstripout.process")
    (clone / "empty.ipynb").touch()
    (clone / "cut off.ipynb").write_text('{"cells": [{"outputs": [')
    secret = '{"cells": [{"outputs": ["secret"]}], "nbformat": 4}'
    (clone / "odd.ipynb").write_text(secret)

    empty = typed(clone, "git", "add", "empty.ipynb")
    cut = typed(clone, "git", "add", "cut off.ipynb")
    odd = typed(clone, "git", "add", "odd.ipynb")

    assert (empty.returncode, empty.stderr) == (0, "")
    assert cut.returncode == 0
    assert "warning: cut off.ipynb: not JSON" in cut.stderr
    assert odd.returncode != 0
    assert "error: odd.ipynb: " in odd.stderr
    assert git(clone, "ls-files", "*.ipynb") == "cut off.ipynb\nempty.ipynb"
    assert nbx(clone, "strip", "--check").returncode == 2  # but the check does


def test_stash_and_partial_checkouts_lose_nothing(clone: Path) -> None:
    path = executed(clone / "a.ipynb", "x = 1", "print(x)")
    git(clone, "add", ".")
    git(clone, "commit", "-qm", "first")
    stripped = git(clone, "show", "HEAD:a.ipynb")
    executed(path, "x = 2", "print(x)", "y = 3")

    git(clone, "stash")
    assert path.read_text().removesuffix("\n") == stripped
    assert git(clone, "status", "--porcelain") == ""
    git(clone, "stash", "pop")
    assert sources(path.read_text()) == ["x = 2", "print(x)", "y = 3"]

    # Cleaning what was cleaned changes nothing: what is checked out is not modified.
    taken = typed(clone, "git", "checkout", "-p", "--", "a.ipynb", stdin="y\n" * 10)
    assert taken.returncode == 0, taken.stderr
    assert path.read_text().removesuffix("\n") == stripped
    assert git(clone, "diff") == ""


def test_worktrees_share_the_setting_and_submodules_have_their_own(
    clone: Path, tmp_path: Path
) -> None:
    tree = tmp_path / "linked tree"
    git(clone, "worktree", "add", "-q", "-b", "side", str(tree))
    executed(tree / "a.ipynb", "print(1)")
    git(tree, "add", ".")
    assert "secret" not in git(tree, "show", ":a.ipynb")
    assert nbx(tree, "strip", "--check").returncode == 0
    set_up(tree)
    assert not (clone / ".git" / "worktrees" / "linked tree" / "config.worktree").exists()

    part = make_clone(tmp_path / "part")
    git(clone, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(part), "sub part")
    executed(clone / "sub part" / "a.ipynb", "print(1)")
    git(clone / "sub part", "add", ".")
    assert nbx(clone / "sub part", "strip", "--check").returncode == 5
    assert nbx(clone, "strip", "--check").returncode == 0  # the other repository is not its affair
    set_up(clone / "sub part")
    git(clone / "sub part", "add", "--renormalize", ".")
    assert nbx(clone / "sub part", "strip", "--check").returncode == 0


def test_a_large_notebook_goes_through_one_process(clone: Path) -> None:
    path = executed(clone / "big.ipynb", *[f"print({n})" for n in range(50)], secret="s" * 200_000)
    git(clone, "add", ".")
    assert path.stat().st_size > 10_000_000
    assert len(git(clone, "show", ":big.ipynb")) < 20_000


def configured_for(clone: Path, home: Path, *names: str) -> None:
    for name, value in drivers.wanted(home).items():
        if not names or name in names:
            git(clone, "config", name, value)


def test_the_environment_that_set_it_up_need_not_be_on_the_path(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured_for(clone, environment_of(tmp_path / 'it\'s 100%full "mine" $HOME'))
    monkeypatch.setenv("PATH", bare_path(tmp_path / "bare"))

    executed(clone / "a.ipynb", "print(1)")
    git(clone, "add", "a.ipynb")
    git(clone, "config", "--unset", "filter.nbstripout.process")
    executed(clone / "b.ipynb", "print(1)")
    git(clone, "add", "b.ipynb")
    executed(clone / "b.ipynb", "print(2)")

    assert "secret" not in git(clone, "show", ":a.ipynb") + git(clone, "show", ":b.ipynb")
    assert git(clone, "diff").endswith("── code cell-1\n-print(1)\n+print(2)")


def test_when_that_environment_is_gone_any_other_will_do(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = os.environ["PATH"]
    configured_for(clone, tmp_path / "gone")
    executed(clone / "a.ipynb", "print(1)")

    monkeypatch.setenv("PATH", bare_path(tmp_path / "bare"))
    assert typed(clone, "git", "add", "a.ipynb").returncode != 0
    monkeypatch.setenv("PATH", path)
    git(clone, "add", "a.ipynb")

    assert "secret" not in git(clone, "show", ":a.ipynb")


def test_only_the_clones_own_settings_are_written(tmp_path: Path) -> None:
    clone = make_clone(tmp_path / "clone")
    before = {path: path.read_bytes() for path in clone.rglob("*") if path.is_file()}

    set_up(clone)
    after = {path: path.read_bytes() for path in clone.rglob("*") if path.is_file()}
    set_up(clone)

    assert {path for path in after if after[path] != before.get(path)} == {clone / ".git/config"}
    assert after == {path: path.read_bytes() for path in clone.rglob("*") if path.is_file()}
    home = drivers.home()
    assert dict(settings(clone)) == drivers.wanted(home)
    assert all(drivers.folder_of(k, v) in (home, None) for k, v in settings(clone))
