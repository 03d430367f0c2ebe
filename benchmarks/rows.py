"""What is measured: a function for each row, which says how, and what the target is."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.measuring import Bench, Row, column, exponent, ratios
from benchmarks.notebooks import (
    write_meeting,
    write_printing_cells,
    write_printing_loop,
    write_two_cells,
)
from benchmarks.runners import OURS, RUNNERS

_MIB = 1024 * 1024
_TENTH = "at most 1/10 of papermill"


def two_cells(bench: Bench) -> Iterator[Row]:
    notebook = str(write_two_cells(bench.folder))
    times = {OURS: bench.size(100, 2), "ploomber_engine": bench.size(100, 2)}

    def turn(runner: str) -> float:
        count = times.get(runner, bench.size(5, 1))
        return bench.turn(
            "again_and_again", runner=runner, notebook=notebook, times=count, warm=True
        )[0]

    samples = bench.rounds({runner: partial(turn, runner) for runner in RUNNERS})
    yield Row(
        "two_cells",
        f"two cells, one of {times[OURS]} runs back to back, kernels warm",
        _TENTH,
        0.1,
        ratios(samples[OURS], samples["papermill"]),
        samples,
    )


def first_run(bench: Bench) -> Iterator[Row]:
    notebook = str(write_two_cells(bench.folder))
    taken = bench.rounds(
        {
            runner: partial(bench.turn, "first", runner=runner, notebook=notebook)
            for runner in RUNNERS
        },
        rehearse=True,
    )
    samples, alone = column(taken, 0), column(taken, 1)
    imported = ratios(alone[OURS], alone["papermill"])
    yield Row(
        "first_run",
        "two cells, the first run in a process, imports included",
        "at most papermill",
        1.0,
        ratios(samples[OURS], samples["papermill"]),
        samples,
        note=f"{median(imported):.2f} without `import papermill` and ours",
    )


def cells_200(bench: Bench) -> Iterator[Row]:
    count = bench.size(200, 10)
    notebook = str(write_printing_cells(bench.folder, count))

    def turn(runner: str) -> float:
        return bench.turn("again_and_again", runner=runner, notebook=notebook, times=1, warm=True)[
            0
        ]

    samples = bench.rounds({runner: partial(turn, runner) for runner in RUNNERS})
    yield Row(
        "cells_200",
        f"{count} cells printing 1 kB, kernels warm",
        _TENTH,
        0.1,
        ratios(samples[OURS], samples["papermill"]),
        samples,
    )


def growth(bench: Bench) -> Iterator[Row]:
    # papermill's cost is quadratic: 2,000 cells would take it ten minutes.
    sizes = {
        OURS: [bench.size(100, 5), bench.size(500, 10), bench.size(2000, 20)],
        "papermill": [bench.size(50, 5), bench.size(100, 10), bench.size(200, 20)],
    }
    small = str(write_printing_cells(bench.folder, 1))

    def turn(runner: str) -> float:
        notebooks = [str(write_printing_cells(bench.folder, size)) for size in sizes[runner]]
        seconds = bench.turn("one_after_the_other", runner=runner, small=small, notebooks=notebooks)
        return exponent(sizes[runner], seconds)

    samples = bench.rounds({runner: partial(turn, runner) for runner in sizes})
    first, *_, last = sizes[OURS]
    yield Row(
        "growth",
        f"growth of the time from {first} to {last} cells, less that of one cell",
        "exponent at most 1.05",
        1.05,
        samples[OURS],
        samples,
        unit="exponent",
        note=f"papermill: from {sizes['papermill'][0]} to {sizes['papermill'][-1]} cells",
    )


def memory(bench: Bench) -> Iterator[Row]:
    large = bench.size(200 * 1000**2, 10**6)
    several = bench.size(20, 2)
    notebooks = {
        f"{bench.size(2000, 20)} cells": write_printing_cells(bench.folder, bench.size(2000, 20)),
        f"{large // 10**6} MB from {several} cells": write_printing_cells(
            bench.folder, several, large // several
        ),
        f"{large // 10**6} MB from one cell": write_printing_loop(bench.folder, large),
    }
    for what, notebook in notebooks.items():
        yield _memory_row(bench, what, notebook)


def _memory_row(bench: Bench, what: str, notebook: Path) -> Row:
    small = str(write_two_cells(bench.folder))

    def turn(runner: str) -> list[float]:
        grown, kept = bench.turn("memory", runner=runner, small=small, notebook=str(notebook))
        return [grown / _MIB, (2 * kept + 50e6) / _MIB]

    taken = bench.rounds(
        {runner: partial(turn, runner) for runner in (OURS, "nbclient")}, at_most=3
    )
    samples, allowed = column(taken, 0), column(taken, 1)[OURS]
    return Row(
        "memory",
        f"host memory above start, {what}",
        "at most twice the notebook + 50 MB",
        1.0,
        ratios(samples[OURS], allowed),
        samples,
        unit="MiB",
        note=f"{median(allowed):.0f} MiB were allowed",
    )


def many(bench: Bench) -> Iterator[Row]:
    notebook = str(write_two_cells(bench.folder))
    count, workers = bench.size(64, 4), bench.size(4, 2)

    def turn(runner: str) -> list[float]:
        seconds, failed = bench.turn(
            "many", runner=runner, notebook=notebook, count=count, workers=workers
        )
        # What a runner has not finished took part of its time all the same.
        return [seconds * count / (count - failed), failed]

    taken = bench.rounds({runner: partial(turn, runner) for runner in (OURS, "papermill")})
    samples = column(taken, 0)
    lost = {runner: int(sum(failed)) for runner, failed in column(taken, 1).items()}
    runs = count * len(samples[OURS])
    yield Row(
        "many",
        f"{count} notebooks of two cells, {workers} at a time; papermill in a process pool",
        _TENTH,
        0.1,
        ratios(samples[OURS], samples["papermill"]),
        samples,
        note="; ".join(
            f"{lost[name]} of {runs} runs of {name} failed" for name in lost if lost[name]
        ),
    )


def idle_kernels(bench: Bench) -> Iterator[Row]:
    count = bench.size(8, 2)

    def turn(warm: bool) -> float:
        place = bench.folder / f"meeting-{len(list(bench.folder.glob('meeting-*')))}"
        place.mkdir()
        notebooks = [str(write_meeting(place, str(number), count)) for number in range(count)]
        return median(bench.turn("shares", notebooks=notebooks, warm=warm)) / _MIB

    samples = bench.rounds({OURS: partial(turn, True), "cold": partial(turn, False)})
    yield Row(
        "idle_kernels",
        f"memory (PSS) of one of {count} idle kernels, warm",
        "at most 1/3 of a cold one",
        1 / 3,
        ratios(samples[OURS], samples["cold"]),
        samples,
        unit="MiB",
    )


def command_line(bench: Bench) -> Iterator[Row]:
    notebook = write_two_cells(bench.folder).name
    samples = bench.rounds(
        {
            OURS: lambda: bench.command("nbx", "run", notebook, "out.ipynb"),
            "papermill": lambda: bench.command("papermill", notebook, "other.ipynb"),
        },
        rehearse=True,
    )
    yield Row(
        "command_line",
        "`nbx run` of two cells, cold",
        "at most 1/2 of `papermill`",
        0.5,
        ratios(samples[OURS], samples["papermill"]),
        samples,
    )


def imports(bench: Bench) -> Iterator[Row]:
    construct = "from notebook_executor import NotebookExecutor; NotebookExecutor()"
    samples = bench.rounds(
        {
            OURS: lambda: bench.command("python", "-c", construct),
            "papermill": lambda: bench.command("python", "-c", "import papermill"),
        },
        rehearse=True,
    )
    yield Row(
        "imports",
        "import `NotebookExecutor` and construct one",
        "at most 1/4 of `import papermill`",
        0.25,
        ratios(samples[OURS], samples["papermill"]),
        samples,
    )


def teardown(bench: Bench) -> Iterator[Row]:
    def turn(host_view: bool) -> float:
        return 1000 * bench.turn("teardown", host_view=host_view)[0]

    samples = bench.rounds({"subreaper": partial(turn, True), "namespace": partial(turn, False)})
    yield Row(
        "teardown",
        "from a kernel's exit until its tree of 5 is proven to be gone",
        "at most 100 ms",
        100.0,
        [max(both) for both in zip(*samples.values(), strict=True)],
        samples,
        unit="ms",
    )


def tool_calls(bench: Bench) -> Iterator[Row]:
    count = bench.size(1_000, 20)
    bare: list[float] = []
    rates: list[float] = []

    def turn() -> float:
        call, echo, rate = bench.turn("calls", count=count, threads=8)
        bare.append(1000 * echo)
        rates.append(rate)
        return 1000 * call

    samples = {**bench.rounds({OURS: turn}), "bare echo": bare}
    yield Row(
        "tool_calls",
        "a tool call from a notebook, against an echo over a Unix socket",
        "at most 3 times the echo",
        3.0,
        ratios(samples[OURS], bare),
        samples,
        unit="ms",
        note=f"{median(rates):,.0f} calls a second from 8 threads",
    )


def schedule_turn(bench: Bench) -> Iterator[Row]:
    entries = bench.size(10_000, 200)
    read: list[float] = []

    def turn() -> float:
        seconds, before = bench.turn("schedule_turn", folder=_fresh(bench), entries=entries)
        read.append(before)
        return 1000 * seconds

    samples = bench.rounds({OURS: turn})
    yield Row(
        "schedule_turn",
        f"a turn of `nbx schedule serve` with {entries:,} entries, nothing due",
        "at most 150 ms",
        150.0,
        samples[OURS],
        samples,
        unit="ms",
        note=f"{median(read):.1f} s before, to read the files",
    )


def schedule_month(bench: Bench) -> Iterator[Row]:
    entries, days = bench.size(10_000, 100), bench.size(31, 3)

    def turn() -> float:
        sizes = bench.turn("schedule_month", folder=_fresh(bench), entries=entries, days=days)
        return (sizes[-1] - sizes[0]) / _MIB

    samples = bench.rounds({OURS: turn}, at_most=1)
    yield Row(
        "schedule_month",
        f"memory a scheduler of {entries:,} entries has grown by after {days} simulated days",
        "at most 1 MiB",
        1.0,
        samples[OURS],
        samples,
        unit="MiB",
        note="since the end of the first day",
    )


def review(bench: Bench) -> Iterator[Row]:
    count, seconds = bench.size(20, 2), 1.0 if not bench.quick else 0.02

    def turn() -> list[float]:
        return bench.turn("review", folder=_fresh(bench), count=count, seconds=seconds)

    samples = bench.rounds({OURS: turn})
    taken, own = (column(samples, place)[OURS] for place in (0, 1))
    workers = os.cpu_count() or 1
    allowed = [1.2 * cells / workers + 2 for cells in own]
    yield Row(
        "review",
        f"a review of {count} notebooks whose cells take {seconds:g} s each, {workers} at a time",
        f"at most 1.2 times the cells' own seconds / {workers} + 2 s",
        1.0,
        ratios(taken, allowed),
        {OURS: taken},
        note=f"{median(allowed):.1f} s were allowed; imports and the first kernel included",
    )


def _fresh(bench: Bench) -> str:
    return tempfile.mkdtemp(dir=bench.folder)


ROWS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    row.__name__: row
    for row in (
        two_cells,
        first_run,
        cells_200,
        growth,
        memory,
        many,
        idle_kernels,
        command_line,
        imports,
        teardown,
        tool_calls,
        schedule_turn,
        schedule_month,
        review,
    )
}
