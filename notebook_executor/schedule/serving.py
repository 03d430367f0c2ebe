"""The two ways in which a scheduler is used: once, and for good."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

from notebook_executor.schedule.claims import Claim
from notebook_executor.schedule.clock import Clock
from notebook_executor.schedule.entry import Entry
from notebook_executor.schedule.entry_files import EntryFiles
from notebook_executor.schedule.scheduler import Scheduler
from notebook_executor.schedule.systemd import ServiceManager
from notebook_executor.schedule.waking import Wakeup

_LOOK = 2.0  # seconds between two looks at the files, and at a clock that may be set
_BEAT = 60.0  # seconds between two heartbeats
_LOOK_AT_WORK = 0.25  # while a run may end, or somebody may ask it to


class Stop:
    """Whether a signal has asked the scheduler to end; the handler of such signals.

    Attributes:
        signals: How many have.
        signal: The first of them.
    """

    def __init__(self) -> None:
        self.signals = 0
        self.signal: int | None = None
        self._wakeup: Wakeup | None = None

    @contextmanager
    def waking(self, wakeup: Wakeup) -> Iterator[None]:
        """Within the block, have a signal end a wait."""
        self._wakeup = wakeup
        try:
            yield
        finally:
            self._wakeup = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.signal = self.signal or number
        self.signals += 1
        if (wakeup := self._wakeup) is not None:
            wakeup.wake()


def tick(scheduler: Scheduler, entries: Iterable[Entry], clock: Clock, stop: Stop) -> None:
    """Run what is due, with its retries, and wait for it.

    Blocks until all that this has begun is over, and what of others had to be seen to. Asked to
    stop, it cancels its runs, and what they have done by then is saved.
    """
    horizon = clock.now()
    scheduler.load(entries)
    scheduler.turn(horizon)
    with stop.waking(scheduler.wakeup):
        while not (scheduler.idle or stop.signals):
            scheduler.wakeup.wait(scheduler.seconds_to_next(_LOOK_AT_WORK))
            scheduler.turn(horizon)
    scheduler.beat()
    scheduler.stop()


def run_by_hand(scheduler: Scheduler, entry: Entry, stop: Stop) -> list[Claim]:
    """Run an entry now, with its retries, and wait for it.

    Returns:
        Runs of the entry that are in its way; none if it could run.
    """
    claimed = scheduler.run_now(entry)
    with stop.waking(scheduler.wakeup):
        while not (stop.signals or (isinstance(claimed, Claim) and scheduler.idle)):
            if isinstance(claimed, list) and not scheduler.awaits(entry, claimed):
                return claimed
            scheduler.wakeup.wait(scheduler.seconds_to_next(_LOOK_AT_WORK))
            scheduler.see_to_live()
            if not isinstance(claimed, Claim):
                claimed = scheduler.run_now(entry)
    scheduler.stop()
    return []


def serve(
    scheduler: Scheduler,
    files: EntryFiles,
    clock: Clock,
    stop: Stop,
    manager: ServiceManager,
    grace: float,
) -> None:
    """Run what is due, when it is, until asked to stop.

    Then nothing new is begun; what runs may go on for the grace, or until it is asked again, and is
    cancelled and recorded after that.

    Args:
        scheduler: Does it.
        files: What there is to do; looked at again every two seconds.
        clock: The scheduler's.
        stop: Asks it to stop.
        manager: Told how it stands.
        grace: Seconds.
    """
    beaten = -math.inf
    with stop.waking(scheduler.wakeup):
        while not stop.signals:
            if (entries := files.changed()) is not None:
                scheduler.load(entries)
                manager.ready(f"{len(entries)} entries")
            scheduler.turn(clock.now())
            if time.monotonic() - beaten >= _BEAT:
                scheduler.beat()
                beaten = time.monotonic()
            manager.alive()
            patience = _LOOK_AT_WORK if scheduler.jobs.count else _LOOK
            scheduler.wakeup.wait(manager.patience(scheduler.seconds_to_next(patience)))
        manager.stopping()
        deadline = time.monotonic() + grace
        while scheduler.jobs.count and stop.signals < 2 and time.monotonic() < deadline:
            scheduler.obey()
            manager.alive()
            left = max(0.0, deadline - time.monotonic())
            scheduler.wakeup.wait(manager.patience(min(_LOOK_AT_WORK, left)))
    scheduler.stop()
