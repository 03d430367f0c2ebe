"""Lengths of time, as they are written in entries."""

from __future__ import annotations

import math
import re

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PART = r"(?:[0-9]+(?:\.[0-9]+)?) *[smhdw]"
_WHOLE = re.compile(rf"{_PART}(?: *{_PART})*")
_LONGEST = 100 * 366 * 86400
PATTERN = f"^{_WHOLE.pattern}$"
FORM = 'a number of seconds, or a text like "30s", "10m", "2h", "1d", "1h30m"'


def to_seconds(value: object) -> float:
    """The seconds that a number is, or that a text with units means.

    Raises:
        ValueError: It is neither, or longer than a hundred years.
    """
    seconds: float | None = None
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value
    elif isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        parts = re.findall(r"([0-9.]+) *([smhdw])", value)
        seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if seconds is None or not math.isfinite(seconds) or not 0 <= seconds <= _LONGEST:
        raise ValueError(f"must be {FORM}, not {value!r:.50}")
    return seconds
