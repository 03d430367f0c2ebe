"""Compares what stock papermill left, translated by the declared differences, with what we left."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from typing import Any

from .cases import Case, Json
from .differences import Difference
from .normalisation import normalise
from .runs import Run

_LONGEST = 300


def compare(
    case: Case,
    stock: Run,
    ours: Run,
    differences: Sequence[Difference] = (),
    *,
    workaround: Run | None = None,
    omit: Difference | None = None,
) -> list[str]:
    """What differs beyond normalisations and differences, a line for each place.

    Args:
        workaround: Papermill's run with the case's workaround.
        omit: One of the differences, to see whether the comparison could do without it.
    """
    replaced = {name for difference in differences for name in difference.replaces}
    expected = _view(stock, workaround)
    for difference in differences:
        if difference is not omit:
            difference.translate(expected)
    expected_run = stock if workaround is None else workaround
    return list(
        _unequal(
            "",
            normalise(expected, expected_run, case, leave_out=replaced),
            normalise(_view(ours), ours, case, leave_out=replaced),
        )
    )


def occurs(
    difference: Difference,
    differences: Sequence[Difference],
    stock: Run,
    workaround: Run | None = None,
) -> bool:
    """Whether a difference finds what it translates in papermill's run, after those before it."""
    view = _view(stock, workaround)
    for earlier in differences[: differences.index(difference)]:
        earlier.translate(view)
    before = copy.deepcopy(view)
    difference.translate(view)
    return any(_unequal("", before, view))


def _view(run: Run, workaround: Run | None = None) -> Json:
    view = copy.deepcopy({"outcome": run.outcome, "failure": run.failure, "notebook": run.notebook})
    return {**view, "workaround": _view(workaround)} if workaround else view


def _unequal(place: str, stock: Any, ours: Any) -> Iterator[str]:
    if isinstance(stock, dict) and isinstance(ours, dict):
        for key in sorted(stock.keys() | ours.keys()):
            yield from _unequal(f"{place}.{key}", stock.get(key, _ABSENT), ours.get(key, _ABSENT))
    elif isinstance(stock, list) and isinstance(ours, list):
        for index in range(max(len(stock), len(ours))):
            pair = (_item(stock, index), _item(ours, index))
            yield from _unequal(f"{place}[{index}]", *pair)
    elif not _same(stock, ours):
        yield f"{place.lstrip('.')}: papermill {_short(stock)}, ours {_short(ours)}"


class _Absent:
    def __repr__(self) -> str:
        return "has nothing"


_ABSENT = _Absent()


def _item(items: list[Any], index: int) -> Any:
    return items[index] if index < len(items) else _ABSENT


def _same(stock: Any, ours: Any) -> bool:
    if isinstance(stock, float) and isinstance(ours, float) and math.isnan(stock):
        return math.isnan(ours)
    return type(stock) is type(ours) and bool(stock == ours)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"
