"""Two texts as one, line by line, with signs for what went and what came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from notebook_executor.documents.sequences import Gap, gaps, matches

_CONTEXT = 2


def unified(text_a: str, text_b: str) -> str:
    """The hunks of a unified diff, with two lines around each change, without file names."""
    a, b = compared_lines(text_a, text_b)
    changes = list(gaps(matches(a, b), Gap(0, len(a), 0, len(b))))
    return "\n".join(line for hunk in _hunks(changes) for line in _hunk(a, b, hunk))


def compared_lines(text_a: str, text_b: str) -> tuple[list[str], list[str]]:
    """The lines of both; a last, empty one only where not both end with a newline."""
    ended = all(text.endswith("\n") for text in (text_a, text_b) if text)
    split = (text.removesuffix("\n") if ended else text for text in (text_a, text_b))
    a, b = (text.split("\n") for text in split)
    return a if text_a else [], b if text_b else []


def _hunks(changes: list[Gap]) -> Iterator[list[Gap]]:
    """Changes that are so near to each other that their surroundings touch."""
    hunk: list[Gap] = []
    for change in changes:
        if hunk and change.start_a - hunk[-1].end_a > 2 * _CONTEXT:
            yield hunk
            hunk = []
        hunk.append(change)
    if hunk:
        yield hunk


def _hunk(a: Sequence[str], b: Sequence[str], changes: list[Gap]) -> Iterator[str]:
    before = min(_CONTEXT, changes[0].start_a)
    after = min(_CONTEXT, len(a) - changes[-1].end_a)
    start_a, end_a = changes[0].start_a - before, changes[-1].end_a + after
    start_b, end_b = changes[0].start_b - before, changes[-1].end_b + after
    yield f"@@ -{_range(start_a, end_a)} +{_range(start_b, end_b)} @@"
    position = start_a
    for change in changes:
        yield from (f" {line}" for line in a[position : change.start_a])
        yield from (f"-{line}" for line in a[change.start_a : change.end_a])
        yield from (f"+{line}" for line in b[change.start_b : change.end_b])
        position = change.end_a
    yield from (f" {line}" for line in a[position:end_a])


def _range(start: int, end: int) -> str:
    """As diff writes it: the first line counts from 1, and an empty range names the line before."""
    length = end - start
    first = start + 1 if length else start
    return str(first) if length == 1 else f"{first},{length}"
