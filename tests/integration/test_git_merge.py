"""Notebooks through git's own commands: compared as text, merged cell by cell."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from notebook_executor.documents.reading import parse_notebook
from notebook_executor.git import drivers
from tests.integration.clones import (
    bare_path,
    executed,
    isolate_commands,
    make_clone,
    nbx,
    set_up,
    sources,
    typed,
)
from tests.integration.repositories import git

NAME = "my notebook.ipynb"


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    isolate_commands(monkeypatch)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as changed:
        isolate_commands(changed)
        made = make_clone(tmp_path_factory.mktemp("template") / "clone")
        set_up(made)
        commit(made, "a = 1", "b = 2", "c = 3")
    return made


@pytest.fixture
def clone(template: Path, tmp_path: Path) -> Path:
    """A clone that was set up, with a notebook of three cells on ``main``."""
    return shutil.copytree(template, tmp_path / "clone", symlinks=True)


def commit(clone: Path, *cells: str, secret: str = "secret") -> None:
    executed(clone / "in here" / NAME, *cells, secret=secret)
    git(clone, "add", ".")
    git(clone, "commit", "-qm", " ".join(cells))


def branch(clone: Path, name: str, *cells: str) -> None:
    """A commit on a new branch; ``main`` is checked out again afterwards."""
    git(clone, "checkout", "-qb", name)
    commit(clone, *cells)
    git(clone, "checkout", "-q", "main")


def merged(clone: Path) -> list[str]:
    return sources((clone / "in here" / NAME).read_text())


@pytest.mark.parametrize("words", [("merge", "side"), ("rebase", "side"), ("cherry-pick", "side")])
def test_changes_of_different_cells_come_together(clone: Path, words: tuple[str, ...]) -> None:
    """They are next to each other: git itself would call this a conflict."""
    branch(clone, "side", "a = 1", "b = 20", "c = 3")
    commit(clone, "a = 10", "b = 2", "c = 3")

    done = typed(clone, "git", *words)

    assert done.returncode == 0, done.stdout + done.stderr
    assert merged(clone) == ["a = 10", "b = 20", "c = 3"]
    assert git(clone, "status", "--porcelain") == ""
    assert "secret" not in git(clone, "show", f"HEAD:in here/{NAME}")


@pytest.mark.parametrize("words", [("merge", "side"), ("rebase", "side")])
def test_a_conflict_leaves_a_notebook_with_both_sides(clone: Path, words: tuple[str, ...]) -> None:
    branch(clone, "side", "a = 1", "b = 20", "c = 30")
    commit(clone, "a = 1", "b = 22", "c = 3")

    done = typed(clone, "git", *words)

    assert done.returncode != 0
    assert f"in here/{NAME}: 1 conflict" in done.stderr
    assert git(clone, "status", "--porcelain", "-uno") == f'UU "in here/{NAME}"'
    text = (clone / "in here" / NAME).read_text()
    parse_notebook(text.encode(), NAME)
    first, second, third = json.loads(text)["cells"]
    assert first["source"] == ["a = 1"]
    assert second["metadata"]["nbx"]["conflict"] == ["source"]
    assert {"b = 20\n", "b = 22\n"} <= set(second["source"])
    assert third["source"] == ["c = 30"]

    commit(clone, "a = 1", "b = 42", "c = 30")  # resolved
    assert git(clone, "status", "--porcelain") == "" or words[0] == "rebase"


def test_a_clone_that_was_set_up_too_late_merges_again(clone: Path, tmp_path: Path) -> None:
    """Both sides ran the notebook: git sees a conflict of counts."""
    late = tmp_path / "late"
    git(tmp_path, "clone", "-q", str(clone), str(late))
    path = late / "in here" / NAME
    text = path.read_text()
    git(late, "checkout", "-qb", "side")
    path.write_text(text.replace('"execution_count": null', '"execution_count": 5'))
    git(late, "commit", "-qam", "run there")
    git(late, "checkout", "-q", "main")
    path.write_text(text.replace('"execution_count": null', '"execution_count": 7'))
    git(late, "commit", "-qam", "run here")
    assert typed(late, "git", "merge", "side").returncode != 0
    assert "<<<<<<< HEAD" in path.read_text()

    set_up(late)
    # With git's markers in it the file is no JSON, and does not stop git.
    assert typed(late, "git", "diff").returncode == 0
    git(late, "checkout", "--merge", "--", f"in here/{NAME}")
    assert merged(late) == ["a = 1", "b = 2", "c = 3"]
    git(late, "add", ".")
    assert git(late, "show", f":in here/{NAME}") == text.removesuffix("\n")


def test_a_mergetool_is_given_the_three_versions(clone: Path) -> None:
    branch(clone, "side", "a = 1", "b = 20", "c = 3")
    commit(clone, "a = 1", "b = 22", "c = 3")
    typed(clone, "git", "merge", "side")
    git(clone, "config", "mergetool.theirs.cmd", 'nbx merge "$BASE" "$BASE" "$REMOTE" -o "$MERGED"')
    git(clone, "config", "mergetool.theirs.trustExitCode", "true")

    done = typed(clone, "git", "mergetool", "--no-prompt", "--tool=theirs")

    assert done.returncode == 0, done.stdout + done.stderr
    assert merged(clone) == ["a = 1", "b = 20", "c = 3"]
    assert git(clone, "status", "--porcelain", "-uno") == f'M  "in here/{NAME}"'


def test_what_is_no_notebook_is_merged_line_by_line(clone: Path) -> None:
    path = clone / "in here" / NAME
    path.write_text("not a notebook\n\n\n\nend\n")
    git(clone, "commit", "-qam", "broken")
    git(clone, "checkout", "-qb", "side")
    path.write_text("not a notebook\n\n\n\nEND\n")
    git(clone, "commit", "-qam", "end")
    git(clone, "checkout", "-q", "main")
    path.write_text("Not a notebook\n\n\n\nend\n")
    git(clone, "commit", "-qam", "begin")

    done = typed(clone, "git", "merge", "side")
    assert done.returncode == 0, done.stderr
    assert path.read_text() == "Not a notebook\n\n\n\nEND\n"

    git(clone, "checkout", "-q", "side")
    path.write_text("NOT a notebook\n\n\n\nend\n")
    git(clone, "commit", "-qam", "again")
    done = typed(clone, "git", "merge", "main")
    assert done.returncode != 0
    assert "merged line by line, as " in done.stderr
    assert ".merge_file" not in done.stderr.partition("merged line by line")[0]
    assert "<<<<<<< ours\nNOT a notebook\n=======\nNot a notebook\n>>>>>>> theirs" in (
        path.read_text()
    )


def test_without_nbx_nothing_of_theirs_is_lost(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch(clone, "side", "a = 1", "b = 20", "c = 3")
    commit(clone, "a = 1", "b = 22", "c = 3")
    driver = "merge.jupyternotebook.driver"
    git(clone, "config", driver, drivers.wanted(tmp_path / "gone")[driver])
    monkeypatch.setenv("PATH", bare_path(tmp_path / "bare"))

    done = typed(clone, "git", "merge", "side")

    assert done.returncode != 0
    text = (clone / "in here" / NAME).read_text()
    assert all(part in text for part in ("<<<<<<<", "b = 22", "b = 20", ">>>>>>>"))


def test_conflicts_of_the_bases_of_crossed_histories_are_not_told(clone: Path) -> None:
    """Both branches merged each other's first commit, each resolving the conflict its own way."""
    branch(clone, "side", "a = 1", "b = 20", "c = 3")
    commit(clone, "a = 1", "b = 22", "c = 3")
    mine, theirs = git(clone, "rev-parse", "main"), git(clone, "rev-parse", "side")
    typed(clone, "git", "merge", "side")
    commit(clone, "a = 1", "b = 22", "c = 30")
    git(clone, "checkout", "-q", "side")
    typed(clone, "git", "merge", mine)
    commit(clone, "a = 10", "b = 22", "c = 3")
    bases = git(clone, "merge-base", "--all", "main", "side").split()
    assert sorted(bases) == sorted([mine, theirs])

    done = typed(clone, "git", "merge", "main")

    assert done.returncode == 0, done.stdout + done.stderr
    assert merged(clone) == ["a = 10", "b = 22", "c = 30"]
    assert done.stderr == ""


def test_a_branch_from_before_the_filter_is_merged_with_renormalize(
    clone: Path, tmp_path: Path
) -> None:
    late = tmp_path / "late"
    git(tmp_path, "clone", "-q", str(clone), str(late))
    git(late, "checkout", "-qb", "side")
    commit(late, "a = 1", "b = 20", "c = 3")
    assert "secret" in git(late, "show", f"side:in here/{NAME}")
    commit(clone, "a = 10", "b = 2", "c = 3")

    git(clone, "fetch", "-q", str(late), "side:side")
    done = typed(clone, "git", "merge", "-X", "renormalize", "side")

    assert done.returncode == 0, done.stdout + done.stderr
    assert merged(clone) == ["a = 10", "b = 20", "c = 3"]
    assert "secret" not in git(clone, "show", f"HEAD:in here/{NAME}")


def test_diff_log_and_blame_read_as_cells(clone: Path) -> None:
    executed(clone / "in here" / NAME, "a = 1", "b = 2\nprint(b)\nprint(b)\nprint(1)", "c = 3")
    diff = git(clone, "diff", "--unified=1")
    assert "@@ ── code cell-2\n b = 2\n+print(b)\n" in diff
    assert "secret" not in diff
    git(clone, "commit", "-qam", "second")
    assert "+print(b)" in git(clone, "log", "-p", "-1")
    assert ") print(b)" in git(clone, "blame", "-L", "/print/,+1", f"in here/{NAME}")

    (clone / "in here" / NAME).write_text("no notebook")
    assert "+no notebook" in git(clone, "diff")


def test_textconv_is_of_all_cells(tmp_path: Path) -> None:
    executed(tmp_path / "a.ipynb", "1")
    assert nbx(tmp_path, "show", "--textconv", "a.ipynb", "0").returncode == 2
    assert nbx(tmp_path, "show", "--textconv", "no.ipynb").returncode == 2
    assert (
        nbx(tmp_path, "show", "--textconv", "a.ipynb").stdout == "── notebook\n── code cell-1\n1\n"
    )


def test_the_driver_wants_three_versions_and_writes_to_ours_alone(tmp_path: Path) -> None:
    def refused(*words: str) -> subprocess.CompletedProcess[str]:
        done = nbx(tmp_path, "merge", "--git", "name", *words)
        assert done.returncode == 2
        return done

    refused("a", "b")
    assert "cannot go together" in refused("a", "b", "c", "-o", "d").stderr
    assert "cannot go together" in refused("a", "b", "c", "--json").stderr
    assert "cannot go together" in refused("a", "--patch", "d").stderr
