"""Turns: each measurement in a fresh process, runners one after the other, round after round."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any, TypeVar

import psutil

ROOT = Path(__file__).parents[1]
_END_SECONDS = 10.0
_Value = TypeVar("_Value", float, list[float])
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
        longest: Seconds that a turn may take.
    """

    folder: Path
    repetitions: int = 5
    quick: bool = False
    longest: float = 600.0
    tell: Callable[[str], None] = print

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full

    def rounds(
        self,
        turns: Mapping[str, Callable[[], _Value]],
        *,
        at_most: int | None = None,
        rehearse: bool = False,
    ) -> dict[str, list[_Value]]:
        """Take all turns once a round; ``rehearse`` adds a round that does not count.

        A round in which a turn fails does not count either, as neighbours are compared.

        Raises:
            subprocess.SubprocessError: There was no round without that.
        """
        taken: dict[str, list[_Value]] = {name: [] for name in turns}
        counted = min(self.repetitions, at_most or self.repetitions)
        rehearsals = 1 if rehearse and not self.quick else 0
        failure = None
        for number in range(-rehearsals, counted):
            try:
                values = {name: turn() for name, turn in turns.items()}
            except subprocess.SubprocessError as error:
                failure = error
                self.tell(f"  {number + 1}/{counted} left out: {explained(error)}")
                continue
            if number >= 0:
                for name, value in values.items():
                    taken[name].append(value)
                    self.tell(f"  {number + 1}/{counted} {name}: {_shown(value)}")
        if failure is not None and not any(taken.values()):
            raise failure
        return taken

    def turn(self, name: str, **arguments: Any) -> list[float]:
        """What a function of ``turns`` says in a process of its own.

        Raises:
            subprocess.SubprocessError: It failed, or took too long.
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
        # A file, as a pipe would be held open by whatever a peer has left running.
        with tempfile.TemporaryFile("w+", errors="replace") as said:
            process = subprocess.Popen(
                words,
                cwd=cwd,
                env={**os.environ, **_QUIET, "PYTHONPATH": path},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
            )
            try:
                status = process.wait(self.longest)
            finally:
                _end(process)
            if status != 0:
                said.seek(0)
                raise subprocess.CalledProcessError(status, words, stderr=said.read())


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process with all it has started, unless it has exited."""
    if process.poll() is None:
        started = psutil.Process(process.pid).children(recursive=True)
        for one in started:
            with contextlib.suppress(psutil.Error):
                one.kill()
        process.kill()
        process.wait()
        psutil.wait_procs(started, timeout=_END_SECONDS)


def explained(error: Exception) -> str:
    """What went wrong, and the last lines that the process has written."""
    said = str(getattr(error, "stderr", None) or "").strip().splitlines()
    return " / ".join([str(error), *said[-3:]])


def _shown(value: float | list[float]) -> str:
    return " ".join(f"{one:.4g}" for one in ([value] if isinstance(value, float) else value))


def ratios(ours: Iterable[float], theirs: Iterable[float]) -> list[float]:
    """Round by round, because what disturbs a machine disturbs neighbours alike."""
    return [mine / other for mine, other in zip(ours, theirs, strict=True)]


def column(samples: Mapping[str, Sequence[Sequence[float]]], index: int) -> dict[str, list[float]]:
    """One of the values that each turn has taken."""
    return {name: [values[index] for values in taken] for name, taken in samples.items()}


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The power of the size that the seconds grow with: the slope of their logarithms."""
    # What was too quick to be told from the fixed cost counts as a thousandth of a second.
    slope, _ = statistics.linear_regression(
        [log(size) for size in sizes], [log(max(second, 0.001)) for second in seconds]
    )
    return slope
