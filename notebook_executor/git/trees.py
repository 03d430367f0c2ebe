"""Trees to read, to compare and to lay out as files: of a commit, the index, the working tree.

All three become a tree object, so that whoever compares need not care which it was. What has to be
written for that lies in a directory of the caller's: neither the repository's objects nor its index
nor its working tree is touched, and no hook is run.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from notebook_executor.errors import UsageError
from notebook_executor.git.repository import GitError, Repository

_TIMEOUT = 600.0  # of what reads or writes a whole tree
_SHOWN = 5
# Writing a private index calls no hook and wakes no daemon.
_QUIET = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false")
_ADD = (
    *(*_QUIET, "-c", "core.splitIndex=false"),
    *("-c", "core.looseCompression=0", "-c", "advice.addEmbeddedRepo=false"),
)
# Notebooks leave git as they are in it; a filter that is missing here must not prevent that.
_LAY_OUT = (
    *(*_QUIET, "-c", "core.sparseCheckout=false"),
    *("-c", "filter.nbstripout.smudge=", "-c", "filter.nbstripout.process="),
    *("-c", "filter.nbstripout.required=false"),
)
_RAW = re.compile(r":(\d+) (\d+) (\w+) (\w+) ([A-Z])\d*")
_LINK, _SUBMODULE = "120000", "160000"

Kind = Literal["file", "link", "submodule"]


@dataclass(frozen=True)
class Change:
    """One file in which two trees differ.

    Attributes:
        old: Where it was; None: nowhere.
        new: Where it is; None: nowhere.
        kind: What is there, or, where nothing is, what was.
        same: Is the content the same, and only the place or the mode another?
    """

    old: str | None
    new: str | None
    kind: Kind
    same: bool = False


@dataclass(frozen=True)
class Tree:
    """A tree of a repository; paths are relative to the repository's top, with ``/``."""

    repository: Repository
    identity: str

    def read(self, path: str) -> bytes | None:
        """What git has at a path, without any filter; None where there is no file."""
        done = self.repository.run("cat-file", "blob", f"{self.identity}:{path}")
        return done.stdout if done.code == 0 else None

    def has(self, path: str) -> bool:
        return self.repository.run("cat-file", "-e", f"{self.identity}:{path}").code == 0

    def paths(self, below: str = "") -> list[str]:
        """All files, or those in a folder."""
        folder = [f"{below.rstrip('/')}/"] if below else []
        told = self.repository.output(
            "ls-tree", "-r", "-z", "--full-tree", "--name-only", self.identity, "--", *folder,
            timeout=_TIMEOUT,
        )  # fmt: skip
        return _names(told)

    def changes(self, new: Tree) -> list[Change]:
        """What is another in a new tree; a file that has moved and hardly changed is one change."""
        told = self.repository.output(
            "diff-tree", "-r", "-z", "-M", "--raw", "--no-abbrev", self.identity, new.identity,
            timeout=_TIMEOUT,
        )  # fmt: skip
        return list(_changes(_names(told)))

    def filters(self, paths: Sequence[str], index: Path) -> dict[str, str]:
        """The filter that git's attributes name for each path; ``unspecified`` or ``unset``.

        Args:
            paths: Which.
            index: A private index, which the tree is read into.
        """
        repository = self._with_index(index)
        given = b"".join(_encoded(path) + b"\0" for path in paths)
        told = _names(
            repository.output("check-attr", "--cached", "-z", "--stdin", "filter", stdin=given)
        )
        return dict(zip(told[::3], told[2::3], strict=True))

    def lay_out(self, folder: Path, index: Path, paths: Sequence[str] | None = None) -> None:
        """Write the tree's files into an empty folder, as a checkout would have them.

        Args:
            folder: Where; it must be there.
            index: A private index, which the tree is read into.
            paths: Only these.
        """
        repository = self._with_index(index)
        directory = repository.text("rev-parse", "--absolute-git-dir")
        there = replace(repository, top=folder).having(GIT_DIR=directory, GIT_WORK_TREE=str(folder))
        chosen = ("--all",) if paths is None else ("-z", "--stdin")
        given = b"".join(_encoded(path) + b"\0" for path in paths or ())
        there.output(
            *_LAY_OUT, "checkout-index", "--force", "--quiet", *chosen,
            stdin=given, timeout=_TIMEOUT,
        )  # fmt: skip

    def _with_index(self, index: Path) -> Repository:
        repository = self.repository.having(GIT_INDEX_FILE=str(index))
        if not index.exists():
            repository.output(*_LAY_OUT, "read-tree", self.identity, timeout=_TIMEOUT)
        return repository


def apart(repository: Repository, objects: Path) -> Repository:
    """The repository, for git that writes new objects into a directory of ours.

    Args:
        repository: Whose objects are still read.
        objects: Made here.
    """
    theirs = repository.text("rev-parse", "--path-format=absolute", "--git-path", "objects")
    (objects / "info").mkdir(parents=True)
    (objects / "info" / "alternates").write_bytes(_encoded(theirs) + b"\n")
    return repository.having(GIT_OBJECT_DIRECTORY=str(objects))


def tree_of_commit(repository: Repository, commit: str) -> Tree:
    return Tree(repository, repository.tree_of(commit))


def tree_of_index(repository: Repository, index: Path) -> Tree:
    """What the next commit would have.

    Args:
        repository: One that is ``apart``.
        index: Where a copy of the index goes.

    Raises:
        UsageError: A merge is under way.
    """
    copied = _copied_index(repository, index)
    unmerged = [line.partition("\t")[2] for line in _names(copied.output("ls-files", "-uz"))]
    if unmerged:
        names = ", ".join(list(dict.fromkeys(unmerged))[:_SHOWN])
        raise UsageError(
            f"The index has conflicts that are not resolved: {names}",
            hint="Resolve them and git add the files.",
        )
    return Tree(repository, copied.text(*_ADD, "write-tree"))


def tree_of_working_tree(repository: Repository, index: Path) -> Tree:
    """What would be committed if all that lies there were added, what is ignored aside.

    Args:
        repository: One that is ``apart``.
        index: Where a copy of the index goes.

    Raises:
        GitError: git cannot add a file, such as when a filter that it requires is not there.
    """
    copied = _copied_index(repository, index)
    copied.output(*_ADD, "add", "--all", "--", ".", timeout=_TIMEOUT)
    return Tree(repository, copied.text(*_ADD, "write-tree"))


def _copied_index(repository: Repository, index: Path) -> Repository:
    original = index_of(repository)
    if original.exists():
        # With its time, by which git knows what may have changed without changing its size.
        shutil.copy2(original, index)
    return repository.having(GIT_INDEX_FILE=str(index))


def index_of(repository: Repository) -> Path:
    """The index; in a hook the one that its commit is made of, which may be another."""
    directory = Path(repository.text("rev-parse", "--absolute-git-dir"))
    named = repository.top / os.environ.get("GIT_INDEX_FILE", "")
    return named if named.is_relative_to(directory) else directory / "index"


def is_shallow(repository: Repository) -> bool:
    return repository.text("rev-parse", "--is-shallow-repository") == "true"


def merge_base(repository: Repository, one: str, other: str) -> str | None:
    """The commit that two have in common; None where they have none.

    Raises:
        GitError: git cannot tell.
    """
    done = repository.run("merge-base", one, other)
    if done.code not in (0, 1):
        raise GitError(f"git merge-base in {repository.top}: {done.complaint}", said=done.complaint)
    return done.stdout.decode().strip() or None


def _changes(parts: list[str]) -> Iterator[Change]:
    left = iter(parts)
    for raw in left:
        found = _RAW.fullmatch(raw)
        assert found is not None, raw
        old_mode, new_mode, old, new, status = found.groups()
        first = next(left)
        second = next(left) if status in "RC" else first
        yield Change(
            old=None if status == "A" else first,
            new=None if status == "D" else second,
            kind=_kind(old_mode if status == "D" else new_mode),
            same=old == new,
        )


def _kind(mode: str) -> Kind:
    if mode == _SUBMODULE:
        return "submodule"
    return "link" if mode == _LINK else "file"


def _names(told: bytes) -> list[str]:
    return told.decode("utf-8", "surrogateescape").split("\0")[:-1]


def _encoded(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")
