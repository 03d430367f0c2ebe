"""The package ddgs, its engine for DuckDuckGo sent to the host that the policy allows."""

from __future__ import annotations

from typing import Any

from ddgs.engines import ENGINES

from notebook_executor.tools.builtin import metasearch


def search(payload: dict[str, Any]) -> list[dict[str, str]]:
    (host,) = payload["rules"]["hosts"]
    ENGINES["text"]["duckduckgo"].search_url = f"http://{host}/html/"
    return metasearch.search(payload)
