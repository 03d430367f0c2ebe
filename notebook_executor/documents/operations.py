"""Operations that make one JSON value of another, in nbdime's diff format.

nbdime's own differ takes 1, 1.0 and true for equal, compares each line and each list item with
each other one, and fails where one name holds a list here and an object there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from notebook_executor.documents.pairing import exact, pair_outputs
from notebook_executor.documents.sequences import Gap, Pairs, gaps, matches

Op = dict[str, Any]

# Longer texts, and long ones of a single line such as images, are replaced as a whole.
_LONGEST_TEXT = 100_000
_LONGEST_LINE = 1000


def value_ops(a: Any, b: Any) -> list[Op] | None:
    """What makes ``b`` of ``a``; None where ``b`` has to replace ``a`` as a whole."""
    if isinstance(a, dict) and isinstance(b, dict):
        return mapping_ops(a, b)
    if isinstance(a, list) and isinstance(b, list):
        pairs = matches([exact(item) for item in a], [exact(item) for item in b])
        return sequence_ops(a, b, pairs)
    if isinstance(a, str) and isinstance(b, str):
        return _text_ops(a, b)
    return [] if exact(a) == exact(b) else None


def _text_ops(a: str, b: str) -> list[Op] | None:
    if a == b:
        return []
    if _is_block(a) or _is_block(b):
        return None
    return line_ops(a.splitlines(True), b.splitlines(True))


def _is_block(text: str) -> bool:
    return len(text) > _LONGEST_TEXT or (len(text) > _LONGEST_LINE and "\n" not in text[:-1])


def line_ops(a: list[str], b: list[str]) -> list[Op]:
    return sequence_ops(a, b, matches(a, b))


def mapping_ops(
    a: dict[str, Any],
    b: dict[str, Any],
    inner: Callable[[str, Any, Any], list[Op] | None] | None = None,
) -> list[Op]:
    """Operations on an object, by the order of its names.

    Args:
        a: The object as it is.
        b: As it shall be.
        inner: Makes the operations on the value of a name that both have; else ``value_ops``.
    """
    ops: list[Op] = []
    for key in sorted({*a, *b}):
        if key not in b:
            ops.append({"op": "remove", "key": key})
        elif key not in a:
            ops.append({"op": "add", "key": key, "value": b[key]})
        elif (found := inner(key, a[key], b[key]) if inner else value_ops(a[key], b[key])) is None:
            ops.append({"op": "replace", "key": key, "value": b[key]})
        elif found:
            ops.append({"op": "patch", "key": key, "diff": found})
    return ops


def sequence_ops(
    a: Sequence[Any],
    b: Sequence[Any],
    pairs: Pairs,
    inner: Callable[[Any, Any], list[Op]] | None = None,
) -> list[Op]:
    """Operations on a list, by its indices.

    Args:
        a: The list as it is.
        b: As it shall be.
        pairs: Which items belong together, rising.
        inner: Makes the operations on items that belong together; None where they are equal.
    """
    ops: list[Op] = []
    for gap in gaps(pairs, Gap(0, len(a), 0, len(b))):
        if gap.end_b > gap.start_b:
            new = list(b[gap.start_b : gap.end_b])
            ops.append({"op": "addrange", "key": gap.start_a, "valuelist": new})
        if gap.end_a > gap.start_a:
            length = gap.end_a - gap.start_a
            ops.append({"op": "removerange", "key": gap.start_a, "length": length})
    for i, j in pairs if inner else ():
        if inner and (found := inner(a[i], b[j])):
            ops.append({"op": "patch", "key": i, "diff": found})
    # At one index: what is added before it first, as nbdime orders them.
    return sorted(ops, key=lambda op: (op["key"], op["op"] != "addrange"))


def notebook_ops(
    a: dict[str, Any], b: dict[str, Any], cells: Pairs, ignored: tuple[str, ...]
) -> list[Op]:
    """What makes one notebook of another.

    Args:
        a: The notebook as it is.
        b: As it shall be.
        cells: Which cells belong together, rising.
        ignored: Fields of cells that do not count.
    """

    def inner(key: str, value_a: Any, value_b: Any) -> list[Op] | None:
        if key != "cells":
            return value_ops(value_a, value_b)
        return sequence_ops(value_a, value_b, cells, lambda x, y: _cell_ops(x, y, ignored))

    return mapping_ops(a, b, inner)


def _cell_ops(a: dict[str, Any], b: dict[str, Any], ignored: tuple[str, ...]) -> list[Op]:
    ops = mapping_ops(a, b, _field_ops)
    return [op for op in ops if op["key"] not in ignored]


def _field_ops(key: str, a: Any, b: Any) -> list[Op] | None:
    if key != "outputs":
        return None if key in ("id", "cell_type") and a != b else value_ops(a, b)
    return sequence_ops(a, b, pair_outputs(a, b), mapping_ops)


class Touched(NamedTuple):
    """Indices of the cells whose outputs operations change, before and after."""

    in_a: frozenset[int]
    in_b: frozenset[int]  # cells that were added among them


def touched_outputs(ops: Iterable[Op], pairs: Pairs, count_b: int) -> Touched:
    """The cells whose outputs a notebook's operations change or bring along."""
    changed = {
        op["key"]
        for op in cell_list_ops(ops)
        if op["op"] == "patch" and any(inner["key"] == "outputs" for inner in op["diff"])
    }
    kept = {j for i, j in pairs if i not in changed}
    return Touched(frozenset(changed), frozenset(range(count_b)) - kept)


def cell_list_ops(ops: Iterable[Op]) -> list[Op]:
    """Of a notebook's operations those on its list of cells."""
    return next((op["diff"] for op in ops if op["key"] == "cells" and "diff" in op), [])


def pairs_of(ops: list[Op], count_a: int) -> Pairs:
    """Which items of two lists operations take for the same, rising."""
    pairs: Pairs = []
    i = j = 0
    for op in [*ops, {"op": "end", "key": count_a}]:
        while i < op["key"]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        if op["op"] == "addrange":
            j += len(op["valuelist"])
        elif op["op"] == "removerange":
            i += op["length"]
    return pairs
