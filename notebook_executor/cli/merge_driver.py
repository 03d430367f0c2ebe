"""``nbx merge --git``: what git calls to merge a notebook."""

from __future__ import annotations

import sys

from notebook_executor.cli.exits import ExitCode
from notebook_executor.cli.screen import Screen
from notebook_executor.commands import run_command
from notebook_executor.errors import DocumentError

_TIMEOUT = 120.0
_MOST_CONFLICTS = 127  # git merge-file exits with their number, and with more where it fails


def merge_for_git(name: str, base: str, ours: str, theirs: str, *, tell: bool) -> ExitCode:
    """Merge three files of git's into ``ours``; what is no notebook is merged line by line.

    Of a merge that fails, git keeps ``ours``, and nothing in it would show that it lacks theirs.

    Args:
        name: What git calls the file.
        base: What both were made of.
        ours: One of them, and the result.
        theirs: The other.
        tell: Whether anybody wants to know of conflicts.
    """
    from notebook_executor.documents.merging import merge_notebooks

    screen = Screen(sys.stderr)
    try:
        found = merge_notebooks(base, ours, theirs, ours)
    except DocumentError as error:
        if tell:
            screen.line(f"{name}: merged line by line, as {error.message}")
        return _merge_lines(base, ours, theirs)
    if found.clean:
        return ExitCode.SUCCESS
    if tell:
        screen.line(str(found.model_copy(update={"output_path": name})))
    return ExitCode.DIFFERS


def _merge_lines(base: str, ours: str, theirs: str) -> ExitCode:
    labels = [word for label in ("ours", "base", "theirs") for word in ("-L", label)]
    done = run_command(["git", "merge-file", *labels, ours, base, theirs], timeout=_TIMEOUT)
    if done.code == 0:
        return ExitCode.SUCCESS
    if done.code is not None and 0 < done.code <= _MOST_CONFLICTS:
        return ExitCode.DIFFERS
    Screen(sys.stderr).line(f"error: git merge-file: {done.complaint}", "bad")
    return ExitCode.USAGE
