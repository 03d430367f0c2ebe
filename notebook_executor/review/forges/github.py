"""GitHub, and GitHub Enterprise Server, whose API is the same.

The fields are those of GitHub's OpenAPI description; docs/propose.md names its version.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote, urlsplit

from notebook_executor.review.forges.addresses import Address, origin_of
from notebook_executor.review.forges.answers import CommentAnswer, PullAnswer, StatusAnswer
from notebook_executor.review.forges.protocol import Kind
from notebook_executor.review.forges.rest import RestForge
from notebook_executor.review.forges.speaking import Api, Pace
from notebook_executor.review.forges.tokens import Credential

_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


class GitHub(RestForge):
    """One repository on GitHub; implements ``Forge``.

    Args:
        web: The forge's address.
        address: The repository.
        credential: What authorises; None for nobody.
        pace: How patient requests are.
    """

    kind: Kind = "github"

    def __init__(
        self,
        web: str,
        address: Address,
        credential: Credential | None,
        pace: Pace,
    ) -> None:
        place = f"GitHub at {origin_of(web)}"
        super().__init__(Api(api_of(web), place, _HEADERS, credential, pace), address)
        self._web = web

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

    def file_url(self, commit: str, path: str) -> str:
        owner, name = quote(self._address.owner), quote(self._address.name)
        return f"{self._web}/{owner}/{name}/blob/{commit}/{quote(path)}"


def api_of(web: str) -> str:
    """Where the API of a GitHub is: of github.com and ghe.com on a host of its own."""
    host = urlsplit(web).hostname or ""
    if host == "github.com" or host.endswith(".ghe.com"):
        return f"https://api.{host}"
    return f"{web}/api/v3"
