"""Which cells of two notebooks, and which outputs of two cells, are the same one.

Cells: those with equal id and source, then with equal source, then with equal id, then those
whose sources are alike; each only where it keeps the order that the ones before have set. Sources
count before ids because tools that renumber ids give one cell's to another. What has its source or
id at another place has moved, and is like no other cell.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

from notebook_executor.documents.sequences import Gap, Pairs, gaps, in_order, matches

Item = Mapping[str, Any]

_WORD = re.compile(r"\w+|[^\w\s]")
_ALIKE = 0.6
# So many pairs of cells are compared word by word: half a second. In longer gaps, only those
# that stand at the same distance from its start.
_MOST_COMPARED = 40_000


class Pairing(NamedTuple):
    """Indices of cells in the first and in the second notebook."""

    pairs: Pairs
    moved: Pairs  # in another order than the pairs
    removed: list[int]
    added: list[int]


def exact(value: Any) -> Hashable:
    """A key that two JSON values share if they are the same: 1, 1.0 and true are not."""
    if isinstance(value, dict):
        return ("{", *((key, exact(value[key])) for key in sorted(value)))
    if isinstance(value, list):
        return ("[", *map(exact, value))
    return value if value is None or isinstance(value, str) else (type(value).__name__, value)


def pair_cells(a: Sequence[Item], b: Sequence[Item]) -> Pairing:
    """Which cells belong together; the rest was removed, added, or moved."""
    whole = Gap(0, len(a), 0, len(b))
    pairs = in_order(_same_id(a, b, whole, _source_key))
    for level in (_equal_sources, _same_id):
        pairs = sorted([*pairs, *_in_gaps(pairs, whole, functools.partial(level, a, b))])
    moved = _moves(a, b, *_left(pairs, whole))
    alike = _in_gaps(pairs, whole, lambda gap: _alike(a, b, *_left([*pairs, *moved], gap)))
    pairs = sorted([*pairs, *alike])
    return Pairing(pairs, moved, *_left([*pairs, *moved], whole))


def _in_gaps(pairs: Pairs, whole: Gap, level: Callable[[Gap], Pairs]) -> Pairs:
    return [pair for gap in gaps(pairs, whole) for pair in in_order(level(gap))]


def _left(pairs: Pairs, gap: Gap) -> tuple[list[int], list[int]]:
    """What of a gap is in no pair."""
    rows, columns = {i for i, _ in pairs}, {j for _, j in pairs}
    return (
        [i for i in range(gap.start_a, gap.end_a) if i not in rows],
        [j for j in range(gap.start_b, gap.end_b) if j not in columns],
    )


def pair_outputs(a: Sequence[Item], b: Sequence[Item]) -> Pairs:
    """Equal outputs, and between them those of the same kind."""
    kinds = [[_kind(output) for output in outputs] for outputs in (a, b)]
    if kinds[0] == kinds[1] and len(set(kinds[0])) == len(a):
        return [(i, i) for i in range(len(a))]
    keys = [exact(output) for output in a], [exact(output) for output in b]
    pairs = matches(*keys)
    for gap in list(gaps(pairs, Gap(0, len(a), 0, len(b)))):
        found = matches(kinds[0][gap.start_a : gap.end_a], kinds[1][gap.start_b : gap.end_b])
        pairs += [(gap.start_a + i, gap.start_b + j) for i, j in found]
    return sorted(pairs)


def _kind(output: Item) -> Hashable:
    return (output["output_type"], output.get("name"), *sorted(output.get("data", ())))


def _source_key(cell: Item) -> Hashable:
    return (cell["cell_type"], cell["source"])


def _type_key(cell: Item) -> Hashable:
    return (cell["cell_type"],)


def _same_id(
    a: Sequence[Item], b: Sequence[Item], gap: Gap, also: Callable[[Item], Hashable] = _type_key
) -> Pairs:
    place = {(b[j]["id"], also(b[j])): j for j in range(gap.start_b, gap.end_b)}
    keyed = ((i, (a[i]["id"], also(a[i]))) for i in range(gap.start_a, gap.end_a))
    return [(i, place[key]) for i, key in keyed if key in place]


def _equal_sources(a: Sequence[Item], b: Sequence[Item], gap: Gap) -> Pairs:
    """Cells without a word are equal to any other such cell by chance: they wait for their ids."""
    rows = [i for i in range(gap.start_a, gap.end_a) if a[i]["source"].strip()]
    columns = [j for j in range(gap.start_b, gap.end_b) if b[j]["source"].strip()]
    found = matches([_source_key(a[i]) for i in rows], [_source_key(b[j]) for j in columns])
    return [(rows[i], columns[j]) for i, j in found]


def _alike(a: Sequence[Item], b: Sequence[Item], rows: list[int], columns: list[int]) -> Pairs:
    """The pairs of cells whose likeness is the greatest in all."""
    if not rows or not columns:
        return []
    words_a, words_b = [_words(a[i]) for i in rows], [_words(b[j]) for j in columns]
    if len(rows) * len(columns) > _MOST_COMPARED:
        both = enumerate(zip(words_a, words_b, strict=False))
        found = [(k, k) for k, (one, other) in both if _likeness(one, other) > 0]
    else:
        found = _best([[_likeness(one, other) for other in words_b] for one in words_a])
    return [(rows[i], columns[j]) for i, j in found]


def _words(cell: Item) -> Counter[str]:
    found = Counter(_WORD.findall(cell["source"]))
    found[f"a {cell['cell_type']} cell"] = 1
    return found


def _likeness(one: Counter[str], other: Counter[str]) -> float:
    """The share of words that both have, or 0 where it is too small to mean anything."""
    size = one.total() + other.total()
    if 2 * min(one.total(), other.total()) < _ALIKE * size:
        return 0.0
    smaller, larger = sorted((one, other), key=len)
    share = 2 * sum(min(count, larger[word]) for word, count in smaller.items()) / size
    return share if share >= _ALIKE else 0.0


def _best(likeness: list[list[float]]) -> Pairs:
    """The rising pairs with the greatest sum."""
    rows, columns = len(likeness), len(likeness[0])
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows - 1, -1, -1):
        for j in range(columns - 1, -1, -1):
            best[i][j] = max(best[i + 1][j], best[i][j + 1], likeness[i][j] + best[i + 1][j + 1])
    found, i, j = [], 0, 0
    while i < rows and j < columns:
        if likeness[i][j] and best[i][j] == likeness[i][j] + best[i + 1][j + 1]:
            found.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return found


def _moves(a: Sequence[Item], b: Sequence[Item], removed: list[int], added: list[int]) -> Pairs:
    """Removed cells that were added elsewhere: with their source, or with their id."""
    moved: dict[int, int] = {}
    taken: set[int] = set()
    for key in (_source_key, _id_key):
        places: dict[Hashable, list[int]] = {}
        for j in added:
            if j not in taken and b[j]["source"].strip():
                places.setdefault(key(b[j]), []).append(j)
        for i in removed:
            if i not in moved and (free := places.get(key(a[i]))):
                moved[i] = free.pop(0)
                taken.add(moved[i])
    return sorted(moved.items())


def _id_key(cell: Item) -> Hashable:
    return (cell["cell_type"], cell["id"])
