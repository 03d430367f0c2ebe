"""The commit of a proposal: edits of the base's notebook, on top of what is proposed already.

Everything is made of git's objects: no working tree, no index, no branch of the caller's is read
or written. The remote's branch is only ever moved forward, and only where all its commits are
proposals of this kind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from notebook_executor.documents.editing import EditsGiven, edit_data
from notebook_executor.documents.stripping import strip_data
from notebook_executor.errors import UsageError
from notebook_executor.git.remotes import fetched_branch
from notebook_executor.git.repository import GitError, Repository

_TRAILER = "Nbx-Proposal"
_OURS = re.compile(rf"^{_TRAILER}: ([0-9a-f]{{40,64}})$", re.MULTILINE)
_LINK = "120000"
_SHOWN = 5
_RUNS = "runs"


@dataclass(frozen=True)
class Wanted:
    """What is to be proposed.

    Attributes:
        path: Of the notebook, below the repository's top.
        base: The branch that it is for.
        branch: The branch that it is on.
        message: The commit's, without what we add.
    """

    repository: Repository
    remote: str
    path: str
    base: str
    branch: str
    edits: EditsGiven
    message: str


@dataclass(frozen=True)
class Proposed:
    """A commit to propose.

    Attributes:
        commit: Which no reference of ours names.
        tree: Its tree.
        base: The remote's commit that it is for.
        before: The remote's commit of its branch; None where there is no such branch.
    """

    commit: str
    tree: str
    base: str
    before: str | None

    @property
    def is_there(self) -> bool:
        return self.commit == self.before


def propose_commit(wanted: Wanted) -> Proposed:
    """Make the commit that the remote's branch is to have, or find that it has it.

    Raises:
        UsageError: The base or the notebook is not there, an edit cannot be done, they change
            nothing, or the branch is somebody else's.
        GitError: git fails, or the remote cannot be read.
    """
    repository, path = wanted.repository, wanted.path
    base, before = _sides(wanted)
    mode, old = _entry(repository, base, wanted)
    blob = repository.store(_edited(repository, old, wanted))
    if blob == old:
        raise UsageError(
            f"The edits change nothing: {wanted.base!r} has {path} like this",
            hint="Perhaps they have been merged.",
        )
    parents: tuple[str, ...] = (base,)
    if before is not None and not _precedes(repository, before, base):
        _refuse_foreign(wanted, base, before)
        if _blob(repository, before, path) == blob:
            return Proposed(before, repository.tree_of(before), base, before)
        parents = (before,) if _precedes(repository, base, before) else (before, base)
    tree = repository.with_file(repository.tree_of(base), path, f"{mode} blob {blob}")
    message = f"{wanted.message}\n\n{_TRAILER}: {blob}\n"
    commit = repository.commit(tree, parents, message, repository.author())
    return Proposed(commit, tree, base, before)


def refuse_place(wanted: Wanted) -> None:
    """Refuse what cannot be proposed, before anybody is asked.

    Raises:
        UsageError: The branch is none, or is checked out; the notebook is an executed one.
    """
    repository, branch = wanted.repository, wanted.branch
    if branch == wanted.base:
        raise UsageError(f"The branch {branch!r} is the base itself", hint="Name another branch.")
    for name in (branch, wanted.base):
        if repository.run("check-ref-format", "--branch", name).code != 0 or name.startswith("@{"):
            raise UsageError(f"{name!r} cannot be the name of a branch", hint="Name another one.")
    if place := repository.checked_out(f"refs/heads/{branch}"):
        raise UsageError(
            f"The branch {branch!r} is checked out in {place}: somebody works on it",
            hint="Name another branch, or check out another one there.",
        )
    if _RUNS in PurePosixPath(wanted.path).parts[:-1]:
        raise UsageError(
            f"{wanted.path} is an executed notebook, which is kept as it is",
            hint="Propose changes of the notebook that it is a run of.",
        )


def _sides(wanted: Wanted) -> tuple[str, str | None]:
    base = fetched_branch(wanted.repository, wanted.remote, wanted.base)
    if base is None:
        raise UsageError(
            f"The remote {wanted.remote!r} has no branch {wanted.base!r}",
            hint="A base is a branch of the remote, such as main.",
        )
    return base, fetched_branch(wanted.repository, wanted.remote, wanted.branch)


def _entry(repository: Repository, base: str, wanted: Wanted) -> tuple[str, str]:
    """The notebook's mode and content in the base."""
    told = repository.text("ls-tree", "-z", "--full-tree", base, "--", wanted.path)
    found = re.match(r"(\d+) (\w+) (\w+)\t", told)
    if found is None:
        raise UsageError(
            f"{wanted.base!r} of {wanted.remote!r} has no {wanted.path}",
            hint="What is proposed are edits of a notebook that is there, pushed and all.",
        )
    if found[2] != "blob" or found[1] == _LINK:
        raise UsageError(f"{wanted.path} is not an ordinary file in {wanted.base!r}")
    return found[1], found[3]


def _edited(repository: Repository, blob: str, wanted: Wanted) -> bytes:
    data = repository.output("cat-file", "blob", blob)
    edited, _ = edit_data(data, wanted.path, wanted.edits)
    return strip_data(edited, wanted.path)


def _precedes(repository: Repository, one: str, other: str) -> bool:
    done = repository.run("merge-base", "--is-ancestor", one, other)
    if done.code not in (0, 1):
        raise GitError(f"git merge-base: {done.complaint}", said=done.complaint)
    return done.code == 0


def _blob(repository: Repository, commit: str, path: str) -> str | None:
    done = repository.run("rev-parse", "--verify", "--quiet", f"{commit}:{path}")
    return done.stdout.decode().strip() if done.code == 0 else None


def _refuse_foreign(wanted: Wanted, base: str, tip: str) -> None:
    """Refuse a branch that has something else than proposals of this notebook."""
    told = wanted.repository.text("rev-list", f"{base}..{tip}")
    foreign = [each for each in told.splitlines() if not _is_ours(wanted, each)]
    if not foreign:
        return
    shown = wanted.repository.text(
        "show", "--no-patch", "--format=%h %an: %s", *foreign[:_SHOWN]
    ).splitlines()
    more = f", and {len(foreign) - _SHOWN} more" if len(foreign) > _SHOWN else ""
    raise UsageError(
        f"The branch {wanted.branch!r} of {wanted.remote!r} has commits of others: "
        f"{'; '.join(shown)}{more}",
        hint="They are left as they are. Propose on another branch.",
        commits=foreign,
    )


def _is_ours(wanted: Wanted, commit: str) -> bool:
    """Whether a commit is as we have made it: one notebook, with the content that it names."""
    repository = wanted.repository
    message = repository.text("show", "--no-patch", "--format=%B", commit)
    named = _OURS.search(message)
    if named is None or _blob(repository, commit, wanted.path) != named[1]:
        return False
    parents = repository.text("rev-parse", f"{commit}^@").splitlines()
    return any(set(repository.changes(each, commit)) <= {wanted.path} for each in parents)
