"""A branch of executed notebooks goes to its remote, where others push to it, too."""

from __future__ import annotations

import random
import time

from notebook_executor.git.repository import GitError, Repository

_TIMEOUT = 120.0
_TRIES = 8
# That somebody else was first: to be tried again with what is there now.
_OVERTAKEN = ("[rejected]", "cannot lock ref", "failed to update ref", "incorrect old value")


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
    remote = _remote_of(repository, branch)
    reference = f"refs/heads/{branch}"
    tries = 0
    while True:
        tip = repository.text("rev-parse", "--verify", reference)
        done = repository.run("push", "--porcelain", remote, f"{tip}:{reference}", timeout=_TIMEOUT)
        if done.code == 0:
            return tip
        complaint = f"{done.stdout.decode('utf-8', 'replace')}\n{done.complaint}".strip()
        if tries == _TRIES or not any(sign in complaint for sign in _OVERTAKEN):
            break
        # Whoever was faster has got on with it; a lock that nobody holds any more stays.
        tries = 0 if _join(repository, remote, branch, tip) else tries + 1
        time.sleep(random.uniform(0, 0.05 * 2**tries))
    raise GitError(
        f"the branch {branch!r} could not be pushed to {remote!r}: {complaint}",
        said=complaint,
    )


def _remote_of(repository: Repository, branch: str) -> str:
    """Where git itself would push the branch to."""
    for setting in (f"branch.{branch}.pushRemote", "remote.pushDefault", f"branch.{branch}.remote"):
        done = repository.run("config", "--get", setting)
        if done.code == 0:
            return done.stdout.decode().strip()
    remotes = repository.text("remote").splitlines()
    if "origin" in remotes or len(remotes) == 1:
        return "origin" if "origin" in remotes else remotes[0]
    raise GitError(
        f"the branch {branch!r} cannot be pushed: which of {len(remotes)} remotes is it for?",
        hint=f"git config branch.{branch}.remote NAME",
        said="",
    )


def _join(repository: Repository, remote: str, branch: str, ours: str) -> bool:
    """Move the branch to what holds its own commits and the remote's; if it has moved, do nothing.

    A merge by hand, because git's own wants a working tree, and refuses histories that began
    apart, as those of two machines do.

    Returns:
        Whether the remote has commits that the branch had not.
    """
    theirs = _fetched(repository, remote, branch)
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


def _fetched(repository: Repository, remote: str, branch: str) -> str | None:
    """The remote's branch; None where it has none."""
    reference = f"refs/heads/{branch}"
    told = repository.run("ls-remote", "--exit-code", remote, reference, timeout=_TIMEOUT)
    if told.code != 0:
        return None
    done = repository.run(
        "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules",
        "--no-auto-maintenance", remote, reference, timeout=_TIMEOUT,
    )  # fmt: skip
    tip = told.stdout.decode().partition("\t")[0]
    return tip if done.code == 0 and repository.resolved(tip) else None
