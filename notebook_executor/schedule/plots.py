"""Values over time as a drawing that is text: SVG without scripts, to lie inside of a page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import NamedTuple

LARGEST = 1e300
_WIDTH, _HEIGHT = 640, 180
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 12, 24
_MOST_MARKS = 300  # points that are drawn one by one; of more, a line with all its peaks
_LEVELS = 4
_LABELS = 5
_DAY = timedelta(days=1)
_STEPS = (
    *(timedelta(minutes=n) for n in (1, 5, 15, 30)),
    *(timedelta(hours=n) for n in (1, 3, 6, 12)),
    *(timedelta(days=n) for n in (1, 2, 7, 14, 30, 90, 365)),
)


class Point(NamedTuple):
    """A value at a time.

    Attributes:
        at: With a zone, in which the axis is labelled.
        value: None where there is none: the line has a gap there, and a mark at its foot.
        title: Shown by browsers on a mark.
    """

    at: datetime
    value: float | None
    title: str


class _Frame(NamedTuple):
    """From time and value to the place on the drawing."""

    first: datetime
    span: float
    low: float
    high: float

    def x(self, at: datetime) -> float:
        share = (at - self.first).total_seconds() / self.span
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM), 1)


def plot(points: Sequence[Point], name: str, first: datetime, last: datetime) -> str:
    """Draw values over time.

    Args:
        points: In the order of time, at least one with a value; values are below
            ``LARGEST``, and none is NaN.
        name: What is read out instead of the drawing.
        first: Where the axis of time begins.
        last: Where it ends.
    """
    values = [point.value for point in points if point.value is not None]
    levels = _levels(min(values), max(values))
    if first == last:  # drawn in the middle
        first, last = first - _DAY / 2, last + _DAY / 2
    frame = _Frame(first, (last - first).total_seconds(), levels[0], levels[-1])
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(name)}">',
        *_grid(frame, levels),
        *_dates(frame, last),
        *_lines(frame, points),
        *_marks(frame, points),
        "</svg>",
    ]
    return "".join(parts)


def _levels(low: float, high: float) -> list[float]:
    """Round numbers, evenly spaced, that enclose all values."""
    spread = high - low
    if spread <= abs(high) * 1e-9:
        spread = abs(high) * 0.1 or 1.0
    rough = max(spread / _LEVELS, 5e-300)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((n * power for n in (1, 2, 2.5, 5) if n * power >= rough), 10 * power)
    first, last = math.floor(low / step), math.ceil(high / step)
    if first == last:
        first, last = first - 1, last + 1
    return [number * step for number in range(first, last + 1)]


def _grid(frame: _Frame, levels: list[float]) -> Iterator[str]:
    for level in levels:
        y = frame.y(level)
        yield f'<path class="grid" d="M{_LEFT} {y}H{_WIDTH - _RIGHT}"/>'
        text = _short(0.0 if abs(level) < 1e-9 * (levels[1] - levels[0]) else level)
        yield f'<text class="level" x="{_LEFT - 6}" y="{y + 3.5}">{text}</text>'


def _short(value: float) -> str:
    """A level in few characters."""
    for size, suffix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size <= abs(value) < 1e15:
            return f"{value / (1e3 if suffix == 'k' else size):.6g}{suffix}"
    return f"{value:.5g}"


def _dates(frame: _Frame, last: datetime) -> Iterator[str]:
    """The axis of time, labelled at round times of the first point's zone."""
    span = last - frame.first
    step = next((step for step in _STEPS if span / step <= _LABELS), span / _LABELS)
    daily = step >= _DAY
    midnight = frame.first.replace(hour=0, minute=0, second=0, microsecond=0)
    at = midnight + math.ceil((frame.first - midnight) / step) * step
    while at <= last:
        x = frame.x(at)
        text = f"{at:%Y-%m-%d}" if daily else f"{at:%d %b %H:%M}"
        yield f'<path class="grid" d="M{x} {_TOP}V{_HEIGHT - _BOTTOM}"/>'
        anchor = "end" if x > _WIDTH - 50 else "middle"
        yield f'<text x="{x}" y="{_HEIGHT - 7}" text-anchor="{anchor}">{text}</text>'
        at += step


def _lines(frame: _Frame, points: Sequence[Point]) -> Iterator[str]:
    for run in _without_gaps(points):
        if len(run) > 1:
            places = " ".join(f"{frame.x(at)},{frame.y(value)}" for at, value in _peaks(frame, run))
            yield f'<polyline points="{places}"/>'


def _without_gaps(points: Iterable[Point]) -> Iterator[list[tuple[datetime, float]]]:
    run: list[tuple[datetime, float]] = []
    for point in points:
        if point.value is None:
            yield run
            run = []
        else:
            run.append((point.at, point.value))
    yield run


def _peaks(frame: _Frame, run: list[tuple[datetime, float]]) -> Iterator[tuple[datetime, float]]:
    """Of a line with more points than can be told apart: lowest and highest of each place."""
    if len(run) <= 2 * _WIDTH:
        yield from run
        return
    columns: dict[int, list[tuple[datetime, float]]] = {}
    for at, value in run:
        columns.setdefault(int(frame.x(at)), []).append((at, value))
    for column in columns.values():
        extremes = {min(column, key=_value), max(column, key=_value)}
        yield from sorted(extremes)


def _value(pair: tuple[datetime, float]) -> float:
    return pair[1]


def _marks(frame: _Frame, points: Sequence[Point]) -> Iterator[str]:
    few = len(points) <= _MOST_MARKS
    taken = set()
    for point in points:
        x = frame.x(point.at)
        title = f"<title>{escape(point.title)}</title>"
        if point.value is not None and few:
            yield f'<circle cx="{x}" cy="{frame.y(point.value)}" r="2.6">{title}</circle>\n'
        elif point.value is None and int(x) not in taken:
            taken.add(int(x))
            yield f'<path class="gap" d="M{x} {_HEIGHT - _BOTTOM}v-7">{title}</path>\n'
