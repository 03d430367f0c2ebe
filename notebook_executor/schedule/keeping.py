"""Runs beyond what an entry keeps: their records go, and their notebooks unless git has them."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path

from notebook_executor.commands import run_command
from notebook_executor.execution.records import state_directories

_GIT_SECONDS = 10.0


def remove_run(run_id: str, output: str | None, root: Path, state_dir: str | None) -> None:
    """Remove a run's record and its notebook.

    A notebook stays that is not this run's any more, or that git has in the index.
    """
    if output is not None and _is_of(run_id, Path(output)) and not _is_tracked(Path(output)):
        with contextlib.suppress(OSError):
            Path(output).unlink()
    for directory in state_directories(root, state_dir):
        shutil.rmtree(directory / run_id, ignore_errors=True)


def _is_of(run_id: str, notebook: Path) -> bool:
    try:
        return bool(json.loads(notebook.read_bytes())["metadata"]["nbx"]["run_id"] == run_id)
    except (OSError, ValueError, LookupError, TypeError):
        return False


def _is_tracked(file: Path) -> bool:
    if not any((folder / ".git").exists() for folder in file.parents):
        return False
    words = ["git", "-C", str(file.parent), "ls-files", "--error-unmatch", "--", file.name]
    try:
        return run_command(words, timeout=_GIT_SECONDS).code != 1
    except OSError:
        return True
