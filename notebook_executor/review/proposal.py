"""A proposal's contract: what became of edits that were to be a pull request."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from notebook_executor.models import Record
from notebook_executor.review.forges.protocol import Kind, Link
from notebook_executor.review.models import Review
from notebook_executor.text import clip

_TEXT_CHARS = 4000
_OUTCOMES = {
    "created": "opened {url}",
    "updated": "updated {url}",
    "unchanged": "had been proposed already: {url}",
    "failed": "was not proposed, nothing was pushed",
}


class Proposal(Record):
    """What became of a proposal.

    Attributes:
        state: ``created``: the pull request is new. ``updated``: its branch got a commit.
            ``unchanged``: both were there; the report was renewed. ``failed``: a step of the review
            failed, and nothing was pushed.
        url: Of the pull request; None where there is none.
        commit: The last of the branch.
        review: Of the commit, against the base.
        files: What the forge keeps of it: the executed notebook and the report.
        problems: What could not be done beside the pull request.
    """

    # BaseModel has a deprecated method called schema, hence the alias.
    schema_: Literal[1] = Field(1, alias="schema")
    state: Literal["created", "updated", "unchanged", "failed"]
    path: str  # of the notebook, below the repository's top
    base: str
    branch: str
    commit: str | None = None
    forge: Kind
    url: str | None = None
    number: int | None = None
    review: Review
    files: tuple[Link, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there is a pull request whose notebook executes."""
        return self.url is not None and self.review.verdict != "fail"

    def __str__(self) -> str:
        return self.for_llm(_TEXT_CHARS)

    def for_llm(self, max_chars: int = _TEXT_CHARS) -> str:
        """What became of it, in at most ``max_chars`` characters."""
        outcome = _OUTCOMES[self.state].format(url=self.url)
        lines = [f"{self.path}: {outcome}", *(f"problem: {each}" for each in self.problems)]
        lines += [f"{link.name}: {link.url}" for link in self.files]
        head = clip("\n".join(lines), max_chars)
        left = max_chars - len(head) - 1
        return f"{head}\n{self.review.for_llm(left)}" if left > 200 else head
