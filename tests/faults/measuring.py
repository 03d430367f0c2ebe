"""``scripts/app.sh faults --full``: every fault many times over, and the table of what it took.

The table is written after each fault, so that a measurement that is cut off is not lost.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.dispositions import restore_dispositions

from .accounts import Account, ordinary_account, own_account
from .catalogue import FAULTS
from .fault import Fault
from .peers import BLOWS, PEERS, Leavings, strike
from .soak import soaked
from .stage import TIERS, Stage, Tier

_DOCUMENT = Path(__file__).parents[2] / "docs" / "faults.md"
_BEGIN, _END = "<!-- {} -->\n", "<!-- end of {} -->\n"
# The moments of chance need more draws than a blow that falls at a known one.
_FULL_TIMES = {"11": 10, "12": 10}


@dataclass
class Tally:
    """What came of one fault in one tier, for one user."""

    seconds: list[float] = field(default_factory=list)
    passes: int = 0
    failures: list[str] = field(default_factory=list)
    lacking: str | None = None

    def __str__(self) -> str:
        if self.lacking:
            return "–"
        times = self.passes + len(self.failures)
        if self.failures:
            return f"**{len(self.failures)} of {times} failed**"
        if not times:
            return ""
        return f"{max(self.seconds):.3f} s ({times})" if self.seconds else f"clean ({times})"


@dataclass(frozen=True)
class Column:
    tier: Tier
    account: Account
    warm: bool

    def __str__(self) -> str:
        return f"{self.tier}, {self.account.name}"

    def stage(self) -> Stage:
        return Stage(self.tier, self.account, warm=self.warm)


def main(arguments: Sequence[str] | None = None) -> int:
    wanted = _parse(arguments)
    restore_dispositions()
    columns = [Column(tier, account, wanted.warm) for account in _accounts() for tier in TIERS]
    place = "warm " if wanted.warm else ""
    tallies = {(fault.number, column): Tally() for fault in FAULTS for column in columns}
    for turn in range(wanted.times):
        for fault in FAULTS:
            for column in columns:
                _measure(fault, column, tallies[fault.number, column])
            _put(f"{place}measured", _table(columns, tallies))
        print(f"round {turn + 1} of {wanted.times} done", file=sys.stderr, flush=True)
    if not wanted.warm:
        _put("peers", _peer_table())
    soaks = [_soak(column, wanted.soak) for column in columns] if wanted.soak else []
    if soaks:
        _put(f"{place}soak", "".join(soaks))
    failures = [text for tally in tallies.values() for text in tally.failures]
    print(*failures, sep="\n", file=sys.stderr)
    return 1 if failures or any("failed" in text for text in soaks) else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/app.sh faults --full", description=__doc__)
    parser.add_argument("--times", type=int, default=10, help="rounds (default: %(default)s)")
    parser.add_argument(
        "--soak", type=int, default=500, help="runs, 0 for none (default: %(default)s)"
    )
    parser.add_argument("--warm", action="store_true", help="of forked kernels, others waiting")
    return parser.parse_args(arguments)


def _accounts() -> list[Account]:
    return list(dict.fromkeys((own_account(), ordinary_account())))


def _measure(fault: Fault, column: Column, tally: Tally) -> None:
    tally.lacking = fault.why_not(column.tier, column.account)
    if tally.lacking:
        return
    for _ in range(_FULL_TIMES.get(fault.number, 1)):
        try:
            with column.stage() as stage:
                seconds = fault.act(stage)
        except AssertionError as error:
            tally.failures.append(f"{fault.number} ({column}): {error}")
            continue
        tally.passes += 1
        if seconds is not None:
            tally.seconds.append(seconds)


def _table(columns: list[Column], tallies: dict[tuple[str, Column], Tally]) -> str:
    rows = [["", "fault", "budget", *map(str, columns)], ["---"] * (len(columns) + 3)]
    for fault in FAULTS:
        budget = f"{fault.budget:g} s" if fault.budget else ""
        cells = [str(tallies[fault.number, column]) for column in columns]
        rows.append([fault.number, fault.title, budget, *cells])
    return _lines(rows)


def _peer_table() -> str:
    rows = [["", "fault", *PEERS], ["---"] * (len(PEERS) + 2)]
    for blow in BLOWS:
        found = [_told(strike(blow, peer)) for peer in PEERS]
        rows.append([blow.number, blow.title, *found])
    return _lines(rows)


def _told(leavings: Leavings) -> str:
    return f"{leavings.processes} processes, {leavings.files} files; {leavings.host}"


def _lines(rows: list[list[str]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _soak(column: Column, runs: int) -> str:
    began = time.monotonic()
    try:
        with column.stage() as stage:
            soaked(runs)(stage)
    except AssertionError as error:
        return f"- {column}: failed: {error}\n"
    return f"- {column}: {runs} runs in {time.monotonic() - began:.0f} s, nothing grew\n"


def _put(name: str, text: str) -> None:
    """Replace what stands between the marks of this name in the document."""
    begin, end = _BEGIN.format(name), _END.format(name)
    before, _, rest = _DOCUMENT.read_text("utf-8").partition(begin)
    _, _, after = rest.partition(end)
    _DOCUMENT.write_text(f"{before}{begin}{text}{end}{after}", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
