"""An executed notebook becomes a commit on a branch of its own, whoever works in that repository.

Neither working tree nor index is read or written, so that it works in the middle of somebody's
edit, merge or rebase. The branch begins without a history, holds only what was committed here, and
is never moved back.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import Literal

from notebook_executor.git.pushing import push_branch
from notebook_executor.git.repository import GitError, NoRepositoryError, Repository
from notebook_executor.models import Record

_PATIENCE = 30.0  # seconds for a branch that neither we can move nor others do


class Committed(Record):
    """What became of committing a file.

    Attributes:
        state: ``unchanged`` where the branch has this very file already; ``none`` where the file
            is in no repository.
        commit: Where the branch has the file.
        path: The file in the repository.
        pushed: Whether the remote has it, too; None where that was not asked for.
        problem: What was not done, and why.
    """

    state: Literal["committed", "unchanged", "none", "failed"]
    branch: str
    commit: str | None = None
    path: str | None = None
    pushed: bool | None = None
    problem: str | None = None


def commit_file(
    file: Path,
    branch: str,
    message: str,
    *,
    push: bool = False,
    required: bool = True,
) -> Committed:
    """Commit a file to a branch of the repository that it lies in.

    The file is committed as it is: no filter strips it, ``.gitignore`` does not count. A branch
    that some working tree has checked out is left alone, because its next commit would undo ours.

    Blocks for as long as git takes; at most half a minute for a branch that cannot be moved.

    Args:
        file: An ordinary file.
        branch: Made where there is none, as a branch without history.
        message: The commit's.
        push: Push the branch to its remote afterwards.
        required: Whether a file that lies in no repository is a problem.
    """
    try:
        repository = Repository.of(Path(os.path.realpath(file.parent)))
        made = _commit(repository, repository.from_top(file), file.read_bytes(), branch, message)
    except NoRepositoryError as error:
        problem = error.message if required else None
        return Committed(state="failed" if required else "none", branch=branch, problem=problem)
    except FileNotFoundError as error:
        if error.filename == "git" and not required and not _looks_like_one(file):
            return Committed(state="none", branch=branch)
        return Committed(state="failed", branch=branch, problem=str(error))
    except (GitError, OSError) as error:
        return Committed(state="failed", branch=branch, problem=str(error))
    return _pushed(repository, made) if push and made.commit else made


def _pushed(repository: Repository, made: Committed) -> Committed:
    try:
        push_branch(repository, made.branch)
    except (GitError, OSError) as error:
        return made.model_copy(update={"pushed": False, "problem": str(error)})
    return made.model_copy(update={"pushed": True})


def _looks_like_one(file: Path) -> bool:
    return any((folder / ".git").exists() for folder in file.resolve().parents)


def _commit(
    repository: Repository, path: str, content: bytes, branch: str, message: str
) -> Committed:
    """Try again while others move the branch."""
    reference = f"refs/heads/{branch}"
    repository.text("check-ref-format", reference)
    entry = f"100644 blob {repository.store(content)}"
    author = repository.author()
    seen, deadline = None, 0.0
    while True:
        # Looked at each time: whoever moves the branch may have checked it out.
        if place := repository.checked_out(reference):
            raise GitError(
                f"the branch {branch!r} is checked out in {place}, whose next commit would undo "
                "this one",
                hint="Name another branch in the entry's commit.",
                said="",
            )
        tip = repository.resolved(reference)
        if tip != seen or not deadline:
            seen, deadline = tip, time.monotonic() + _PATIENCE
        tree = repository.with_file(tip, Path(path).as_posix(), entry)
        if tip is not None and tree == repository.tree_of(tip):
            return Committed(state="unchanged", branch=branch, commit=tip, path=path)
        new = repository.commit(tree, (tip,) if tip else (), message, author)
        done = repository.move(reference, new, tip, "nbx schedule")
        if done.code == 0:
            return Committed(state="committed", branch=branch, commit=new, path=path)
        if time.monotonic() > deadline:
            raise GitError(f"the branch {branch!r} cannot be moved: {done.complaint}", said="")
        # Another's lock on the reference is held for a moment, or for ever.
        time.sleep(random.uniform(0, 0.1))
