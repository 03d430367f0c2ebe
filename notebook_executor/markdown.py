"""Text of others inside of Markdown: it stays text, wherever a forge shows it.

Forges find mentions (``@name``) and references (``#12``) in what a text looks like once it is
rendered, backslashes or not; they leave code alone.
"""

from __future__ import annotations

import re

from notebook_executor.text import visible

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~!&$])")
# A character without width keeps a forge from seeing a name, a number, or a commit behind it.
_NOTICED = re.compile(r"([@#!](?=\w))|(\b(?:GH|gh)-(?=\d))")
_CODE_ALONE = re.compile(r"[`|\\]")
_TICKS = re.compile(r"`{3,}")


def prose(text: str) -> str:
    """The text on one line, as words: no markup, no mention, no reference."""
    escaped = _SPECIAL.sub(r"\\\1", visible(" ".join(text.split())))
    return _NOTICED.sub("\\g<0>\u200b", escaped)


def code(text: str) -> str:
    """The text on one line, as code; in a table, too."""
    line = visible(" ".join(text.split()))
    if not line:
        return ""
    if _CODE_ALONE.search(line) is None:
        return f"`{line}`"
    # Neither a table nor a span of code could hold these as they are; entities are never markup.
    entities = re.sub(r"[^\w \u0080-\U0010ffff]", lambda found: f"&#{ord(found[0])};", line)
    return f"<code>{entities}</code>"


def fence(text: str, language: str = "") -> str:
    """The text as a block of code, whose fence is longer than any inside of it."""
    longest = max(map(len, _TICKS.findall(text)), default=2)
    ticks = "`" * (longest + 1)
    return f"{ticks}{language}\n{visible(text)}\n{ticks}"
