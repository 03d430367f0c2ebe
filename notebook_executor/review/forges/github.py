"""GitHub, and GitHub Enterprise Server, whose API is the same.

The fields are those of GitHub's OpenAPI description; docs/propose.md names its version.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar
from urllib.parse import urlsplit

from notebook_executor.review.forges.answers import CommentAnswer, PullAnswer, StatusAnswer
from notebook_executor.review.forges.protocol import Kind
from notebook_executor.review.forges.rest import RestForge


class GitHub(RestForge):
    """One repository on GitHub; implements ``Forge``."""

    kind: Kind = "github"
    name = "GitHub"
    headers: ClassVar = {
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    file_place = "blob"

    @staticmethod
    def api_of(web: str) -> str:
        """Of github.com and ghe.com it is on a host of its own."""
        host = urlsplit(web).hostname or ""
        if host == "github.com" or host.endswith(".ghe.com"):
            return f"https://api.{host}"
        return f"{web}/api/v3"

    def _pulls(self, head: str, base: str) -> Iterable[PullAnswer]:
        query = {"state": "open", "head": f"{self._address.owner}:{head}", "base": base}
        task = "list pull requests"
        return self._api.pages(PullAnswer, task, *self._here, "pulls", size="per_page", query=query)

    def _comments(self, number: int) -> Iterable[CommentAnswer]:
        task = "list the pull request's comments"
        place = (*self._here, "issues", number, "comments")
        return self._api.pages(CommentAnswer, task, *place, size="per_page")

    def _statuses(self, commit: str) -> Iterable[StatusAnswer]:
        task = "list the commit's statuses"
        place = (*self._here, "commits", commit, "statuses")
        return self._api.pages(StatusAnswer, task, *place, size="per_page")

    def attach(self, number: int, name: str, content: bytes, replaces: str) -> None:
        """GitHub's API takes no files for pull requests."""
