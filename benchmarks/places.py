"""What a cell costs by its place among 2,000: ``python -m benchmarks.places``.

By what the kernel itself says of when it began a cell and when it was idle again. In one process
of one processor (``taskset -c 0 python -m benchmarks.places``) nothing is handed from one to the
other, nor done at the same time.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from benchmarks.notebooks import write_printing_cells
from benchmarks.runners import ours
from notebook_executor.documents.reading import read_notebook

_CELLS = 2000
_RUNS = 5
_EDGES = (0, 40, 80, 160, 500, 1000, _CELLS - 1)


@dataclass(frozen=True)
class Turn:
    """Milliseconds: of the kernel for one cell, and from then until it has begun the next."""

    inside: float
    between: float


def turns(executed: Path) -> Iterator[Turn]:
    """Those of each cell but the last."""
    cells = read_notebook(executed).cells
    spans = [(_moment(cell, "busy"), _moment(cell, "idle")) for cell in cells]
    for (busy, idle), (following, _) in itertools.pairwise(spans):
        yield Turn(_milliseconds(idle, busy), _milliseconds(following, idle))


def _moment(cell: dict[str, dict[str, dict[str, str]]], state: str) -> datetime:
    return datetime.fromisoformat(cell["metadata"]["execution"][f"iopub.status.{state}"])


def _milliseconds(end: datetime, start: datetime) -> float:
    return 1000 * (end - start).total_seconds()


def measure(cells: int = _CELLS, runs: int = _RUNS) -> list[list[Turn]]:
    """The turns of so many runs on warm kernels, after a first one."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as made, ours(Path(made)) as run:
        small, target = write_printing_cells(Path(made), 1), Path(made, "out.ipynb")
        run(small, target)
        source, taken = write_printing_cells(Path(made), cells), []
        for _ in range(runs):
            run(source, target)
            taken.append(list(turns(target)))
        return taken


def table(taken: list[list[Turn]]) -> str:
    """Medians of the runs, of the mean of the cells in each range."""
    lines = ["| cells | ms each | inside the kernel | until it has the next |", "|---|---|---|---|"]
    for first, last in itertools.pairwise(_EDGES):
        parts = [run[first:last] for run in taken if run[first:last]]
        if not parts:
            break
        inside = statistics.median(statistics.fmean(t.inside for t in part) for part in parts)
        between = statistics.median(statistics.fmean(t.between for t in part) for part in parts)
        each = f"{inside + between:.2f} | {inside:.2f} | {between:.2f}"
        lines.append(f"| {first + 1} to {last} | {each} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(measure()))
