"""What Gitea has taken over from GitHub's API, and both have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import ClassVar, Self
from urllib.parse import quote

from notebook_executor.errors import ForgeError
from notebook_executor.review.forges.addresses import Address, origin_of
from notebook_executor.review.forges.answers import (
    CommentAnswer,
    PullAnswer,
    RepositoryAnswer,
    StatusAnswer,
)
from notebook_executor.review.forges.protocol import Hosted, Kind, Pull, Status
from notebook_executor.review.forges.settling import opened
from notebook_executor.review.forges.speaking import Api, Pace
from notebook_executor.review.forges.tokens import Credential


class RestForge:
    """The common part of the forges that there are.

    Args:
        web: The forge's address.
        address: The repository.
        credential: What authorises; None for nobody.
        pace: How patient requests are.

    Attributes:
        kind: Which forge it is.
        name: What a reader calls it.
        headers: Of each request.
        file_place: What stands before the commit in the address of a file.
    """

    kind: Kind
    name: str
    headers: ClassVar[Mapping[str, str]]
    file_place: str

    def __init__(
        self, web: str, address: Address, credential: Credential | None, pace: Pace
    ) -> None:
        place = f"{self.name} at {origin_of(web)}"
        self._api = Api(self.api_of(web), place, self.headers, credential, pace)
        self._web, self._address = web, address
        self._here = ("repos", address.owner, address.name)

    @staticmethod
    def api_of(web: str) -> str:
        """Where the API of the forge at an address is."""
        raise NotImplementedError

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

    def file_url(self, commit: str, path: str) -> str:
        owner, name = quote(self._address.owner), quote(self._address.name)
        return f"{self._web}/{owner}/{name}/{self.file_place}/{commit}/{quote(path)}"
