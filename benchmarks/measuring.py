"""Turns: each measurement in a fresh process, runners one after the other, round after round."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_LONGEST = 600.0
# ploomber-engine reports each run to a server unless it is told not to.
_QUIET = {"PLOOMBER_STATS_ENABLED": "false", "PLOOMBER_VERSION_CHECK_DISABLED": "true"}


@dataclass(frozen=True)
class Row:
    """One target and what was measured for it.

    Attributes:
        target: The target in words.
        limit: The largest figure that reaches it.
        figures: What the target is about, one of each round.
        samples: In ``unit``, for each runner, one of each round.
        note: What a reader must know to judge the figure.
    """

    name: str
    title: str
    target: str
    limit: float
    figures: Sequence[float]
    samples: Mapping[str, Sequence[float]]
    unit: str = "s"
    note: str = ""

    @property
    def figure(self) -> float:
        return statistics.median(self.figures)

    @property
    def reached(self) -> bool:
        return self.figure <= self.limit


@dataclass(frozen=True)
class Bench:
    """Where and how often is measured.

    Attributes:
        folder: For the notebooks; its owner removes it.
        repetitions: Rounds of each row.
        quick: Everything small, to see that it works; the figures mean nothing.
    """

    folder: Path
    repetitions: int = 5
    quick: bool = False
    tell: Callable[[str], None] = print

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full

    def rounds(
        self,
        turns: Mapping[str, Callable[[], float]],
        *,
        at_most: int | None = None,
        rehearse: bool = False,
    ) -> dict[str, list[float]]:
        """Take all turns once a round; ``rehearse`` adds a round that does not count."""
        taken: dict[str, list[float]] = {name: [] for name in turns}
        counted = min(self.repetitions, at_most or self.repetitions)
        rehearsals = 1 if rehearse and not self.quick else 0
        for number in range(-rehearsals, counted):
            for name, turn in turns.items():
                value = turn()
                if number >= 0:
                    taken[name].append(value)
                    self.tell(f"  {number + 1}/{counted} {name}: {value:.4g}")
        return taken

    def turn(self, name: str, **arguments: Any) -> list[float]:
        """What a function of ``turns`` says in a process of its own.

        Raises:
            subprocess.SubprocessError: It failed, or took more than ten minutes.
        """
        answer = self.folder / "answer.json"
        answer.unlink(missing_ok=True)
        words = ["-m", "benchmarks.turns", str(answer), name, json.dumps(arguments)]
        self._run([sys.executable, *words], ROOT)
        values: list[float] = json.loads(answer.read_text(encoding="utf-8"))
        return values

    def command(self, *words: str) -> float:
        """Seconds that a command takes; one of this interpreter's scripts, or a path."""
        script = Path(sys.executable).with_name(words[0])
        began = time.perf_counter()
        self._run([str(script), *words[1:]], self.folder)
        return time.perf_counter() - began

    def _run(self, words: list[str], cwd: Path) -> None:
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        subprocess.run(
            words,
            cwd=cwd,
            env={**os.environ, **_QUIET, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=True,
            timeout=_LONGEST,
        )


def ratios(ours: Iterable[float], theirs: Iterable[float]) -> list[float]:
    """Round by round, because what disturbs a machine disturbs neighbours alike."""
    return [mine / other for mine, other in zip(ours, theirs, strict=True)]


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The power of the size that the seconds grow with: the slope of their logarithms."""
    # What was too quick to be told from the fixed cost counts as a thousandth of a second.
    slope, _ = statistics.linear_regression(
        [log(size) for size in sizes], [log(max(second, 0.001)) for second in seconds]
    )
    return slope
