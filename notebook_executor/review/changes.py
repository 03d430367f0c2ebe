"""Which notebooks a change touches; executed ones below ``runs/`` are none of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from notebook_executor.git import trees
from notebook_executor.git.trees import Tree
from notebook_executor.review.comparison import Comparison
from notebook_executor.review.models import Change

_RUNS = "runs"
_REFERENCES = PurePosixPath(_RUNS, "reference")
_CHECKPOINTS = ".ipynb_checkpoints"
_POINTER = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True)
class NotebookChange:
    """A notebook that is to be reviewed.

    Attributes:
        path: Below the repository's top; of a deleted notebook, where it was.
        base_path: Where the base has it; None: nowhere.
        obstacle: Why it cannot be reviewed, if it cannot: it is no notebook, but stands for one.
    """

    path: str
    base_path: str | None
    change: Change
    obstacle: str = ""


@dataclass(frozen=True)
class FoundChanges:
    """What there is to review, sorted by path."""

    notebooks: tuple[NotebookChange, ...]
    warnings: tuple[str, ...] = ()


def reference_of(path: str) -> str:
    """Where a notebook's reference lies; both paths are below the project."""
    return str(_REFERENCES / path)


def find_changes(comparison: Comparison, paths: Sequence[str] = ()) -> FoundChanges:
    """The notebooks in which the two sides differ, and those whose reference is another.

    Args:
        comparison: The sides.
        paths: Files and folders below the project; only what is in one of them is reviewed.
    """
    found: dict[str, NotebookChange] = {}
    warnings: list[str] = []
    changes = comparison.old.changes(comparison.new)
    for change in changes:
        if change.kind == "submodule":
            warnings += _submodule(comparison, change)
        elif not (change.same and change.old == change.new):  # else the mode alone
            found |= {one.path: one for one in _notebooks(comparison, change)}
    for change in changes:
        for one in _of_reference(comparison, change):
            found.setdefault(one.path, one)
    wanted = [one for one in found.values() if _is_wanted(comparison, one, paths)]
    warnings += _unmet(comparison, wanted, paths)
    return FoundChanges(tuple(sorted(wanted, key=lambda one: one.path)), tuple(warnings))


def _notebooks(comparison: Comparison, change: trees.Change) -> Iterator[NotebookChange]:
    old, new = (
        path if path is not None and is_notebook(comparison, path) else None
        for path in (change.old, change.new)
    )
    if new is not None:
        kind: Change = "added" if old is None else "modified" if old == new else "renamed"
        yield NotebookChange(new, old, kind, _obstacle(comparison.new, new, change.kind))
    elif old is not None:
        yield NotebookChange(old, old, "deleted")


def is_notebook(comparison: Comparison, path: str) -> bool:
    """Whether a path below the top is a notebook of the project, and not what running one gave."""
    inside = comparison.in_project(path)
    if inside is None or not inside.endswith(".ipynb"):
        return False
    folders = PurePosixPath(inside).parts[:-1]
    return _RUNS not in folders and _CHECKPOINTS not in folders


def _of_reference(comparison: Comparison, change: trees.Change) -> Iterator[NotebookChange]:
    """The notebook whose reference has changed, though it has not itself."""
    if change.new is None or change.same:
        return
    inside = PurePosixPath(comparison.in_project(change.new) or "")
    if not inside.is_relative_to(_REFERENCES) or inside == _REFERENCES:
        return
    path = comparison.from_project(str(inside.relative_to(_REFERENCES)))
    if path.endswith(".ipynb") and comparison.new.has(path):
        yield NotebookChange(path, path, "modified", _obstacle(comparison.new, path, "file"))


def _obstacle(tree: Tree, path: str, kind: trees.Kind) -> str:
    data = tree.read(path) or b""
    if kind == "link":
        target = data.decode("utf-8", "replace")
        return f"it is a symbolic link to {target}, which is reviewed where it lies"
    if data.startswith(_POINTER):
        return "it is a Git LFS pointer: what it stands for is not among git's objects"
    return ""


def _submodule(comparison: Comparison, change: trees.Change) -> Iterator[str]:
    path = change.new or change.old or ""
    if comparison.in_project(path) is not None:
        yield f"The submodule {path} has changed; its notebooks are reviewed in its own repository."


def _is_wanted(comparison: Comparison, change: NotebookChange, paths: Sequence[str]) -> bool:
    return not paths or any(
        PurePosixPath(one).is_relative_to(wanted)
        for one in _both(comparison, change)
        for wanted in paths
    )


def _both(comparison: Comparison, change: NotebookChange) -> Iterator[str]:
    for path in (change.path, change.base_path):
        if path is not None:
            yield comparison.in_project(path) or path


def _unmet(
    comparison: Comparison, wanted: Iterable[NotebookChange], paths: Sequence[str]
) -> Iterator[str]:
    met = {one for change in wanted for one in _both(comparison, change)}
    for path in paths:
        if not any(PurePosixPath(one).is_relative_to(path) for one in met):
            yield f"No notebook has changed in {path}."
