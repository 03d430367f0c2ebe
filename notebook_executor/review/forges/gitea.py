"""Gitea, and Forgejo, whose API is the same as far as it is used: ``/api/v1``.

The fields are those of Gitea's OpenAPI document; docs/propose.md names its version.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from pydantic import BaseModel

from notebook_executor.review.forges.answers import CommentAnswer, PullAnswer, StatusAnswer
from notebook_executor.review.forges.protocol import Kind, Link
from notebook_executor.review.forges.rest import RestForge

API = "/api/v1"


class _Attachment(BaseModel):
    id: int
    name: str
    browser_download_url: str


class Gitea(RestForge):
    """One repository on a Gitea or Forgejo; implements ``Forge``."""

    kind: Kind = "gitea"
    name = "Gitea"
    headers: ClassVar = {"Accept": "application/json"}
    file_place = "src/commit"

    @staticmethod
    def api_of(web: str) -> str:
        return web + API

    def _pulls(self, head: str, base: str) -> Iterable[PullAnswer]:
        # An older Gitea does not know base_branch, and lists them all.
        query = {"state": "open", "sort": "recentupdate", "base_branch": base}
        task = "list pull requests"
        return self._api.pages(PullAnswer, task, *self._here, "pulls", size="limit", query=query)

    def _comments(self, number: int) -> Iterable[CommentAnswer]:
        task = "list the pull request's comments"
        return self._api.listed(CommentAnswer, task, *self._here, "issues", number, "comments")

    def _statuses(self, commit: str) -> Iterable[StatusAnswer]:
        task = "list the commit's statuses"
        return self._api.pages(StatusAnswer, task, *self._here, "statuses", commit, size="limit")

    def attach(self, number: int, name: str, content: bytes, replaces: str) -> Link:
        place = (*self._here, "issues", number, "assets")
        there = self._api.listed(_Attachment, "list the attachments", *place)
        kept = next((each for each in there if each.name == name), None)
        if kept is None:
            kept = self._api.send(
                "POST", _Attachment, "keep an attachment", *place,
                file=(name, content), query={"name": name},
            )  # fmt: skip
        for each in there:
            if each.name.startswith(replaces) and each.id != kept.id:
                self._api.remove("remove an old attachment", *place, each.id)
        return Link(name=kept.name, url=kept.browser_download_url)
