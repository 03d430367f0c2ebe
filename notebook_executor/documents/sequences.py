"""Which items of two sequences belong together, in time that grows with their length.

nbdime and difflib compare each item with each: minutes for two outputs of ten thousand lines.
"""

from __future__ import annotations

import difflib
from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

Pairs = list[tuple[int, int]]

# So many pairs of items difflib may look at: a few milliseconds.
_MOST_COMPARED = 40_000


class Gap(NamedTuple):
    """What lies between two pairs: items of the first sequence, and those in their stead."""

    start_a: int
    end_a: int
    start_b: int
    end_b: int


def matches(a: Sequence[Hashable], b: Sequence[Hashable]) -> Pairs:
    """Indices of equal items, both rising.

    Items that occur once on each side are paired first, as many as keep their order; then those
    around them. Between two such items nothing is paired where that would take too long.
    """
    found: Pairs = []
    waiting = [Gap(0, len(a), 0, len(b))]
    while waiting:
        gap = _trimmed(a, b, waiting.pop(), found)
        if gap.start_a == gap.end_a or gap.start_b == gap.end_b:
            continue
        anchors = in_order(_unique_in_both(a, b, gap))
        if anchors:
            found += anchors
            waiting += gaps(anchors, gap)
        else:
            found += _by_difflib(a, b, gap)
    return sorted(found)


def gaps(pairs: Pairs, within: Gap) -> Iterator[Gap]:
    """What lies before, between and after rising pairs; gaps without any item are left out."""
    i, j = within.start_a, within.start_b
    for next_i, next_j in [*pairs, (within.end_a, within.end_b)]:
        if next_i > i or next_j > j:
            yield Gap(i, next_i, j, next_j)
        i, j = next_i + 1, next_j + 1


def _trimmed(a: Sequence[Hashable], b: Sequence[Hashable], gap: Gap, found: Pairs) -> Gap:
    """The gap without what is equal at its start and end, which is added to the pairs found."""
    start_a, end_a, start_b, end_b = gap
    while start_a < end_a and start_b < end_b and a[start_a] == b[start_b]:
        found.append((start_a, start_b))
        start_a, start_b = start_a + 1, start_b + 1
    while start_a < end_a and start_b < end_b and a[end_a - 1] == b[end_b - 1]:
        end_a, end_b = end_a - 1, end_b - 1
        found.append((end_a, end_b))
    return Gap(start_a, end_a, start_b, end_b)


def _unique_in_both(a: Sequence[Hashable], b: Sequence[Hashable], gap: Gap) -> Pairs:
    part_a, part_b = a[gap.start_a : gap.end_a], b[gap.start_b : gap.end_b]
    counts_a, counts_b = Counter(part_a), Counter(part_b)
    place = {item: gap.start_b + j for j, item in enumerate(part_b) if counts_b[item] == 1}
    return [
        (gap.start_a + i, place[item])
        for i, item in enumerate(part_a)
        if item in place and counts_a[item] == 1
    ]


def in_order(pairs: Pairs) -> Pairs:
    """The longest part of pairs, which rise by their first index, that rises by the second too."""
    ends: list[int] = []  # the lowest second index that ends a rising part of each length
    last: list[int] = []  # which pair that is
    before: list[int] = []
    for number, (_, j) in enumerate(pairs):
        length = bisect_left(ends, j)
        before.append(last[length - 1] if length else -1)
        ends[length : length + 1] = [j]
        last[length : length + 1] = [number]
    kept: Pairs = []
    number = last[-1] if last else -1
    while number >= 0:
        kept.append(pairs[number])
        number = before[number]
    return kept[::-1]


def _by_difflib(a: Sequence[Hashable], b: Sequence[Hashable], gap: Gap) -> Pairs:
    part_a, part_b = a[gap.start_a : gap.end_a], b[gap.start_b : gap.end_b]
    if len(part_a) * len(part_b) > _MOST_COMPARED:
        return []
    matcher = difflib.SequenceMatcher(None, part_a, part_b, autojunk=False)
    return [
        (gap.start_a + block.a + k, gap.start_b + block.b + k)
        for block in matcher.get_matching_blocks()
        for k in range(block.size)
    ]
