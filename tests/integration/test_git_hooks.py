"""Stripping in real git repositories: as a hook of pre-commit, and as a filter."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
Run = Callable[..., subprocess.CompletedProcess[str]]
_CONFIG = """
repos:
- repo: {hooks}
  rev: {rev}
  hooks:
  - {{id: nbx-strip, language: system}}
  - {{id: nbx-validate, language: system}}
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a command in ``tmp_path/project``, with this ``nbx`` and no settings of the user's."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "nbx").write_text(
        f'#!/bin/sh\nexec {sys.executable} -m notebook_executor.cli.main "$@"'
    )
    (bin_ / "nbx").chmod(0o755)
    (tmp_path / "project").mkdir()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        "PATH": f"{bin_}:{os.environ['PATH']}",
        "PYTHONPATH": str(_ROOT),
        "PRE_COMMIT_HOME": str(tmp_path / "cache"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        **{
            f"GIT_{who}_{what}": "x"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }

    def run_command(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            cwd=cwd or tmp_path / "project",
            env=environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return run_command


def _executed(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    output = {"output_type": "stream", "name": "stdout", "text": ["1\n"]}
    cell = {
        "cell_type": "code",
        "execution_count": 1,
        "id": "mine",
        "metadata": {},
        "outputs": [output],
        "source": ["print(1)"],
    }
    content = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    text = json.dumps(content, indent=1) + "\n"
    path.write_text(text)
    return text


def test_the_hooks_of_pre_commit(run: Run, tmp_path: Path) -> None:
    hooks, project = tmp_path / "hooks", tmp_path / "project"
    hooks.mkdir()
    shutil.copy(_ROOT / ".pre-commit-hooks.yaml", hooks)
    for words in (("init", "-q"), ("add", "."), ("commit", "-qm", "x")):
        assert run("git", *words, cwd=hooks).returncode == 0
    rev = run("git", "rev-parse", "HEAD", cwd=hooks).stdout.strip()
    _executed(project / "a.ipynb")
    whole = _executed(project / "runs" / "a.ipynb")
    (project / ".pre-commit-config.yaml").write_text(_CONFIG.format(hooks=hooks, rev=rev))
    run("git", "init", "-q")
    run("git", "add", ".")

    first = run(sys.executable, "-m", "pre_commit", "run")
    run("git", "add", ".")
    second = run(sys.executable, "-m", "pre_commit", "run")

    assert first.returncode == 1, first.stdout + first.stderr
    assert "files were modified by this hook" in first.stdout
    assert second.returncode == 0, second.stdout
    assert '"outputs": []' in (project / "a.ipynb").read_text()
    assert '"id": "mine"' in (project / "a.ipynb").read_text()
    assert (project / "runs" / "a.ipynb").read_text() == whole


def test_the_filter_of_git(run: Run, tmp_path: Path) -> None:
    project = tmp_path / "project"
    text = _executed(project / "a.ipynb")
    _executed(project / "runs" / "a.ipynb")
    shutil.copy(_ROOT / ".gitattributes", project)
    run("git", "init", "-q")
    run("git", "config", "filter.nbstripout.clean", "nbx strip")
    run("git", "config", "filter.nbstripout.required", "true")

    added = run("git", "add", ".")

    assert (added.returncode, added.stderr) == (0, "")
    assert '"outputs": []' in run("git", "show", ":a.ipynb").stdout
    assert run("git", "show", ":runs/a.ipynb").stdout == text
    assert (project / "a.ipynb").read_text() == text
    assert run("git", "status", "--porcelain").stdout.count("M") == 0
