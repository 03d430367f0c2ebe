"""Measure every row of the targets against the peers, in turns, and print what was reached."""

from __future__ import annotations

import argparse
import compileall
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks import floor, report
from benchmarks.measuring import ROOT, Bench, Row, explained
from benchmarks.rows import ROWS

_DOCS = ROOT / "docs"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW",
                        help=f"of {', '.join(ROWS)}")  # fmt: skip
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="all small, to see that it works")
    parser.add_argument("--json", type=Path, help="gets each row as soon as it is measured; rows "
                        "of an earlier run that are not measured now stay")  # fmt: skip
    parser.add_argument("--plot", type=Path, help="gets a picture (PNG)")
    parser.add_argument("--publish", action="store_true",
                        help="write JSON, picture and tables to docs/")  # fmt: skip
    given = parser.parse_args()
    if given.repetitions < 1:
        parser.error("--repetitions must be at least 1")
    if given.publish:
        given.json, given.plot = _DOCS / "benchmarks.json", _DOCS / "benchmarks.png"
    return given


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measure(names: Iterable[str], bench: Bench, rows: list[Row], save: Path | None) -> list[str]:
    """Measure rows, and put each in its place among those of an earlier run.

    Returns:
        Names of the rows that could not be measured.
    """
    failed = []
    machine = report.machine()
    for name in names:
        began = time.monotonic()
        say(name)
        try:
            fresh: list[Row] = []
            for row in ROWS[name](bench):
                fresh.append(row)
                replace(rows, fresh)
                if save is not None:
                    report.save(rows, machine, save)
        except Exception as error:  # whatever befalls one row, the others are measured
            failed.append(name)
            say(f"  failed: {explained(error)}")
        say(f"  {time.monotonic() - began:.0f} s")
    return failed


def replace(rows: list[Row], fresh: list[Row]) -> None:
    """Put rows of one name in the place of those of an earlier run."""
    order = list(ROWS)
    rows[:] = [old for old in rows if old.name != fresh[0].name] + fresh
    rows.sort(key=lambda row: order.index(row.name))


def main() -> int:
    given = options()
    # As pip has done for the peers.
    compileall.compile_dir(ROOT / "notebook_executor", quiet=2)
    rows = report.load(given.json) if given.json else []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        bench = Bench(Path(folder), given.repetitions, given.quick, tell=say)
        machine = report.machine()
        failed = measure(given.only, bench, rows, given.json)
    print(report.preface(machine), report.table(rows), sep="\n\n")
    if given.plot and rows:
        report.draw(rows, given.plot)
    if given.publish:
        figures = f"{report.preface(machine)}\n\n{report.table(rows)}"
        costs = floor.table(floor.measure())
        report.publish(_DOCS / "benchmarks.md", figures=figures, floor=costs)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
