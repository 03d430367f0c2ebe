"""What is compared with what: two trees, and the commit that the head has begun from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from notebook_executor.errors import UsageError
from notebook_executor.git.repository import NoRepositoryError, Repository
from notebook_executor.git.trees import (
    Tree,
    apart,
    is_shallow,
    merge_base,
    tree_of_commit,
    tree_of_index,
    tree_of_working_tree,
)

WORKING_TREE = "working tree"
INDEX = "index"
_NO_REPOSITORY = "A review compares with what git has; run it in a clone with a working tree."
_APART = "The head and {} have no history in common: they are compared as they are."


@dataclass(frozen=True)
class Comparison:
    """Two sides of a repository.

    Attributes:
        base: What the base is called.
        head: What the head is called; of no commit ``WORKING_TREE`` or ``INDEX``.
        merge_base: Where the head began; None where the two have no history in common.
        head_commit: None where the head is no commit.
        old: What the head began with.
        new: What the head has.
        prefix: The project's folder, below the repository's top; empty where it is that.
        at: When the base's state was committed.
    """

    base: str
    head: str
    base_commit: str
    head_commit: str | None
    merge_base: str | None
    old: Tree
    new: Tree
    prefix: str
    at: datetime
    warnings: tuple[str, ...] = field(default=())

    def in_project(self, path: str) -> str | None:
        """A path below the top as one below the project; None where it is not in it."""
        if not self.prefix:
            return path
        inside = PurePosixPath(path).is_relative_to(self.prefix)
        return str(PurePosixPath(path).relative_to(self.prefix)) if inside else None

    def from_project(self, path: str) -> str:
        """A path below the project as one below the top."""
        return str(PurePosixPath(self.prefix, path))


def compare(root: Path, base: str, head: str | None, *, index: bool, place: Path) -> Comparison:
    """Find the two sides of a review; nothing of the repository is written.

    Args:
        root: The project, in the repository's working tree.
        base: A commit, branch or tag; of a branch that only the remote has, ``origin``'s.
        head: Likewise; None for what is not committed.
        index: Of that, what the next commit would have; else the working tree.
        place: A private directory, for what git has to write.

    Raises:
        UsageError: There is no repository, or no such commit, or its history is not here.
        GitError: git fails.
    """
    if index and head is not None:
        raise UsageError("A review is of a commit or of the index", hint="Name no head for that.")
    repository = apart(_repository(root), place / "objects")
    base, base_commit = _named(repository, base)
    head_commit = _named(repository, head)[1] if head is not None else None
    tip = head_commit or repository.resolved("HEAD")
    began = merge_base(repository, base_commit, tip) if tip else None
    if tip and began is None and is_shallow(repository):
        raise UsageError(
            f"Where the head has left {base!r} is not in this shallow clone",
            hint="git fetch --unshallow; in CI, check out with fetch-depth: 0.",
        )
    old = tree_of_commit(repository, began or base_commit)
    return Comparison(
        base=base,
        head=head if head is not None else INDEX if index else WORKING_TREE,
        base_commit=base_commit,
        head_commit=head_commit,
        merge_base=began,
        old=old,
        new=_head(repository, head_commit, index, place),
        prefix=_prefix(root, repository),
        at=_committed(repository, began or base_commit),
        warnings=() if began else (_APART.format(base),),
    )


def _head(repository: Repository, commit: str | None, index: bool, place: Path) -> Tree:
    if commit is not None:
        return tree_of_commit(repository, commit)
    take: Callable[[Repository, Path], Tree] = tree_of_index if index else tree_of_working_tree
    return take(repository, place / "index")


def _repository(root: Path) -> Repository:
    try:
        return Repository.of(root)
    except NoRepositoryError as error:
        raise UsageError(error.message, hint=_NO_REPOSITORY) from error
    except OSError as error:
        raise UsageError(
            f"git cannot be run: {error.strerror or error}", hint="Install git."
        ) from error


def _named(repository: Repository, name: str) -> tuple[str, str]:
    """A commit's name, and its id.

    Raises:
        UsageError: There is none.
    """
    for candidate in (name, f"origin/{name}"):
        usable = name and not name.startswith("-") and "\0" not in name
        commit = repository.resolved(candidate) if usable else None
        if commit is not None:
            return candidate, commit
    raise UsageError(
        f"{name!r:.200} is no commit, branch or tag of {repository.top}",
        hint="Name one that git branch --all shows; a clone may have to fetch it first.",
    )


def _prefix(root: Path, repository: Repository) -> str:
    below = repository.from_top(root)
    return "" if below == "." else below


def _committed(repository: Repository, commit: str) -> datetime:
    seconds = repository.text("show", "--no-patch", "--format=%ct", commit)
    return datetime.fromtimestamp(int(seconds), UTC)
