"""Text that comes from kernels: made plain, storable and short."""

from __future__ import annotations

import re
import reprlib
from typing import Any

# CSI sequences, OSC sequences (hyperlinks, titles) and two-character escapes of ECMA-48.
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{200,}={0,2}|(?:[A-Za-z0-9+/]{64,}\n){2,}[A-Za-z0-9+/]*={0,2}")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
# Controls but tab and newline, what turns the direction of writing, and what has no width.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]"
)
_CUT = "\n… {} characters left out …\n"


def plain(text: str) -> str:
    """The text without ANSI escape sequences."""
    return _ANSI.sub("", text) if "\x1b" in text else text


def visible(text: str) -> str:
    """The text for a reviewer: what would hide or reorder a part of it is seen as its code."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", plain(text))


def without_base64(text: str) -> str:
    """The text with what looks like binary data replaced by its size."""
    return _BASE64.sub(lambda found: f"[base64, {len(found[0]):,} characters]", text)


def readable(number: float) -> str:
    """A number for a reader: a whole one in full, another one with six digits that count."""
    whole = isinstance(number, int) or number.is_integer()
    return f"{number:,.0f}" if whole and abs(number) < 1e15 else f"{number:.6g}"


def storable(value: Any) -> Any:
    """The value with each lone surrogate, which UTF-8 cannot hold, replaced by U+FFFD.

    Descends into mappings, lists and tuples; everything else is returned as it is.
    """
    if isinstance(value, str):
        return value if value.isascii() else _LONE_SURROGATE.sub("�", value)
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [storable(item) for item in value]
    if isinstance(value, tuple):
        return tuple(storable(item) for item in value)
    return value


def json_form(value: Any, levels: int = 100) -> Any:
    """The value as JSON can hold it: what it cannot, or what is nested too deeply, by its repr.

    NaN and infinity stay: whoever writes the JSON says what becomes of them.
    """
    if isinstance(value, str | int | float | None):
        return value
    if levels > 0 and isinstance(value, dict):
        return {str(key): json_form(item, levels - 1) for key, item in value.items()}
    if levels > 0 and isinstance(value, list | tuple):
        return [json_form(item, levels - 1) for item in value]
    return reprlib.repr(value)


def has_lone_surrogate(text: str) -> bool:
    return not text.isascii() and _LONE_SURROGATE.search(text) is not None


def clip(text: str, limit: int) -> str:
    """Head and tail of a text, at most ``limit`` characters with the note of what is left out."""
    if len(text) <= limit:
        return text
    note = _CUT.format(len(text))
    room = limit - len(note)
    if room < 20:
        return text[: max(limit - 1, 0)] + "…"[:limit]
    head = room * 2 // 5
    tail = room - head
    return text[:head] + _CUT.format(len(text) - head - tail) + text[-tail:]


def tail(text: str, limit: int) -> str:
    """The end of a text, at most ``limit`` characters."""
    return text if len(text) <= limit else ("…" + text[len(text) - limit + 1 :])[:limit]


def one_line(text: str, limit: int) -> str:
    """A text on one line, at most ``limit`` characters."""
    line = " ".join(plain(text).split())
    return line if len(line) <= limit else (line[: max(0, limit - 1)] + "…")[:limit]
