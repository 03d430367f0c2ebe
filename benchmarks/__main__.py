"""Measure all runners in turns in one process, print a table of ratios, write the figures."""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.notebooks import write_printing_cells, write_two_cells
from benchmarks.runners import RUNNERS

OURS, PEER = "notebook_executor", "papermill"


@dataclass(frozen=True)
class Row:
    """One notebook's seconds, a list a runner, in the order they were taken."""

    name: str
    seconds: dict[str, list[float]]

    def median(self, runner: str) -> float:
        return statistics.median(self.seconds[runner])

    def spread(self, runner: str) -> str:
        return f"{min(self.seconds[runner]):.2f}–{max(self.seconds[runner]):.2f}"

    def ratio(self, runner: str) -> float:
        return self.median(OURS) / self.median(runner)


def measure(name: str, source: Path, folder: Path, repetitions: int) -> Row:
    """Run each runner once to load what it needs, then all of them in turns."""
    seconds: dict[str, list[float]] = {runner: [] for runner in RUNNERS}
    for repetition in range(repetitions + 1):
        for runner, run in RUNNERS.items():
            target = folder / runner / source.name
            target.parent.mkdir(exist_ok=True)
            began = time.perf_counter()
            run(source, target)
            took = time.perf_counter() - began
            if repetition:
                seconds[runner].append(took)
    return Row(name, seconds)


def table(rows: list[Row]) -> str:
    header = "| notebook | runner | median s | spread | ours / it |\n|---|---|---|---|---|"
    lines = [
        f"| {row.name} | {runner} | {row.median(runner):.3f} | {row.spread(runner)} "
        f"| {row.ratio(runner):.2f} |"
        for row in rows
        for runner in row.seconds
    ]
    return "\n".join([header, *lines])


def report(rows: list[Row]) -> dict[str, object]:
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "versions": {name: version(name) for name in ("papermill", "nbclient", "ipykernel")},
        "bytecode_written": not sys.flags.dont_write_bytecode,
        "rows": [asdict(row) for row in rows],
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--json", type=Path, help="where the figures go")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as made:
        folder = Path(made)
        rows = [
            measure("two cells", write_two_cells(folder), folder, options.repetitions),
            measure(
                "200 cells printing 1 kB",
                write_printing_cells(folder, 200),
                folder,
                options.repetitions,
            ),
        ]
    print(table(rows))
    if options.json:
        options.json.write_text(json.dumps(report(rows), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
