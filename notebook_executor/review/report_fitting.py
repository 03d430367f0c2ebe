"""A report within a budget of characters: what matters least is left out first, and said to be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from notebook_executor.text import clip


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
        parts: What there is to say.
        max_chars: The budget; never exceeded.
        between: What stands between two parts.
        note: Makes the last part of the words that say what was left out.
    """
    whole = _joined(parts, between)
    if len(whole) <= max_chars:
        return whole
    longest = note(_counted(parts))
    room = max_chars - len(between) - len(longest)
    kept: set[int] = set()
    headings: set[str] = set()
    for place in sorted(range(len(parts)), key=lambda place: (parts[place].rank, place)):
        part = parts[place]
        cost = len(part.text) + len(between)
        if part.heading and part.heading not in headings:
            cost += len(part.heading) + len(between)
        if cost <= room:
            room -= cost
            kept.add(place)
            headings.add(part.heading)
    left = [part for place, part in enumerate(parts) if place not in kept]
    shown = [part for place, part in enumerate(parts) if place in kept]
    if not shown:
        return clip(whole, max_chars)
    return clip(between.join([_joined(shown, between), note(_counted(left))]), max_chars)


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
