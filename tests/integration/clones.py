"""Clones with notebooks in them, and what a user types there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.repositories import IDENTITY, git, isolate_git

ROOT = Path(__file__).parents[2]
ATTRIBUTES = (ROOT / ".gitattributes").read_text("utf-8")


def isolate_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let git, and the ``nbx`` that it calls, know of nobody's settings but the test's."""
    isolate_git(monkeypatch)
    # A rule in /etc/gitattributes would be a rule of every test.
    monkeypatch.setenv("GIT_ATTR_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_MERGE_AUTOEDIT", "no")
    monkeypatch.setenv("GIT_EDITOR", "true")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")


def typed(folder: Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command, however it ends."""
    named = ("git", *IDENTITY, *words[1:]) if words[0] == "git" else words
    return subprocess.run(
        named, cwd=folder, input=stdin, capture_output=True, text=True, check=False, timeout=120
    )


def nbx(folder: Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return typed(folder, sys.executable, "-m", "notebook_executor.cli.main", *words, stdin=stdin)


def set_up(folder: Path) -> None:
    """What ``nbx doctor --fix`` does to a clone, without the rest of the doctor."""
    done = typed(folder, sys.executable, "-m", "notebook_executor.git")
    assert done.returncode == 0, done.stderr


def make_clone(folder: Path, *, attributes: str = ATTRIBUTES) -> Path:
    """A repository with the attributes committed, not set up."""
    git(folder.parent, "init", "--quiet", "--initial-branch=main", str(folder))
    (folder / ".gitattributes").write_text(attributes)
    git(folder, "add", ".gitattributes")
    git(folder, "commit", "--quiet", "-m", "attributes")
    return folder


def executed(path: Path, *sources: str, secret: str = "secret") -> Path:
    """Write a notebook whose cells have printed something."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "execution_count": number,
            "id": f"cell-{number}",
            "metadata": {},
            "outputs": [{"output_type": "stream", "name": "stdout", "text": [f"{secret}\n"]}],
            "source": source.splitlines(keepends=True),
        }
        for number, source in enumerate(sources, 1)
    ]
    content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(content, indent=1) + "\n")
    return path


def sources(text: str) -> list[str]:
    """The sources of a notebook's cells."""
    return ["".join(cell["source"]) for cell in json.loads(text)["cells"]]


def settings(folder: Path) -> Iterator[tuple[str, str]]:
    """What ``.git/config`` says of notebooks."""
    told = git(folder, "config", "--local", "--null", "--list").split("\0")
    pairs = (entry.partition("\n") for entry in told)
    return ((k, v) for k, _, v in pairs if k.startswith(("filter.", "diff.", "merge.")))


def bare_path(folder: Path) -> str:
    """A search path on which there is git, and no ``nbx``."""
    folder.mkdir()
    for name in ("git", "sh", "cat"):
        (folder / name).symlink_to(shutil.which(name) or name)
    return str(folder)


def environment_of(folder: Path) -> Path:
    """A folder for programs, as a virtual environment has one, whose ``nbx`` is this one."""
    folder.mkdir(parents=True)
    script = f'#!/bin/sh\nexec "{sys.executable}" -m notebook_executor.cli.main "$@"\n'
    (folder / "nbx").write_text(script)
    (folder / "nbx").chmod(0o755)
    return folder
