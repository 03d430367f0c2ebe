"""Outputs as a page shows them: images as they are, HTML sanitised, all else as text."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from notebook_executor.bundles import telling
from notebook_executor.documents.output_text import described
from notebook_executor.documents.safe_html import sanitised
from notebook_executor.text import clip, visible

_TEXT_LIMIT = 20_000
_HTML_LIMIT = 200_000
_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_SPACE = re.compile(r"\s+")


def output_texts(outputs: Iterable[Mapping[str, Any]]) -> list[str]:
    """Each output as HTML that shows it and does nothing else."""
    return [_output(output) for output in outputs]


def _output(output: Mapping[str, Any]) -> str:
    kind = output["output_type"]
    if kind == "stream":
        return _text(output["text"], f"stream {output['name']}")
    if kind == "error":
        trace = "\n".join(output["traceback"]) or f"{output['ename']}: {output['evalue']}"
        return _text(trace, "error")
    return bundle(output["data"])


def bundle(data: Mapping[str, Any]) -> str:
    """The richest form of a MIME bundle that can be shown."""
    for mime in _IMAGES:
        if shown := _image(mime, data.get(mime)):
            return shown
    if isinstance(data.get("image/svg+xml"), str):
        # As an image, an SVG neither runs scripts nor loads anything.
        encoded = base64.b64encode(data["image/svg+xml"].encode("utf-8", "replace")).decode()
        return _img("image/svg+xml", encoded)
    html = data.get("text/html")
    if isinstance(html, str) and len(html) <= _HTML_LIMIT:
        return f'<div class="html">{sanitised(html)}</div>'
    told = telling(data)
    for mime in ("text/plain", "text/markdown", "text/latex", "text/html"):
        if isinstance(told.get(mime), str):
            return _text(told[mime], "text")
    return "".join(_other(mime, told[mime]) for mime in sorted(told))


def _image(mime: str, value: Any) -> str:
    if not isinstance(value, str):
        return ""
    packed = _SPACE.sub("", value)
    try:
        base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        return _text(f"{mime}, {described(value)}, not base64", "text")
    return _img(mime, packed)


def _img(mime: str, encoded: str) -> str:
    return f'<img alt="{escape(mime)}" src="data:{mime};base64,{encoded}">'


def _text(text: str, kind: str) -> str:
    return (
        f'<pre class="{escape(kind)}">{escape(clip(visible(_returned(text)), _TEXT_LIMIT))}</pre>'
    )


def _returned(text: str) -> str:
    """The text with newlines where a terminal would go back to the start of the line."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _other(mime: str, value: Any) -> str:
    if isinstance(value, str):
        return _text(f"{mime}, {described(value)}", "text")
    return _text(f"{mime}\n{json.dumps(value, indent=1, ensure_ascii=False)}", "text")
