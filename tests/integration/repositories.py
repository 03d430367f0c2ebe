"""Real git repositories for tests, independent of how the machine's git is set up."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.org")


def git(folder: Path, *arguments: str, check: bool = True) -> str:
    """What git prints, without the newline at its end."""
    done = subprocess.run(
        ["git", "-C", str(folder), *IDENTITY, *arguments],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert not check or done.returncode == 0, (arguments, done.stderr)
    return done.stdout.removesuffix("\n")


def make_repository(folder: Path, *arguments: str) -> Path:
    """A repository with one commit on ``main``, in which the file ``README`` is."""
    git(folder.parent, "init", "--quiet", "--initial-branch=main", *arguments, str(folder))
    (folder / "README").write_text("first\n", "utf-8")
    git(folder, "add", "README")
    git(folder, "commit", "--quiet", "-m", "first")
    return folder


def isolate_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let git know of no user and no system, and of nothing that a hook has set."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    # Else git makes up an address from the machine's name, where that has one.
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.useConfigOnly")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "true")
