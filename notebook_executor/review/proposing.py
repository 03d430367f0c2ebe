"""A proposal, from edits to a pull request; ``Proposing.propose`` is all of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from notebook_executor.documents.editing import EditsGiven
from notebook_executor.documents.edits import parse_edits
from notebook_executor.errors import ForgeError, NotebookExecutorError, UsageError
from notebook_executor.git.remotes import (
    OvertakenError,
    push_commit,
    push_url,
    remote_of,
    withdraw_branch,
)
from notebook_executor.git.repository import GitError, NoRepositoryError, Repository
from notebook_executor.review import proposal_text as text
from notebook_executor.review.forges.addresses import address_of, without_credentials
from notebook_executor.review.forges.choosing import Chosen, choose_forge, read_forge_settings
from notebook_executor.review.forges.protocol import Hosted, Link, Pull
from notebook_executor.review.forges.speaking import Pace
from notebook_executor.review.keeping import keep_files
from notebook_executor.review.models import Review
from notebook_executor.review.proposal import Proposal
from notebook_executor.review.proposed import Proposed, Wanted, propose_commit, refuse_place

Reviewer = Callable[[str, str], Review]
"""Reviews a commit against another one."""
_TRIES = 4


@dataclass(frozen=True)
class ProposalRequest:
    """What a caller asks for; ``NotebookExecutor.propose`` explains the fields."""

    path: Path
    edits: EditsGiven
    title: str
    base: str
    branch: str | None
    body: str
    allow_failing: bool
    attach: bool


def propose(
    request: ProposalRequest, root: Path, reviewer: Reviewer, pace: Pace | None = None
) -> Proposal:
    """Make edits a pull request, or renew the one that they are already.

    Blocks for as long as the review, git and the forge take.

    Args:
        request: What is asked for.
        root: The project's folder.
        reviewer: Called once, with the base's commit and the proposal's.
        pace: How patient requests to the forge are.

    Raises:
        UsageError: It cannot be proposed like this; nothing was pushed.
        GitError: git, or the remote, refuses.
        ForgeError: The forge refuses, or cannot be reached. Called again, it goes on from there.
    """
    wanted = _wanted(request, root)
    refuse_place(wanted)
    address = address_of(push_url(wanted.repository, wanted.remote))
    settings = read_forge_settings(root, os.environ)
    chosen = choose_forge(address, wanted.repository, settings, pace=pace)
    repository = wanted.repository.having(**chosen.git_environment)
    with chosen.forge:
        hosted = chosen.forge.repository()
        proposing = Proposing(request, replace(wanted, repository=repository), chosen, hosted)
        try:
            return proposing.propose(reviewer)
        except GitError as error:
            raise _scrubbed(error, chosen) from None


def _wanted(request: ProposalRequest, root: Path) -> Wanted:
    title, body = text.checked_title(request.title), text.checked_body(request.body)
    edits = parse_edits(request.edits)
    try:
        repository = Repository.of(root)
    except NoRepositoryError as error:
        raise UsageError(error.message, hint="Propose from a clone.") from error
    place = repository.from_top(request.path)
    if place.startswith("../"):
        raise UsageError(f"{request.path} is not in the repository {repository.top}")
    return Wanted(
        repository=repository,
        remote=remote_of(repository, request.base),
        path=place,
        base=request.base,
        branch=request.branch or text.branch_name(place, title),
        edits=edits,
        message="\n\n".join(part for part in (title, body) if part),
    )


def _scrubbed(error: GitError, chosen: Chosen) -> GitError:
    """git's words without the token, and without what a remote's URL may hold."""
    scrub = chosen.credential.scrub if chosen.credential else str
    said = scrub(without_credentials(str(error.details.get("said", ""))))
    return type(error)(scrub(without_credentials(error.message)), hint=error.hint, said=said)


@dataclass(frozen=True)
class Proposing:
    """One proposal under way.

    Attributes:
        chosen: The forge, which has shown that it takes pushes.
    """

    request: ProposalRequest
    wanted: Wanted
    chosen: Chosen
    hosted: Hosted

    def propose(self, reviewer: Reviewer) -> Proposal:
        """Commit, review, push, and open the pull request."""
        proposed = propose_commit(self.wanted)
        review = self._named(reviewer(proposed.base, proposed.commit))
        proposal = Proposal(
            state="failed",
            path=self.wanted.path,
            base=self.wanted.base,
            branch=self.wanted.branch,
            forge=self.chosen.forge.kind,
            review=review,
        )
        if review.verdict == "fail" and not self.request.allow_failing:
            return proposal
        body = text.pull_text(text.checked_body(self.request.body), review)
        proposed = self._pushed(proposed)
        review = review.model_copy(update={"head_commit": proposed.commit})
        proposal = proposal.model_copy(update={"commit": proposed.commit, "review": review})
        return self._published(proposal, proposed, body)

    def _named(self, review: Review) -> Review:
        """The review by the names that a reader knows."""
        return review.model_copy(update={"base": self.wanted.base, "head": self.wanted.branch})

    def _pushed(self, proposed: Proposed) -> Proposed:
        """Push, and look again where somebody else was faster with the same or with other edits."""
        for left in reversed(range(_TRIES)):
            if proposed.is_there:
                return proposed
            try:
                push_commit(
                    self.wanted.repository, self.wanted.remote, self.wanted.branch, proposed.commit
                )
            except OvertakenError:
                if not left:
                    raise
                again = propose_commit(self.wanted)
                if again.tree != proposed.tree:
                    raise UsageError(
                        f"{self.wanted.base!r} or {self.wanted.branch!r} has changed meanwhile",
                        hint="Nothing was pushed. Call it again.",
                    ) from None
                proposed = again
            else:
                return proposed
        raise AssertionError("the last try raises")

    def _published(self, proposal: Proposal, proposed: Proposed, body: str) -> Proposal:
        forge = self.chosen.forge
        try:
            if not proposed.is_there:
                forge.set_status(proposed.commit, text.pending(self.hosted.url))
            found = forge.find_pull(self.wanted.branch, self.wanted.base)
            pull = found or forge.open_pull(
                self.wanted.branch, self.wanted.base, text.checked_title(self.request.title), body
            )
        except ForgeError as error:
            raise self._taken_back(error, proposed) from error
        try:
            return self._completed(proposal, proposed, pull, is_new=found is None)
        except ForgeError as error:
            raise _unfinished(error, f"The pull request is open: {pull.url}") from error

    def _completed(
        self, proposal: Proposal, proposed: Proposed, pull: Pull, *, is_new: bool
    ) -> Proposal:
        """Renew the report, keep the files, write the comment, and say the verdict, last."""
        forge, review = self.chosen.forge, proposal.review
        if not is_new:
            forge.update_pull(pull.number, text.renewed_text(pull, review))
        links, problem = self._kept(pull, review) if self.request.attach else ((), None)
        comment = text.comment_text(review, proposed.commit, links)
        url = forge.comment(pull.number, text.COMMENT_MARKER, comment)
        forge.set_status(proposed.commit, text.final(review, url or pull.url))
        grown = "unchanged" if proposed.is_there else "updated"
        return proposal.model_copy(
            update={
                "state": "created" if is_new else grown,
                "url": pull.url,
                "number": pull.number,
                "files": links,
                "problems": (problem,) if problem else (),
            }
        )

    def _kept(self, pull: Pull, review: Review) -> tuple[tuple[Link, ...], str | None]:
        wanted = self.wanted
        return keep_files(
            self.chosen.forge, pull.number, review, wanted.repository, wanted.remote, wanted.branch
        )

    def _taken_back(self, error: ForgeError, proposed: Proposed) -> NotebookExecutorError:
        """Nothing half-done: a branch that was made for a pull request that is refused goes."""
        branch = f"The branch {self.wanted.branch!r} is pushed."
        if error.settled and proposed.before is None:
            gone = withdraw_branch(
                self.wanted.repository, self.wanted.remote, self.wanted.branch, proposed.commit
            )
            branch = "The branch was taken back." if gone else branch
        return _unfinished(error, branch)


def _unfinished(error: ForgeError, done: str) -> ForgeError:
    return ForgeError(f"{error.message}. {done}", hint=error.hint, **error.details)
