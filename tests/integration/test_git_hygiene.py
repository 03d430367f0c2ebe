"""What ``nbx doctor`` says of git, and ``nbx strip --check``: each state by its name."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from notebook_executor.errors import NotebookExecutorError
from notebook_executor.findings import Finding
from notebook_executor.git import drivers, hygiene
from notebook_executor.git.repository import GitError
from tests.integration.clones import (
    ATTRIBUTES,
    bare_path,
    executed,
    isolate_commands,
    make_clone,
    nbx,
    set_up,
    typed,
)
from tests.integration.repositories import git

RULE, EXCEPTION = ATTRIBUTES.splitlines()


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    isolate_commands(monkeypatch)


def findings(folder: Path) -> dict[str, Finding]:
    """By topic; a notebook counts as stripped when it has no secret."""
    found = hygiene.examine(folder, lambda data, _: b"secret" not in data)
    return {finding.topic: finding for finding in found}


def levels(found: Iterable[Finding]) -> dict[str, str]:
    return {finding.topic.removeprefix("git "): finding.level for finding in found}


def clone_of(folder: Path, *lines: str) -> Path:
    return make_clone(folder, attributes="\n".join([*lines, ""]))


def test_the_lines_that_are_advised_are_those_of_this_project() -> None:
    assert hygiene.RULES == (RULE, EXCEPTION)


def test_a_clone_that_was_set_up(tmp_path: Path) -> None:
    clone = make_clone(tmp_path / "a clone")
    set_up(clone)
    executed(clone / "a.ipynb", "1")
    executed(clone / "runs" / "a.ipynb", "1")
    git(clone, "add", ".")

    found = findings(clone)

    assert set(levels(found.values()).values()) == {"ok"}
    assert found["git filter"].text == f"nbx of {drivers.home()}"
    assert found["git notebooks"].text == "1 are tracked as sources, none with outputs"


def test_a_fresh_clone(tmp_path: Path) -> None:
    clone = make_clone(tmp_path / "clone")
    for number in range(7):
        executed(clone / f"{number}.ipynb", "1")
    git(clone, "add", ".")

    found = findings(clone)

    assert levels(found.values()) == {
        "attributes": "ok",
        **dict.fromkeys(("filter", "diff", "merge", "notebooks"), "warning"),
    }
    assert "nbx doctor --fix" in found["git filter"].advice
    assert found["git notebooks"].text.endswith("4.ipynb and 2 more")
    assert "git add --renormalize" in found["git notebooks"].advice


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("*.ipynb filter=nbstripout",), "notebooks have not: diff=jupyternotebook, merge="),
        (("*.py text",), "notebooks have not: filter=nbstripout, diff="),
        ((RULE,), "there is no exception for them"),
        ((EXCEPTION, RULE), "the exception for runs/ stands before the rule"),
        ((RULE, "runs/*.ipynb !filter !diff !merge"), "there is no exception for them"),
        ((RULE, "**/runs/**/*.ipynb -filter -diff -merge"), "stands before"),
    ],
)
def test_attributes_that_are_wrong(tmp_path: Path, lines: tuple[str, ...], said: str) -> None:
    clone = clone_of(tmp_path / "clone", *lines)
    executed(clone / "a.ipynb", "1")
    git(clone, "add", ".")

    finding = findings(clone)["git attributes"]

    assert finding.level == "warning"
    assert said in finding.text
    assert RULE in finding.advice
    assert EXCEPTION in finding.advice


def test_attributes_that_override_the_exception_are_named(tmp_path: Path) -> None:
    clone = make_clone(tmp_path / "clone")
    executed(clone / "deep" / "runs" / "a.ipynb", "1")
    git(clone, "add", ".")
    assert findings(clone)["git attributes"].level == "ok"

    theirs = clone / ".git" / "info" / "attributes"
    theirs.parent.mkdir(exist_ok=True)
    theirs.write_text("# of nbstripout --install\n*.ipynb filter=nbstripout\n")
    finding = findings(clone)["git attributes"]
    assert finding.level == "warning"
    assert f"{theirs} overrides .gitattributes" in finding.text
    set_up(clone)
    assert theirs.read_text().startswith("# of nbstripout")  # reported, never written
    theirs.unlink()

    (clone / ".gitattributes").write_text(f"{RULE}\n")
    own = tmp_path / "own attributes"
    own.write_text("runs/*.ipynb merge=jupyternotebook\n")
    git(clone, "config", "core.attributesFile", str(own))
    assert "there is no exception" in findings(clone)["git attributes"].text
    (clone / ".gitattributes").write_text("a.ipynb filter=nbstripout\n")
    own.write_text(f"{RULE}\n")
    assert f"{own} says so" in findings(clone)["git attributes"].text


def test_attributes_may_lie_where_the_notebooks_do(tmp_path: Path) -> None:
    clone = clone_of(tmp_path / "clone", "*.py text")
    executed(clone / "a project" / "notebooks" / "a.ipynb", "1")
    (clone / "a project" / ".gitattributes").write_text(ATTRIBUTES)
    set_up(clone)
    git(clone, "add", ".")

    assert set(levels(findings(clone).values()).values()) == {"ok"}
    (clone / "a project" / ".gitattributes").write_text(f"{RULE}\n")
    assert levels(findings(clone).values())["attributes"] == "warning"


def test_a_filter_that_does_not_work_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = make_clone(tmp_path / "clone")
    git(clone, "config", "filter.nbstripout.clean", "cat")
    assert "cat does not strip: outputs stay" in findings(clone)["git filter"].text
    set_up(clone)
    assert findings(clone)["git filter"].level == "ok"

    dead = drivers.wanted(tmp_path / "gone")
    for name, value in dead.items():
        git(clone, "config", name, value)
    found = findings(clone)
    assert levels(found.values())["filter"] == "warning"  # there is another one on the path
    assert f"there is no nbx in {tmp_path / 'gone'} any more" in found["git filter"].text
    with monkeypatch.context() as changed:
        changed.setenv("PATH", bare_path(tmp_path / "bare"))
        assert levels(findings(clone).values())["filter"] == "problem"
    set_up(clone)
    assert levels(findings(clone).values())["filter"] == "ok"


def test_what_is_missing_or_anothers_is_named(tmp_path: Path) -> None:
    clone = make_clone(tmp_path / "clone")
    set_up(clone)
    git(clone, "config", "--unset", "filter.nbstripout.required")
    git(clone, "config", "merge.jupyternotebook.driver", "git-nbmergedriver merge %O %A %B %L %P")

    found = findings(clone)

    assert found["git filter"].text == "filter.nbstripout.required is missing"
    assert "driver is not ours: git-nbmergedriver" in found["git merge"].text


def test_a_setting_that_counts_more_than_ours_is_named(tmp_path: Path) -> None:
    clone = make_clone(tmp_path / "clone")
    git(clone, "config", "extensions.worktreeConfig", "true")
    git(clone, "config", "--worktree", "filter.nbstripout.smudge", "false")

    with pytest.raises(GitError, match=r"smudge was set, but something else counts more: false"):
        list(hygiene.fix(clone))


def test_two_at_once_both_succeed(tmp_path: Path) -> None:
    clone = make_clone(tmp_path / "clone")
    failed: list[NotebookExecutorError] = []

    def fix() -> None:
        try:
            list(hygiene.fix(clone))
        except NotebookExecutorError as error:
            failed.append(error)

    threads = [threading.Thread(target=fix) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=100)

    assert not failed
    assert levels(findings(clone).values())["filter"] == "ok"


@pytest.mark.parametrize("place", [".", ".git", "nowhere"])
def test_where_there_is_nothing_to_look_at(tmp_path: Path, place: str) -> None:
    clone = clone_of(tmp_path / "clone", "*.py text")
    (tmp_path / "nowhere").mkdir()
    folder = tmp_path / "nowhere" if place == "nowhere" else clone / place

    assert [finding.level for finding in hygiene.examine(folder, lambda *_: False)] == ["ok"]
    assert nbx(folder, "strip", "--check").returncode == (0 if place == "." else 2)


def test_a_check_that_looks_at_nothing_does_not_pass(tmp_path: Path) -> None:
    clone = clone_of(tmp_path / "clone", "*.py text")
    executed(clone / "a.ipynb", "1")
    git(clone, "add", ".")

    done = nbx(clone, "strip", "--check")

    assert (done.returncode, done.stdout) == (6, "")
    assert "nothing was looked at" in done.stderr


def test_links_and_unmerged_notebooks_are_not_read_as_notebooks(tmp_path: Path) -> None:
    clone = make_clone(tmp_path / "clone")
    (clone / "link.ipynb").symlink_to("elsewhere")
    git(clone, "add", ".")
    git(clone, "commit", "-qm", "link")
    (clone / "added.ipynb").write_text("")
    git(clone, "add", "--intent-to-add", "added.ipynb")

    done = nbx(clone, "strip", "--check", "--json")

    assert (done.returncode, done.stdout) == (0, "")


def test_in_a_hook_the_index_is_that_of_the_commit(tmp_path: Path) -> None:
    clone = make_clone(tmp_path / "clone")
    (clone / "a.ipynb").write_text(
        '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    )
    git(clone, "add", ".")
    git(clone, "commit", "-qm", "stripped")
    hook = clone / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexec nbx strip --check\n")
    hook.chmod(0o755)
    executed(clone / "a.ipynb", "1")

    done = typed(clone, "git", "commit", "-am", "outputs")

    assert done.returncode == 1
    assert "not stripped: a.ipynb" in done.stdout + done.stderr


def test_the_doctor_sets_up_and_tells(tmp_path: Path) -> None:
    clone = make_clone(tmp_path / "clone")
    executed(clone / "a.ipynb", "1")
    git(clone, "add", ".")

    done = nbx(clone, "doctor", "--fix", "--json")

    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    git_told = [line for line in told if line["topic"].startswith("git")]
    said = [line["text"] for line in git_told if line["topic"] == "git"]
    assert [text.split()[1] for text in said] == list(drivers.wanted(drivers.home()))
    assert git_told[-1]["text"] == "tracked with outputs: a.ipynb"
