"""A repository by git's plumbing alone: objects and references; no index, no working tree.

Trees are made with ``mktree``, level by level, so that not even a private index has to lie
somewhere: whatever is killed, all that can be left is an object that nothing refers to, which git
collects by itself.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from notebook_executor.commands import Finished, run_command
from notebook_executor.errors import NotebookExecutorError

_TIMEOUT = 60.0
_SUBMODULE = "160000"
# A hook that calls us, or a shell inside of one, has these set, for another repository.
_LOCAL = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_PREFIX", "GIT_NAMESPACE"),
    *("GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"),
    *("GIT_QUARANTINE_PATH", "GIT_LITERAL_PATHSPECS"),
)
_NAME = "notebook_executor"
# Cleaning up would go on in the background, in a process that nobody waits for.
_SETTINGS = (
    *("-c", "i18n.commitEncoding=UTF-8"),
    *("-c", "gc.auto=0", "-c", "maintenance.auto=false"),
)


class GitError(NotebookExecutorError):
    """git refused; ``details["said"]`` is what it said."""


class NoRepositoryError(GitError):
    """The place is in no git working tree."""


@dataclass(frozen=True)
class Author:
    """Who made a commit, and when: in git's own form, ``@1700000000 +0100``; empty is now."""

    name: str
    email: str
    date: str = ""


@dataclass(frozen=True)
class Repository:
    """The repository whose working tree holds ``top``.

    All methods raise ``GitError`` when git fails, and ``OSError`` when there is no git.
    """

    top: Path
    _environment: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, folder: Path) -> Repository:
        """The repository in whose working tree a folder is.

        Raises:
            NoRepositoryError: It is in none: in no repository, in a bare one, or inside ``.git``.
            GitError: git does not want to work there, such as when another user owns it.
            OSError: There is no git.
        """
        environment = {k: v for k, v in os.environ.items() if k not in _LOCAL}
        # Messages in English, and nobody is asked for a password.
        environment |= {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
        try:
            top = cls(folder, environment).text("rev-parse", "--show-toplevel")
        except GitError as error:
            said = error.details["said"]
            if "not a git repository" in said or "must be run in a work tree" in said:
                raise NoRepositoryError(f"{folder} is in no git working tree", said=said) from None
            raise
        return cls(Path(top), environment)

    def from_top(self, path: Path) -> str:
        """A path as git writes it, from the top; one that is outside begins with ``../``."""
        return Path(os.path.relpath(os.path.realpath(path), os.path.realpath(self.top))).as_posix()

    def having(self, **environment: str) -> Repository:
        """This repository, for git with some more variables: ``GIT_INDEX_FILE="…"``."""
        return replace(self, _environment={**self._environment, **environment})

    def text(self, *arguments: str, stdin: bytes = b"", author: Author | None = None) -> str:
        """What a git command prints, without the newline at its end."""
        told = self.output(*arguments, stdin=stdin, author=author)
        return told.decode("utf-8", "surrogateescape").removesuffix("\n")

    def output(
        self,
        *arguments: str,
        stdin: bytes = b"",
        author: Author | None = None,
        timeout: float = _TIMEOUT,
    ) -> bytes:
        done = self.run(*arguments, stdin=stdin, author=author, timeout=timeout)
        if done.code != 0:
            said = done.complaint
            raise GitError(f"git {arguments[0]} in {self.top}: {said}", said=said)
        return done.stdout

    def run(
        self,
        *arguments: str,
        stdin: bytes = b"",
        author: Author | None = None,
        timeout: float = _TIMEOUT,
    ) -> Finished:
        """How a git command ends, whichever way."""
        environment = dict(self._environment)
        if author is not None:
            for role in ("AUTHOR", "COMMITTER"):
                environment[f"GIT_{role}_NAME"] = author.name
                environment[f"GIT_{role}_EMAIL"] = author.email
            if author.date:
                environment["GIT_AUTHOR_DATE"] = author.date
        argv = ["git", "-C", str(self.top), *_SETTINGS, *arguments]
        return run_command(argv, timeout=timeout, stdin=stdin, env=environment, keep=None)

    def resolved(self, name: str) -> str | None:
        """The commit that a reference points to; None where there is no such reference."""
        done = self.run("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        return done.stdout.decode().strip() if done.code == 0 else None

    def checked_out(self, reference: str) -> str | None:
        """The working tree that has a branch checked out, the repository's own or a linked one."""
        place = ""
        for line in self.output("worktree", "list", "--porcelain").decode().splitlines():
            key, _, value = line.partition(" ")
            place = value if key == "worktree" else place
            if key == "branch" and value == reference:
                return place
        return None

    def author(self) -> Author | None:
        """Who commits where git has been told nobody: ourselves; None where it has."""
        if self.run("var", "GIT_COMMITTER_IDENT").code == 0:
            return None
        return Author(_NAME, f"{_NAME}@localhost")

    def store(self, content: bytes) -> str:
        """Keep a file's content as it is: no filter, such as one that strips outputs, is run."""
        return self.text("hash-object", "-w", "--no-filters", "--stdin", stdin=content)

    def with_file(self, tree: str | None, path: str, entry: str | None) -> str:
        """A tree that has a file, and is the same otherwise.

        Args:
            tree: The tree, or a commit of it; None for an empty one.
            path: Where the file is, with ``/`` between the names.
            entry: What git says of it, ``100644 blob <id>``; None takes the file out.
        """
        name, _, below = path.partition("/")
        entries = self._entries(tree)
        if below:
            entry = f"040000 tree {self.with_file(_subtree(entries.get(name)), below, entry)}"
        entries.pop(name, None)
        if entry is not None:
            entries[name] = entry
        lines = "".join(f"{what}\t{name}\0" for name, what in entries.items())
        # The objects that a partial clone lacks, and a submodule's, need not be here.
        return self.text(
            "mktree", "-z", "--missing", stdin=lines.encode("utf-8", "surrogateescape")
        )

    def tree_of(self, commit: str) -> str:
        return self.text("rev-parse", "--verify", f"{commit}^{{tree}}")

    def changes(self, old: str | None, new: str) -> dict[str, str | None]:
        """The files in which a commit differs from another, or from nothing: as ``with_file``."""
        empty = self.text("mktree") if old is None else old
        told = self.output("diff-tree", "-r", "-z", "--no-renames", empty, new)
        parts = told.decode("utf-8", "surrogateescape").split("\0")
        changes: dict[str, str | None] = {}
        for raw, path in zip(parts[::2], parts[1::2], strict=False):
            _, mode, _, identity, status = raw.split(" ")
            kind = "commit" if mode == _SUBMODULE else "blob"
            changes[path] = None if status == "D" else f"{mode} {kind} {identity}"
        return changes

    def _entries(self, tree: str | None) -> dict[str, str]:
        if tree is None:
            return {}
        told = self.output("ls-tree", "-z", tree).decode("utf-8", "surrogateescape")
        pairs = (line.partition("\t") for line in told.split("\0") if line)
        return {name: what for what, _, name in pairs}

    def commit(
        self, tree: str, parents: tuple[str, ...], message: str, author: Author | None
    ) -> str:
        """A new commit, which no reference names yet; hooks and signing are left to people."""
        onto = [argument for parent in parents for argument in ("-p", parent)]
        given = message.encode("utf-8", "replace")
        return self.text("commit-tree", tree, *onto, "-F", "-", stdin=given, author=author)

    def move(self, reference: str, new: str, old: str | None, why: str) -> Finished:
        """Point a reference to a commit if it still is where it was; None: if it still is not."""
        return self.run("update-ref", "-m", why, reference, new, old or "")


def _subtree(entry: str | None) -> str | None:
    """The id of a tree's entry that is a tree itself; what else is there gives way."""
    if entry is None:
        return None
    _, kind, identity = entry.split(" ")
    return identity if kind == "tree" else None
