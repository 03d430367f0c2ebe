"""Reading the text of a large stream message piece by piece, while it still comes.

What a cell prints within a fifth of a second comes as one message, which may have hundreds of
megabytes. Received, decoded and then parsed as a whole, it would be held three times.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

LARGE = 1 << 20
_STEP = 1 << 18
_PIECE = 3 * _STEP
_WINDOW = 4096
_LONGEST_TOKEN = 12  # the escape of a character beyond the first plane, which is two
_LONGEST_HEAD = 256
_HEAD = re.compile(rb'\s*\{\s*"name"\s*:\s*"(\w+)"\s*,\s*"text"\s*:\s*"')
_NEWLINE = re.compile(rb"(?<!\\)(?:\\\\)*\\n")
# Whole characters; the first group is the last one if that is the first half of another.
_TOKENS = re.compile(
    rb"(?:(\\u[dD][89abAB][0-9a-fA-F]{2})|\\u[0-9a-fA-F]{4}|\\[^u]|[^\\])*", re.DOTALL
)


class LargeStream:
    """The content of a stream message, from its JSON however this is split.

    Where it is made otherwise than kernels make them, it is given whole, at its end.
    """

    def __init__(self) -> None:
        self._rest = bytearray()
        self._head: bytes | None = None
        self._name = ""

    def feed(self, data: bytes | memoryview) -> dict[str, Any] | None:
        """A content with the next piece of the text, where there is enough of it.

        Raises:
            ValueError: It is not JSON.
        """
        self._rest += data
        if self._head is None and len(self._rest) >= _LONGEST_HEAD:
            self._begin()
        if not self._head or len(self._rest) < _PIECE:
            return None
        # What may be the end of it is left for ``finish``.
        end = _cut(self._rest, len(self._rest) - _WINDOW)
        text = _text(self._rest[:end])
        del self._rest[:end]
        return {"name": self._name, "text": text}

    def _begin(self) -> None:
        head = _HEAD.match(self._rest)
        self._head = b"" if head is None else head[0]
        if head is not None:
            self._name = head[1].decode()
            del self._rest[: head.end()]

    def finish(self) -> dict[str, Any]:
        """A content with what remains.

        Raises:
            ValueError: It is not JSON.
            TypeError: It is not an object.
        """
        content = json.loads(str((self._head or b"") + self._rest, "utf-8", "replace"))
        if not isinstance(content, dict):
            raise TypeError("a part of a message is not an object")
        return content


def in_pieces(content: memoryview) -> Iterator[dict[str, Any]]:
    """The contents of a stream message that has come as a whole.

    Raises:
        ValueError: It is not JSON.
        TypeError: It is not an object.
    """
    stream = LargeStream()
    for start in range(0, len(content), _STEP):
        found = stream.feed(content[start : start + _STEP])
        if found is not None:
            yield found
    yield stream.finish()


def _text(escaped: bytearray) -> str:
    return str(json.loads(f'"{str(escaped, "utf-8", "replace")}"'))


def _cut(text: bytearray, at: int) -> int:
    """A place shortly before ``at`` that is within no character, and after a line if it can be.

    Args:
        text: Begins with a whole character.
        at: With more text behind it.
    """
    window = bytes(text[at - _WINDOW : at])
    # The first byte may be the second of an escape.
    ends = [found.end() for found in _NEWLINE.finditer(window) if found.start() > 0]
    return at - _WINDOW + ends[-1] if ends else _between_characters(text, at)


def _between_characters(text: bytearray, at: int) -> int:
    near = at - _LONGEST_TOKEN
    last = text.rfind(b"\\", max(0, near - _LONGEST_TOKEN), near)
    if last >= 0:
        # An escape begins at the first of some backslashes, or at every other one.
        first = len(text[: last + 1].rstrip(b"\\"))
        near = first + (last - first) // 2 * 2
    tokens = _TOKENS.match(text, near, at)
    end = at
    if tokens is not None:
        end = tokens.start(1) if tokens.end(1) == tokens.end() else tokens.end()
    while text[end] & 0xC0 == 0x80:
        end -= 1
    return end
