"""A branch of executed notebooks goes to its remote, where others push to it, too."""

from __future__ import annotations

import random
import time

from notebook_executor.git.remotes import TIMEOUT, fetched_branch, is_overtaken, remote_of
from notebook_executor.git.repository import GitError, Repository

_TRIES = 8


def push_branch(repository: Repository, branch: str) -> str:
    """Push a branch; where the remote's has moved on, merge that first.

    The merge takes each file that either side has; of a file in which both differ, ours. The local
    branch only moves forward.

    Blocks for at most two minutes each time it has to be tried.

    Returns:
        The commit that the remote has now.

    Raises:
        GitError: There is no remote, it cannot be reached, or it refuses.
    """
    remote = remote_of(repository, branch)
    reference = f"refs/heads/{branch}"
    tries = 0
    while True:
        tip = repository.text("rev-parse", "--verify", reference)
        done = repository.run("push", "--porcelain", remote, f"{tip}:{reference}", timeout=TIMEOUT)
        if done.code == 0:
            return tip
        complaint = f"{done.stdout.decode('utf-8', 'replace')}\n{done.complaint}".strip()
        if tries == _TRIES or not is_overtaken(complaint):
            break
        # Whoever was faster has got on with it; a lock that nobody holds any more stays.
        tries = 0 if _join(repository, remote, branch, tip) else tries + 1
        time.sleep(random.uniform(0, 0.05 * 2**tries))
    raise GitError(
        f"the branch {branch!r} could not be pushed to {remote!r}: {complaint}",
        said=complaint,
    )


def _join(repository: Repository, remote: str, branch: str, ours: str) -> bool:
    """Move the branch to what holds its own commits and the remote's; if it has moved, do nothing.

    A merge by hand, because git's own wants a working tree, and refuses histories that began
    apart, as those of two machines do.

    Returns:
        Whether the remote has commits that the branch had not.
    """
    try:
        theirs = fetched_branch(repository, remote, branch)
    except GitError:
        return False
    if theirs is None:
        return False
    shared = repository.run("merge-base", ours, theirs)
    base = shared.stdout.decode().strip() if shared.code == 0 else None
    if base == theirs:
        return False
    if base == ours:
        new = theirs
    else:
        tree = repository.tree_of(theirs)
        for path, entry in repository.changes(base, ours).items():
            tree = repository.with_file(tree, path, entry)
        message = f"Merge {remote}/{branch}"
        new = repository.commit(tree, (ours, theirs), message, repository.author())
    repository.move(f"refs/heads/{branch}", new, ours, "nbx schedule: merge")
    return True
