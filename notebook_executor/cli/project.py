"""Which project a command works in, and the executor for it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notebook_executor.errors import UsageError

if TYPE_CHECKING:
    from notebook_executor.executor import NotebookExecutor

_MARKS = (".nbx", ".git")


def find_root(start: Path) -> Path:
    """The nearest folder, from ``start`` upwards, that is a project's; else ``start`` itself."""
    for folder in (start, *start.parents):
        if any((folder / mark).exists() for mark in _MARKS):
            return folder
    return start


def open_executor(
    root: str | None, *, policy: str | None = None, **settings: Any
) -> NotebookExecutor:
    """An executor for the project that was named, or that the working directory is in.

    Raises:
        UsageError: The root is not a folder, or a setting is not valid.
    """
    from notebook_executor.executor import NotebookExecutor

    here = working_directory()
    root = str(find_root(here)) if root is None else root
    return NotebookExecutor(root, policy=policy, config=settings)


def working_directory() -> Path:
    """Where the command was called.

    Raises:
        UsageError: That folder is gone.
    """
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UsageError(
            "The working directory does not exist any more", hint="Change to another one."
        ) from None


def absolute(path: str) -> str:
    """A path of the command line: relative to the working directory, not to the root."""
    return os.path.abspath(path)


def shown_path(path: str) -> str:
    """A path as a reader would type it: relative where it lies below the working directory."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path
