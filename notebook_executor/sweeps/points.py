"""The points of a sweep: every combination of a grid, or a list."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any

from notebook_executor.errors import UsageError

_MOST = 100_000


def make_points(
    grid: Mapping[str, Iterable[Any]] | None, points: Iterable[Mapping[str, Any]] | None
) -> list[dict[str, Any]]:
    """The parameters of each point, in order.

    Args:
        grid: For each name its values; the last name varies fastest.
        points: The parameters of each point, instead.

    Raises:
        TypeError: Neither, both, or something of another form was given.
        UsageError: A name has no values, or there are more than 100,000 points.
    """
    if (grid is None) == (points is None):
        raise TypeError("give either grid or points")
    return _listed(points) if grid is None else _combined(grid)


def _listed(points: Iterable[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    if not isinstance(points, Iterable) or isinstance(points, Mapping | str | bytes):
        raise TypeError(f"points must be a list of mappings, not {type(points).__name__}")
    listed = list(itertools.islice(points, _MOST + 1))
    for point in listed:
        if not isinstance(point, Mapping):
            raise TypeError(f"each of points must be a mapping, not {point!r:.50}")
    _check_count(len(listed))
    return [dict(point) for point in listed]


def _combined(grid: Mapping[str, Iterable[Any]]) -> list[dict[str, Any]]:
    if not isinstance(grid, Mapping):
        raise TypeError(f"grid must map names to lists of values, not {type(grid).__name__}")
    axes: dict[str, list[Any]] = {}
    for name, values in grid.items():
        if not isinstance(values, Iterable) or isinstance(values, Mapping | str | bytes):
            raise TypeError(f"grid: {name} must have a list of values, not {values!r:.50}")
        axes[name] = list(itertools.islice(values, _MOST + 1))
        if not axes[name]:
            raise UsageError(f"grid: {name} has no values", hint="Leave it out, or give it some.")
    _check_count(math.prod(map(len, axes.values())))
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def _check_count(count: int) -> None:
    if count > _MOST:
        raise UsageError(
            f"The sweep would have more than {_MOST:,} points",
            hint="Make several sweeps of it.",
        )
