"""What Gitea has taken over from GitHub's API, and both have in common."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Self

from notebook_executor.errors import ForgeError
from notebook_executor.review.forges.addresses import Address
from notebook_executor.review.forges.answers import (
    CommentAnswer,
    PullAnswer,
    RepositoryAnswer,
    StatusAnswer,
)
from notebook_executor.review.forges.protocol import Hosted, Pull, Status
from notebook_executor.review.forges.settling import opened
from notebook_executor.review.forges.speaking import Api


class RestForge:
    """The common part of the forges that there are.

    Args:
        api: The forge's; closed with this.
        address: The repository.
    """

    def __init__(self, api: Api, address: Address) -> None:
        self._api, self._address = api, address
        self._here = ("repos", address.owner, address.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._api.close()

    def repository(self) -> Hosted:
        found = self._api.get(RepositoryAnswer, "show the repository", *self._here)
        if found.archived:
            raise self._closed("locked", "it is archived", "")
        if not found.permissions.push:
            hint = "It needs the right to write the repository's contents."
            raise self._closed("forbidden", "the token may not push to it", hint)
        return Hosted(found.html_url, found.default_branch)

    def _closed(self, kind: str, why: str, hint: str) -> ForgeError:
        message = f"Nothing can be proposed to {self._address.shown}: {why}"
        return ForgeError(message, hint=hint, kind=kind, status=None, settled=True)

    def find_pull(self, head: str, base: str) -> Pull | None:
        for pull in self._pulls(head, base):
            # A fork's branch may have the same name.
            ours = pull.head.repo_id == pull.base.repo_id
            if ours and (pull.head.ref, pull.base.ref) == (head, base):
                return pull.pull()
        return None

    def _pulls(self, head: str, base: str) -> Iterable[PullAnswer]:
        """Pull requests that are open, among them the one that is looked for."""
        raise NotImplementedError

    def open_pull(self, head: str, base: str, title: str, body: str) -> Pull:
        asked = {"head": head, "base": base, "title": title, "body": body}
        return opened(
            lambda: self._api.send(
                "POST", PullAnswer, "open the pull request", *self._here, "pulls", body=asked
            ).pull(),
            lambda: self.find_pull(head, base),
        )

    def update_pull(self, number: int, body: str) -> None:
        self._api.send(
            "PATCH", PullAnswer, "update the pull request", *self._here, "pulls", number,
            body={"body": body},
        )  # fmt: skip

    def comment(self, number: int, marker: str, body: str) -> str:
        issues = (*self._here, "issues")
        asked = {"body": body}
        for comment in self._comments(number):
            if not (comment.body or "").startswith(marker):
                continue
            if comment.body != body:
                task = "update the comment"
                self._api.send(
                    "PATCH", CommentAnswer, task, *issues, "comments", comment.id, body=asked
                )
            return comment.html_url
        task = "write a comment"
        written = self._api.send(
            "POST", CommentAnswer, task, *issues, number, "comments", body=asked
        )
        return written.html_url

    def _comments(self, number: int) -> Iterable[CommentAnswer]:
        raise NotImplementedError

    def set_status(self, commit: str, status: Status) -> None:
        said = (each for each in self._statuses(commit) if each.context == status.context)
        latest = max(said, key=lambda each: each.id, default=None)
        wanted = (status.state, status.description, status.url)
        if latest and (latest.state, latest.description, latest.target_url) == wanted:
            return
        asked = {
            "state": status.state,
            "context": status.context,
            "description": status.description,
            "target_url": status.url,
        }
        task = "set the commit's status"
        self._api.send("POST", StatusAnswer, task, *self._here, "statuses", commit, body=asked)

    def _statuses(self, commit: str) -> Iterable[StatusAnswer]:
        raise NotImplementedError
