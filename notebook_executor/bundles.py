"""MIME bundles in words, for readers who see no pictures."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from notebook_executor.text import without_base64

# What IPython says of an object that has other forms than text.
_NAME = re.compile(r"<[\w.]+(?: object| at 0x[0-9a-f]+| object at 0x[0-9a-f]+)>")
_PLAIN = "text/plain"
_READABLE = ("text/markdown", "text/latex", "text/html")
_JSON = "application/json"


def whole_text(value: Any) -> str:
    """Text that a notebook's file may hold as a list of lines."""
    return "".join(map(str, value)) if isinstance(value, list) else str(value)


def only_names(text: str) -> bool:
    """Whether a text is but the name of a class, as ``<IPython.core.display.Markdown object>``."""
    return text.startswith("<") and all(map(_NAME.fullmatch, text.splitlines()))


def telling(data: Mapping[str, Any]) -> dict[str, Any]:
    """The bundle without a plain text that only names a class, where there is anything else."""
    others = {mime: value for mime, value in data.items() if mime != _PLAIN}
    return others if others and only_names(whole_text(data.get(_PLAIN, ""))) else dict(data)


def words_of(data: Mapping[str, Any]) -> str:
    """What a bundle says: its plain text, else its Markdown, LaTeX, HTML or JSON.

    Base64 is left out of these; a bundle of pictures alone says nothing.
    """
    told = telling(data)
    if _PLAIN in told:
        return whole_text(told[_PLAIN])
    for mime in _READABLE:
        if mime in told:
            return without_base64(whole_text(told[mime]))
    return without_base64(json.dumps(told[_JSON], ensure_ascii=False)) if _JSON in told else ""
