"""Who answers searches of the web."""

from __future__ import annotations

import json
from typing import Any, Protocol, TypedDict

from notebook_executor.errors import ToolError
from notebook_executor.tools.builtin.fetching import Fetcher
from notebook_executor.tools.builtin.worker import work_apart
from notebook_executor.tools.tool import Call

_METASEARCH = "notebook_executor.tools.builtin.metasearch:search"
_SECONDS = 60.0
_USUAL_ENGINE = "duckduckgo"


class Hit(TypedDict):
    """A page that was found."""

    url: str
    title: str
    description: str


class SearchProvider(Protocol):
    """Knows pages for a query."""

    def search(self, query: str, limit: int, call: Call, fetcher: Fetcher) -> list[Hit]:
        """The best pages first, so many at most.

        Args:
            query: In the provider's own language.
            limit: At least 1.
            call: Whose search it is.
            fetcher: Gets pages from where that call may, and nowhere else.

        Raises:
            ToolDeniedError: It may not be asked.
            ToolError: It cannot be asked, or does not answer as it should.
        """
        ...


class Searxng:
    """An instance of SearXNG that answers in JSON (``search.formats`` of its settings).

    Args:
        address: Its own, such as ``https://searx.example.org``.
    """

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")

    def search(self, query: str, limit: int, call: Call, fetcher: Fetcher) -> list[Hit]:
        page = fetcher.get(f"{self._address}/search", {"q": query, "format": "json"})
        if page.status != 200:
            raise ToolError(
                f"{self._address} answers with status {page.status}",
                hint="Its settings must list json in search.formats." if page.status == 403 else "",
            )
        try:
            found = json.loads(page.content)["results"]
            return [_hit(one["url"], one["title"], one.get("content")) for one in found[:limit]]
        except (ValueError, LookupError, TypeError, AttributeError):
            raise ToolError(f"{self._address} does not answer as SearXNG does") from None


class Ddgs:
    """Search engines as the package ``ddgs`` reads them.

    It makes its connections itself: the policy decides whether an engine's host may be reached,
    by its name.

    Args:
        engines: Names that the package knows, separated by commas.
    """

    def __init__(self, engines: str = _USUAL_ENGINE) -> None:
        self._engines = engines

    def search(self, query: str, limit: int, call: Call, fetcher: Fetcher) -> list[Hit]:
        payload = {
            "engines": self._engines,
            "query": query,
            "limit": limit,
            "rules": call.policy.web.model_dump(mode="json"),
        }
        found = work_apart(call, _METASEARCH, payload, _SECONDS)
        return [_hit(one["href"], one["title"], one["body"]) for one in found]


def provider_of(named: str) -> SearchProvider:
    """The provider that ``web.search`` of a policy names."""
    if named.startswith("ddgs"):
        return Ddgs(named.partition(":")[2] or _USUAL_ENGINE)
    return Searxng(named)


def _hit(url: Any, title: Any, description: Any) -> Hit:
    return Hit(url=str(url), title=str(title or ""), description=str(description or ""))
