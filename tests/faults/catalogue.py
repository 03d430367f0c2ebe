"""All faults, by number."""

from __future__ import annotations

from . import circumstances, deadlines, kills, moments
from .fault import Fault

FAULTS: tuple[Fault, ...] = tuple(
    sorted(
        (*kills.FAULTS, *moments.FAULTS, *deadlines.FAULTS, *circumstances.FAULTS),
        key=lambda fault: (int(fault.number.rstrip("abcdefgh")), fault.number),
    )
)
