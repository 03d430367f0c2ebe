"""A report within a budget of characters: what matters least is left out first, and said to be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from notebook_executor.text import one_line


class Part(NamedTuple):
    """A part of a report, which is there as a whole or not at all.

    Attributes:
        rank: What matters less has a higher one.
        kind: What a reader is told who does not get it: "sources".
        text: The part.
        heading: Of the parts around it, for which it stands once; empty for none.
    """

    rank: int
    kind: str
    text: str
    heading: str = ""


def fitted(parts: Sequence[Part], max_chars: int, between: str, note: Callable[[str], str]) -> str:
    """The parts in their order, as many as there is room for.

    Args:
        parts: What there is to say; the first one stands first, whatever is left out.
        max_chars: The budget; never exceeded.
        between: What stands between two parts.
        note: Makes the last part of the words that say what was left out.
    """
    whole = _joined(parts, between)
    if len(whole) <= max_chars:
        return whole
    # What is left out is named in less than what all would take.
    most = max_chars // 5
    room = max_chars - len(between) - len(note(one_line(_counted(parts), most)))
    kept: set[int] = set()
    under: set[int] = set()
    sections = _sections(parts)
    for place in sorted(range(len(parts)), key=lambda place: (parts[place].rank, place)):
        part = parts[place]
        cost = len(part.text) + len(between)
        if part.heading and sections[place] not in under:
            cost += len(part.heading) + len(between)
        if cost <= room:
            room -= cost
            kept.add(place)
            under.add(sections[place])
    left = [part for place, part in enumerate(parts) if place not in kept]
    shown = [part for place, part in enumerate(parts) if place in kept]
    if 0 not in kept:
        return parts[0].text[: max(max_chars, 0)]
    return between.join([_joined(shown, between), note(one_line(_counted(left), most))])


def _sections(parts: Sequence[Part]) -> list[int]:
    """For each part, a number that it shares with those under the same heading."""
    changes = (a.heading != b.heading for a, b in pairwise(parts))
    return list(accumulate(changes, initial=0))


def _joined(parts: Sequence[Part], between: str) -> str:
    texts: list[str] = []
    heading = ""
    for part in parts:
        if part.heading and part.heading != heading:
            texts.append(part.heading)
        heading = part.heading
        texts.append(part.text)
    return between.join(texts)


def _counted(parts: Sequence[Part]) -> str:
    kinds = Counter(part.kind for part in parts)
    return ", ".join(f"{kind} ({count})" if count > 1 else kind for kind, count in kinds.items())
