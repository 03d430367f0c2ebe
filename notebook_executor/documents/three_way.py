"""Three versions of a text or an object brought together: base, ours and theirs.

nbdime's merge looks into its global rules, starts ``git merge-file`` without a time limit, and
needs its own, slow differences. What it would merge without a conflict is merged alike here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from notebook_executor.documents.pairing import exact
from notebook_executor.documents.sequences import matches

OURS, MIDDLE, THEIRS = "<<<<<<< ours", "=======", ">>>>>>> theirs"
_ABSENT: Any = object()


class MergedText(NamedTuple):
    """A text; where both sides changed the same lines, both are in it, between marks."""

    text: str
    conflict: bool


class Clash(NamedTuple):
    """A value in an object that both sides changed, each in its own way; None where it is gone."""

    path: tuple[str, ...]
    base: Any
    ours: Any
    theirs: Any


def same(a: Any, b: Any) -> bool:
    return a is b or (a is not _ABSENT and b is not _ABSENT and exact(a) == exact(b))


def merge_text(base: str, ours: str, theirs: str) -> MergedText:
    """Merge by lines, as git does."""
    if ours == theirs or theirs == base:
        return MergedText(ours, conflict=False)
    if ours == base:
        return MergedText(theirs, conflict=False)
    texts = [text.splitlines(True) for text in (base, ours, theirs)]
    parts: list[str] = []
    conflict = False
    for before, mine, other in _chunks(*texts):
        if mine == other or other == before:
            parts += mine
        elif mine == before:
            parts += other
        else:
            conflict = True
            _end_line(parts)
            parts += [f"{OURS}\n", *_ended(mine), f"{MIDDLE}\n", *_ended(other), f"{THEIRS}\n"]
    text = "".join(parts)
    return MergedText(text.removesuffix("\n") if parts[-1:] == [f"{THEIRS}\n"] else text, conflict)


def _end_line(parts: list[str]) -> None:
    if parts:
        parts[-1:] = _ended(parts[-1:])


def _ended(lines: Sequence[str]) -> list[str]:
    """The lines, the last of which may lack its end."""
    return [*lines[:-1], lines[-1].rstrip("\r\n") + "\n"] if lines else []


def _chunks(
    base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]
) -> Iterator[tuple[list[str], list[str], list[str]]]:
    """The three texts in pieces: lines that all three have, and what lies between those."""
    in_ours, in_theirs = dict(matches(base, ours)), dict(matches(base, theirs))
    i = j = k = 0
    for line in [*(i for i in range(len(base)) if i in in_ours and i in in_theirs), len(base)]:
        next_j, next_k = in_ours.get(line, len(ours)), in_theirs.get(line, len(theirs))
        yield list(base[i:line]), list(ours[j:next_j]), list(theirs[k:next_k])
        if line < len(base):
            yield [base[line]], [ours[next_j]], [theirs[next_k]]
        i, j, k = line + 1, next_j + 1, next_k + 1


def merge_value(
    base: Any, ours: Any, theirs: Any, clashes: list[Clash], path: tuple[str, ...] = ()
) -> Any:
    """Merge two versions of a JSON value; objects name by name, all else as a whole.

    Args:
        base: What both were made of.
        ours: One version; where both changed the same value, it stays, unless it is gone.
        theirs: The other.
        clashes: Takes such places.
        path: The names that lead to the value.
    """
    if same(ours, theirs) or same(theirs, base):
        return ours
    if same(ours, base):
        return theirs
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return _merge_objects(base if isinstance(base, dict) else {}, ours, theirs, clashes, path)
    shown = (None if value is _ABSENT else value for value in (base, ours, theirs))
    clashes.append(Clash(path, *shown))
    return theirs if ours is _ABSENT else ours


def _merge_objects(
    base: dict[str, Any],
    ours: dict[str, Any],
    theirs: dict[str, Any],
    clashes: list[Clash],
    path: tuple[str, ...],
) -> dict[str, Any]:
    merged = type(ours)()
    for key in dict.fromkeys([*ours, *theirs]):
        before, mine, other = (side.get(key, _ABSENT) for side in (base, ours, theirs))
        found = merge_value(before, mine, other, clashes, (*path, key))
        if found is not _ABSENT:
            merged[key] = found
    return merged
