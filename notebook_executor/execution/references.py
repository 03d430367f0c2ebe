"""Where a notebook's reference is: a file, a revision in git, or the notebook's own outputs."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from notebook_executor.documents.reading import parse_notebook, read_notebook
from notebook_executor.documents.regression import ReferenceReport
from notebook_executor.errors import DocumentError, UsageError

if TYPE_CHECKING:
    from nbformat import NotebookNode

_FOLDER = Path("runs", "reference")
_GIT_SECONDS = 30


@dataclass(frozen=True)
class Reference:
    """A notebook to compare with.

    Attributes:
        notebook: None where nothing is there yet.
    """

    report: ReferenceReport
    notebook: NotebookNode | None


def reference_path(notebook: Path, root: Path) -> Path:
    """Where the accepted reference of a notebook lies: ``runs/reference/<path below root>``."""
    below = notebook.is_relative_to(root)
    return root / _FOLDER / (notebook.relative_to(root) if below else notebook.name)


def find_reference(
    notebook: Path, named: str | os.PathLike[str] | None, root: Path, *, may_be_new: bool
) -> Reference:
    """The reference that is meant.

    Args:
        notebook: The notebook that is compared.
        named: A file, or a revision: of the accepted reference, else of the notebook itself. None
            is the accepted reference, else the notebook's own outputs.
        root: The project.
        may_be_new: A file that is named, but does not exist, is going to be written.

    Raises:
        DocumentError: There is no such file, revision, or file in it; or it is not a notebook.
    """
    accepted = reference_path(notebook, root)
    if named is None and accepted.exists():
        return _of_file(accepted)
    if named is None:
        return Reference(ReferenceReport(kind="notebook", path=str(notebook)), _read(notebook))
    path = root / named
    if path.is_file():
        return _of_file(path)
    if may_be_new and path.suffix == ".ipynb":
        return Reference(ReferenceReport(kind="file", path=str(path)), None)
    return _of_revision(os.fspath(named), (accepted, notebook))


def check_acceptable(reference: Reference) -> None:
    """Refuse to accept outputs where the reference is no file.

    Raises:
        UsageError: The reference is a revision, which stays as it is.
    """
    if reference.report.kind == "revision":
        raise UsageError(
            f"Outputs cannot be accepted into the revision {reference.report.revision}",
            hint="Accept them into a file, and commit it.",
        )


def _of_file(path: Path) -> Reference:
    return Reference(ReferenceReport(kind="file", path=str(path)), read_notebook(path))


def _read(path: Path) -> NotebookNode | None:
    try:
        return read_notebook(path)
    except DocumentError:
        return None  # the run tells what is wrong with it


def _of_revision(revision: str, paths: tuple[Path, ...]) -> Reference:
    folder = next(path.parent for path in reversed(paths))
    commit = _git(folder, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if revision.startswith("-") or commit is None:
        raise DocumentError(
            f"{revision!r} is neither a notebook file nor a revision in git",
            hint="Name an executed notebook, or a commit, branch or tag.",
            kind="not_found",
        )
    name = commit.decode().strip()
    top = _git(folder, "rev-parse", "--show-toplevel")
    for path in paths:
        below = os.path.relpath(os.path.realpath(path), (top or b"").decode().strip() or folder)
        content = _git(folder, "cat-file", "blob", f"{name}:{Path(below).as_posix()}")
        if content is not None:
            report = ReferenceReport(kind="revision", path=str(path), revision=name)
            return Reference(report, parse_notebook(content, f"{path} at {revision}"))
    raise DocumentError(
        f"{paths[-1]} is not in the revision {revision!r}",
        hint="Name a revision that has it, or an executed notebook.",
        kind="not_found",
    )


def _git(folder: Path, *arguments: str) -> bytes | None:
    """What git prints; None where it fails, or is not there."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            timeout=_GIT_SECONDS,
            check=False,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
