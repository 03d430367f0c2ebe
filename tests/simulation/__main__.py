"""Compare two years of each case, or of those in the zones that are named."""

from __future__ import annotations

import sys
import time

from .cases import EXPRESSIONS, ZONES
from .comparing import compare, entry_of
from .walking import DAY, Walk, utc

_DAYS = 731

begun = time.monotonic()
for zone in sys.argv[1:] or ZONES:
    walk = Walk(zone, utc(2026), _DAYS * DAY)
    times = [compare(entry_of(text, zone), walk, probes=200) for text in EXPRESSIONS]
    print(f"{zone}: {len(times)} expressions, {sum(times):,} times alike", flush=True)
print(f"{len(EXPRESSIONS)} expressions, {_DAYS} days, {time.monotonic() - begun:.0f} s")
