"""A scheduler with thousands of entries, none of which runs: the time of its turns, its memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from notebook_executor.backends.local import LocalBackend
from notebook_executor.config import Settings
from notebook_executor.schedule.attempts import Workshop
from notebook_executor.schedule.clock import Clock
from notebook_executor.schedule.entry_files import EntryFiles
from notebook_executor.schedule.scheduler import Scheduler
from notebook_executor.schedule.state import State

_START = datetime(2026, 3, 1, 12, tzinfo=UTC)
_A_FILE = 100
_TURNS = 50
_ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu")


@dataclass(frozen=True)
class _Stepped(Clock):
    """A clock that shows what it was set to."""

    hand: list[datetime] = field(default_factory=lambda: [_START])

    def now(self) -> datetime:
        return self.hand[0]


def write_entries(folder: Path, count: int) -> None:
    """Files of entries that are due once a day, all at different times, an hour from noon on."""
    folder.mkdir(parents=True)
    for first in range(0, count, _A_FILE):
        lines = [
            f"- name: entry-{number}\n"
            f"  schedule: {number % 60} {number // 60 % 24} * * *\n"
            f"  timezone: {_ZONES[number % len(_ZONES)]}\n"
            f"  path: notebooks/entry_{number}.ipynb\n"
            "  parameters: {run_id: '{{date}}', threshold: 0.9}\n"
            for number in range(first, min(first + _A_FILE, count))
        ]
        (folder / f"entries-{first}.yaml").write_text("".join(lines))


class _Paused(State):
    """Has every entry paused."""

    names: tuple[str, ...] = ()

    def paused(self) -> dict[str, str]:
        return dict.fromkeys(self.names, "")


@contextmanager
def _scheduler(root: Path, clock: Clock) -> Iterator[tuple[Scheduler, EntryFiles, _Paused]]:
    files = EntryFiles([root / "schedules"], print)
    state = _Paused(root / "state")
    with state:
        workshop = Workshop(root, Settings(), state, LocalBackend())
        with Scheduler(
            workshop, clock=clock, at_once=2, tell=print, aftermath=lambda *_: ()
        ) as scheduler:
            yield scheduler, files, state


def turn_seconds(root: Path, entries: int) -> list[float]:
    """Seconds of a turn of ``nbx schedule serve`` in which nothing is due; and until the first."""
    write_entries(root / "schedules", entries)
    clock = _Stepped()
    with _scheduler(root, clock) as (scheduler, files, _):
        began = time.perf_counter()
        scheduler.load(files.changed() or [])
        loaded = time.perf_counter() - began
        taken = []
        for _ in range(_TURNS):
            clock.hand[0] += timedelta(seconds=0.1)
            began = time.perf_counter()
            assert files.changed() is None
            scheduler.turn(clock.now())
            scheduler.seconds_to_next(2.0)
            taken.append(time.perf_counter() - began)
    return [median(taken), loaded]


def month_memory(root: Path, entries: int, days: int) -> list[float]:
    """Bytes of this process after each simulated day; all entries are paused, so none runs."""
    write_entries(root / "schedules", entries)
    clock = _Stepped()
    sizes: list[float] = []
    with _scheduler(root, clock) as (scheduler, files, state):
        scheduler.load(files.changed() or [])
        state.names = tuple(f"entry-{number}" for number in range(entries))
        for hour in range(1, 24 * days + 1):
            clock.hand[0] = _START + timedelta(hours=hour)
            scheduler.turn(clock.now())
            if hour % 24 == 0:
                sizes.append(_resident())
    return sizes


def _resident() -> float:
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))
