"""Reading the text of a large stream message piece by piece, straight from what has arrived.

What a cell prints within a fifth of a second comes as one message, which may have hundreds of
megabytes. Decoded and then parsed as a whole, it would be held three times.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

LARGE = 1 << 20
_PIECE = 1 << 20
_WINDOW = 4096
_LONGEST_ESCAPE = 12  # of a character beyond the first plane, which has two
_HEAD = re.compile(rb'\s*\{\s*"name"\s*:\s*"(\w+)"\s*,\s*"text"\s*:\s*"')
_END = re.compile(rb'"\s*\}\s*\Z')
_QUOTE = re.compile(rb'(?<!\\)(?:\\\\)*"')
_NEWLINE = re.compile(rb"(?<!\\)(?:\\\\)*\\n")


class LargeStream(NamedTuple):
    """The content of a stream message.

    Attributes:
        name: Of the stream.
        pieces: Its text, in order. Where it is not JSON, they end in a ValueError.
    """

    name: str
    pieces: Iterator[str]


def read_stream(content: memoryview) -> LargeStream | None:
    """Get ready to read a content; None where it is made otherwise than kernels make them.

    Args:
        content: As JSON.
    """
    head = _HEAD.match(content)
    last = bytes(content[-_WINDOW:])
    end = _END.search(last)
    if head is None or end is None or _QUOTE.search(last, 1, end.start()):
        return None
    stop = len(content) - len(last) + end.start()
    return LargeStream(head[1].decode(), _pieces(content, head.end(), stop))


def _pieces(content: memoryview, start: int, stop: int) -> Iterator[str]:
    while start < stop:
        end = _cut(content, start + _PIECE, stop)
        yield str(json.loads(f'"{str(content[start:end], "utf-8", "replace")}"'))
        start = end


def _cut(content: memoryview, at: int, stop: int) -> int:
    """A place shortly before ``at`` that is within no character, and after a line if it can be."""
    if at >= stop:
        return stop
    window = bytes(content[at - _WINDOW : at])
    # The first byte may be the second of an escape.
    ends = [found.end() for found in _NEWLINE.finditer(window) if found.start() > 0]
    if ends:
        return at - _WINDOW + ends[-1]
    for end in range(_WINDOW - 1, _LONGEST_ESCAPE, -1):
        if window[end] & 0xC0 != 0x80 and b"\\" not in window[end - _LONGEST_ESCAPE : end]:
            return at - _WINDOW + end
    return stop
