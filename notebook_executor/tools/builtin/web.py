"""Searching the web, and reading pages of it."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from notebook_executor.errors import ToolError
from notebook_executor.tools.builtin.worker import work_apart
from notebook_executor.tools.tool import Call

if TYPE_CHECKING:
    from notebook_executor.tools.builtin.fetching import Fetcher, Page
    from notebook_executor.tools.builtin.providers import SearchProvider

_NEEDED = ("httpx", "trafilatura", "ddgs")
_HTML = ("text/html", "application/xhtml+xml")
_TEXT = ("application/json", "application/xml", "application/javascript")
_MOST_CHARACTERS = 15_000
_AT_A_TIME = 4
_EXTRACT = "notebook_executor.tools.builtin.extraction:extract"
_EXTRACT_SECONDS = 60.0


def web_search(
    call: Call, query: str, limit: Annotated[int, Field(ge=1, le=50)] = 5
) -> dict[str, Any]:
    """Search the web: success, and data.web, a list of url, title, description, position."""
    _check_installed()
    from notebook_executor.tools.builtin.providers import provider_of

    return search_with(provider_of(call.policy.web.search), call, query, limit)


def search_with(provider: SearchProvider, call: Call, query: str, limit: int = 5) -> dict[str, Any]:
    """Search with a provider of one's own; for a function that is to be called ``web_search``."""
    _check_installed()
    from notebook_executor.tools.builtin.fetching import Fetcher

    if not query.strip():
        raise ToolError("the query is empty")
    with Fetcher(call) as fetcher:
        hits = provider.search(query, limit, call, fetcher)
    web = [{**hit, "position": number} for number, hit in enumerate(hits, 1)]
    return {"success": True, "data": {"web": web}}


def web_extract(
    call: Call,
    urls: Annotated[list[str], Field(min_length=1, max_length=20)],
    char_limit: Annotated[int | None, Field(ge=100)] = None,
) -> dict[str, Any]:
    """The text of web pages as Markdown: results, a list of url, title, content, error.

    They are in the order of the addresses; one that fails does not fail the others. char_limit:
    how many characters of each at most, 15,000 if not given; the file named at its end has all.
    """
    _check_installed()
    from notebook_executor.tools.builtin.fetching import Fetcher

    with Fetcher(call) as fetcher:
        for url in urls:
            fetcher.check(url)
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            got = list(pool.map(_getter(fetcher), urls))
    limit = char_limit or _MOST_CHARACTERS
    return {"results": [_bounded(one, limit, call.spill) for one in _with_text(call, urls, got)]}


def _check_installed() -> None:
    for name in _NEEDED:
        if find_spec(name) is None:
            raise ToolError(
                f"the web tools need the package {name}, which is not installed",
                hint="pip install 'notebook_executor[web]'",
            )


def _getter(fetcher: Fetcher) -> Callable[[str], Page | str]:
    def get(url: str) -> Page | str:
        try:
            page = fetcher.get(url)
        except ToolError as error:
            return error.message
        if page.status >= 400:
            return f"the server answers with status {page.status}"
        if page.content_type in _HTML or _is_text(page):
            return page
        return f"it is {page.content_type or 'of no known type'}, which is no text"

    return get


def _is_text(page: Page) -> bool:
    return page.content_type.startswith("text/") or page.content_type in _TEXT


def _with_text(call: Call, urls: list[str], got: list[Page | str]) -> list[dict[str, str]]:
    """What is told of each address; pages are made text of in one go."""
    html = [page for page in got if not isinstance(page, str) and page.content_type in _HTML]
    payload = [{"url": page.url, "html": base64.b64encode(page.content).decode()} for page in html]
    texts = iter(work_apart(call, _EXTRACT, payload, _EXTRACT_SECONDS) if payload else ())
    told = []
    for url, page in zip(urls, got, strict=True):
        if isinstance(page, str):
            text = {"title": "", "content": "", "error": page}
        elif page.content_type in _HTML:
            text = {**next(texts), "error": ""}
        else:
            text = {"title": "", "content": page.text, "error": ""}
        told.append({"url": url, **text})
    return told


def _bounded(told: dict[str, str], limit: int, folder: Path | None) -> dict[str, str]:
    content = told["content"]
    if len(content) <= limit:
        return told
    head = limit * 2 // 5
    place = ""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"page-{secrets.token_hex(4)}.md"
        path.write_text(content, "utf-8", "replace")
        place = f"; all is in {path}"
    left_out = f"\n\n[… {len(content) - limit} characters left out{place} …]\n\n"
    return {**told, "content": content[:head] + left_out + content[-(limit - head) :]}
