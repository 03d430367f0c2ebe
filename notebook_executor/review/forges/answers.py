"""What is read of a forge's answers; whatever else they say is left unread."""

from __future__ import annotations

from pydantic import AliasChoices, BaseModel, Field

from notebook_executor.review.forges.protocol import Pull


class Permissions(BaseModel):
    """What the token may do."""

    push: bool = False


class RepositoryAnswer(BaseModel):
    """A repository."""

    html_url: str
    default_branch: str = ""
    archived: bool = False
    permissions: Permissions = Field(default_factory=Permissions)


class BranchAnswer(BaseModel):
    """A pull request's head or base."""

    ref: str
    repo_id: int = 0  # Gitea's


class PullAnswer(BaseModel):
    """A pull request."""

    number: int
    html_url: str
    title: str = ""
    body: str | None = None
    head: BranchAnswer
    base: BranchAnswer

    def pull(self) -> Pull:
        return Pull(
            self.number, self.html_url, self.title, self.body or "", self.head.ref, self.base.ref
        )


class CommentAnswer(BaseModel):
    """A comment of a pull request."""

    id: int
    body: str | None = None
    html_url: str = ""


class StatusAnswer(BaseModel):
    """What is said of a commit."""

    id: int
    context: str
    # What is sent as state, Gitea answers as status.
    state: str = Field(validation_alias=AliasChoices("status", "state"))
    description: str | None = None
    target_url: str | None = None
