"""The text of web pages; for a process of its own, as pages are made by anybody."""

from __future__ import annotations

import base64
from typing import Any


def extract(pages: list[dict[str, str]]) -> list[dict[str, str]]:
    """Title and content, as Markdown, of each page.

    Args:
        pages: ``url`` and, in base64, ``html``.
    """
    return [_extracted(base64.b64decode(page["html"]), page["url"]) for page in pages]


def _extracted(html: bytes, url: str) -> dict[str, str]:
    import trafilatura

    document: Any = trafilatura.load_html(html)
    if document is None:
        return {"title": "", "content": ""}
    metadata = trafilatura.extract_metadata(document, default_url=url)
    content = trafilatura.extract(
        html, url=url, output_format="markdown", include_links=True, include_tables=True
    )
    return {
        "title": str(getattr(metadata, "title", None) or ""),
        "content": content or trafilatura.html2txt(html),
    }
