"""Remotes: where a branch goes, what is there, and commits for it, without a branch of our own."""

from __future__ import annotations

from notebook_executor.git.repository import GitError, Repository

TIMEOUT = 120.0
"""Seconds for what speaks to a remote."""
# That somebody else was first: to be tried again with what is there now.
_OVERTAKEN = ("[rejected]", "cannot lock ref", "failed to update ref", "incorrect old value")
_NO_SUCH_BRANCH = 2  # of ls-remote --exit-code
_PUSH = (
    # Also the hook that is told of references that follow the remote.
    *("-c", "core.hooksPath=/dev/null"),
    *("push", "--porcelain", "--no-verify", "--no-follow-tags", "--no-recurse-submodules"),
)


class OvertakenError(GitError):
    """The remote's branch is not where it was: somebody else was faster."""


def is_overtaken(complaint: str) -> bool:
    """Whether a push was refused because the remote's branch has moved on."""
    return any(sign in complaint for sign in _OVERTAKEN)


def remote_of(repository: Repository, branch: str) -> str:
    """Where git itself would push a branch to.

    Raises:
        GitError: There is no remote, or none that is meant.
    """
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


def push_url(repository: Repository, remote: str) -> str:
    """A remote's URL, which may hold a password."""
    return repository.text("remote", "get-url", "--push", remote)


def fetched_branch(repository: Repository, remote: str, branch: str) -> str | None:
    """The commit of a remote's branch, with all that it needs; None where there is no such branch.

    Only objects are added: no reference moves, those that follow the remote included.

    Raises:
        GitError: The remote cannot be reached, or refuses.
    """
    reference = f"refs/heads/{branch}"
    told = repository.run("ls-remote", "--exit-code", remote, reference, timeout=TIMEOUT)
    if told.code == _NO_SUCH_BRANCH:
        return None
    if told.code != 0:
        raise _refused(f"the remote {remote!r} cannot be read", told.complaint)
    tip = _named(told.stdout.decode(), reference)
    if tip is None:
        return None
    if repository.resolved(tip):
        return tip
    done = repository.run(
        "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules",
        "--no-auto-maintenance", "--refmap=", remote, reference, timeout=TIMEOUT,
    )  # fmt: skip
    if done.code != 0 or not repository.resolved(tip):
        raise _refused(f"{branch!r} cannot be fetched from {remote!r}", done.complaint)
    return tip


def push_commit(repository: Repository, remote: str, branch: str, commit: str) -> None:
    """Move a remote's branch forward to a commit, or make it; nothing of ours moves.

    No hook is run.

    Raises:
        OvertakenError: The branch has commits that this one does not follow.
        GitError: The remote cannot be reached, or refuses.
    """
    reference = f"refs/heads/{branch}"
    done = repository.run(*_PUSH, remote, f"{commit}:{reference}", timeout=TIMEOUT)
    if done.code != 0:
        complaint = f"{done.stdout.decode('utf-8', 'replace')}\n{done.complaint}".strip()
        kind = OvertakenError if is_overtaken(complaint) else GitError
        raise kind(f"{branch!r} cannot be pushed to {remote!r}: {complaint}", said=complaint)


def withdraw_branch(repository: Repository, remote: str, branch: str, commit: str) -> bool:
    """Remove a remote's branch if it still is at a commit; whether it is gone."""
    reference = f"refs/heads/{branch}"
    lease = f"--force-with-lease={reference}:{commit}"
    return repository.run(*_PUSH, lease, remote, f":{reference}", timeout=TIMEOUT).code == 0


def _named(told: str, reference: str) -> str | None:
    """The commit of one reference of those that ls-remote tells, which may end alike."""
    pairs = (line.split("\t") for line in told.splitlines())
    return next((commit for commit, name in pairs if name == reference), None)


def _refused(what: str, complaint: str) -> GitError:
    return GitError(f"{what}: {complaint}", said=complaint)
