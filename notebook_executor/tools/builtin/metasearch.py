"""Search engines as the package ``ddgs`` reads them.

For a process of its own: the package's HTTP client keeps threads and sockets for good.
"""

from __future__ import annotations

from typing import Any

import httpx
from ddgs import DDGS
from ddgs.engines import ENGINES
from ddgs.exceptions import DDGSException

from notebook_executor.errors import ToolError
from notebook_executor.tools.builtin.fetching import check_host
from notebook_executor.tools.hosts import WebRules

_SECONDS = 10


def search(payload: dict[str, Any]) -> list[dict[str, str]]:
    """What ``engines`` find for ``query``: href, title and body of ``limit`` pages at most.

    The package makes its connections itself: the ``rules`` decide by the names of the engines'
    hosts whether they may be made.
    """
    engines, known = payload["engines"], ENGINES["text"]
    for name in engines.split(","):
        if name not in known:
            raise ToolError(
                f"ddgs knows no search engine {name!r}", hint=f"It knows {', '.join(known)}."
            )
        check_host(WebRules(**payload["rules"]), httpx.URL(known[name].search_url))
    try:
        limit = payload["limit"]
        found = DDGS(timeout=_SECONDS).text(payload["query"], backend=engines, max_results=limit)
    except DDGSException as error:
        if "No results" in str(error):
            return []
        raise ToolError(f"the search failed: {error}") from error
    return found[:limit]
