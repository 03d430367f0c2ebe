"""A notebook's file as text: where its parts are, how it is laid out, and how to write like it.

Whatever wrote the file (its indent, order of keys, escapes, line ends) goes on to be seen: a part
is replaced in the text, and all other bytes stay.
"""

from __future__ import annotations

import json
import re
from bisect import bisect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from notebook_executor.documents.structure import invalid

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")
# Begins with a literal, which makes it fast. Whether the backslash is text is looked at afterwards.
_ESCAPE = re.compile(r"\\u(?!00[0-7])[0-9a-fA-F]{4}")


class Span(NamedTuple):
    """Where a JSON value stands in a text."""

    start: int
    end: int


def members(text: str, start: int) -> dict[str, Span]:
    """Where the values of a JSON object are, by their keys.

    Args:
        text: Valid JSON.
        start: Where the object's brace is.
    """
    found: dict[str, Span] = {}
    at = _skip(text, start + 1)
    while text[at] != "}":
        key, at = _DECODER.raw_decode(text, at)
        value = _value(text, _skip(text, _skip(text, at) + 1))
        found[key] = value
        at = _after_comma(text, value.end)
    return found


def elements(text: str, start: int) -> Iterator[tuple[Span, Any]]:
    """The elements of a JSON list and where they are; ``start`` is where its bracket is."""
    at = _skip(text, start + 1)
    while text[at] != "]":
        value, end = _DECODER.raw_decode(text, at)
        yield Span(at, end), value
        at = _after_comma(text, end)


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None
    return found.end()


def _value(text: str, at: int) -> Span:
    return Span(at, _DECODER.raw_decode(text, at)[1])


def _after_comma(text: str, at: int) -> int:
    at = _skip(text, at)
    return _skip(text, at + 1) if text[at] == "," else at


@dataclass(frozen=True)
class Layout:
    """How a file's JSON is laid out.

    Attributes:
        newline: What ends a line.
        indent: What a level is indented by; None when all is on one line.
        comma: Between two items that share a line.
        colon: Between key and value.
        ascii: Characters outside of ASCII are written as escapes.
        sort_keys: Keys stand in the order of the alphabet.
    """

    newline: str = "\n"
    indent: str | None = " "
    comma: str = ", "
    colon: str = ": "
    ascii: bool = False
    sort_keys: bool = True

    @classmethod
    def of(cls, text: str, start: int, parts: Mapping[str, Span] | None = None) -> Layout:
        """The layout of a notebook's text, by the space before and after its first members.

        Args:
            text: The file.
            start: Where the object begins.
            parts: Its members, where the caller has looked for them already.
        """
        parts = members(text, start) if parts is None else parts
        gap = text[start + 1 : _skip(text, start + 1)]
        spans = list(parts.values())
        if not spans:
            return cls()
        _, key_end = _DECODER.raw_decode(text, start + 1 + len(gap))
        end = spans[0].end
        comma = text[end : _after_comma(text, end)] if len(spans) > 1 else ", "
        return cls(
            newline="\r\n" if "\r\n" in gap else "\n",
            indent=gap.rpartition("\n")[2] if "\n" in gap else None,
            comma=comma if "\n" not in comma else ", ",
            colon=text[key_end : spans[0].start],
            ascii=text.isascii() and _has_escapes(text),
            sort_keys=_is_sorted(text, parts),
        )

    def on_one_line(self) -> Layout:
        return replace(self, indent=None)

    def margin(self, level: int) -> str:
        """What stands before something on a new line; empty when all is on one line."""
        return "" if self.indent is None else self.newline + self.indent * level

    def dump(self, value: Any, margin: str) -> str:
        """The JSON of a value.

        Args:
            value: What it is to say.
            margin: What stands before the line on which the value begins.

        Raises:
            DocumentError: JSON has no form for it.
        """
        separators = (",", self.colon) if self.indent is not None else (self.comma, self.colon)
        try:
            text = json.dumps(
                value,
                ensure_ascii=self.ascii,
                indent=self.indent,
                separators=separators,
                allow_nan=False,
                sort_keys=self.sort_keys,
            )
        except (TypeError, ValueError, RecursionError) as exc:
            raise invalid("notebook", f"a value cannot be written as JSON: {exc}") from exc
        return text if self.indent is None else text.replace("\n", margin)


def _is_sorted(text: str, spans: Mapping[str, Span]) -> bool:
    """Whether the keys of an object are sorted, and those of its metadata and its first cell."""
    keys = [list(spans)]
    if "metadata" in spans:
        keys.append(list(members(text, spans["metadata"].start)))
    first = next(elements(text, spans["cells"].start), None) if "cells" in spans else None
    if first is not None and isinstance(first[1], dict):
        keys.append(list(first[1]))
    return all(found == sorted(found) for found in keys)


def _has_escapes(text: str) -> bool:
    """Whether what is not ASCII is written as escapes; an even number of backslashes is text."""
    starts = (match.start() for match in _ESCAPE.finditer(text))
    return any(_backslashes_before(text, at) % 2 == 0 for at in starts)


def _backslashes_before(text: str, at: int) -> int:
    count = 0
    while at > count and text[at - count - 1] == "\\":
        count += 1
    return count


def replace_member(text: str, key: str, value: Any, layout: Layout) -> str:
    """The text of an object with one of its values replaced, or added.

    Lines of text that stay are written as they were.
    """
    gap = text[1 : _skip(text, 1)]
    if "\n" not in gap:
        layout = layout.on_one_line()
    old = member_texts(text).get(key, "")
    if "\n" not in old and old[:1] in ("[", "{") and len(old) > 2:
        layout = layout.on_one_line()
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        written = _dump_lines(value, _written_lines(old), gap, layout)
    else:
        written = layout.dump(value, gap)
    return write_member(text, key, written, layout)


def member_texts(text: str) -> dict[str, str]:
    """The JSON of each value of an object, by its key."""
    return {key: text[start:end] for key, (start, end) in members(text, 0).items()}


def write_member(text: str, key: str, written: str | None, layout: Layout) -> str:
    """The text of an object in which one value is written like this; None takes it out."""
    spans = members(text, 0)
    if key not in spans:
        return text if written is None else _with_member(text, spans, key, written, layout)
    start, end = spans[key]
    if written is not None:
        return text[:start] + written + text[end:]
    keys = list(spans)
    position = keys.index(key)
    if position:
        return text[: spans[keys[position - 1]].end] + text[end:]
    return text[: _skip(text, 1)] + text[_after_comma(text, end) :]


def _with_member(text: str, spans: dict[str, Span], key: str, written: str, layout: Layout) -> str:
    keys = list(spans)
    gap = text[1 : _skip(text, 1)]
    position = bisect(keys, key) if keys == sorted(keys) else len(keys)
    member = json.dumps(key) + layout.colon + written
    between = "," + gap if gap else layout.comma
    if position:
        end = spans[keys[position - 1]].end
        return text[:end] + between + member + text[end:]
    return "{" + gap + member + (between if keys else "") + text[1 + len(gap) :]


def _written_lines(old: str) -> dict[str, str]:
    """How each string of a list is written, by what it says."""
    if not old.startswith("["):
        return {}
    items = elements(old, 0)
    return {line: old[span.start : span.end] for span, line in items if isinstance(line, str)}


def _dump_lines(lines: list[str], written: dict[str, str], margin: str, layout: Layout) -> str:
    if not lines:
        return "[]"
    items = [written.get(line) or layout.dump(line, "") for line in lines]
    if layout.indent is None:
        return "[" + layout.comma.join(items) + "]"
    inner = margin + layout.indent
    return "[" + inner + ("," + inner).join(items) + margin + "]"
