"""What the watchdog tells the keeper, and when it acts, on a handle that notes what it is told."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from notebook_executor.config import Settings
from notebook_executor.execution.watchdog import Watchdog

_SETTINGS = Settings(interrupt_grace=0.05, terminate_grace=0.05)
_GRACES_AND_LATENESS = 0.1 + 1.0
_MOST_SPARE = 5.0


@dataclass
class _Handle:
    busy: bool = False
    alive: bool = True
    told: list[float | None] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    killed: threading.Event = field(default_factory=threading.Event)

    def interrupt(self) -> None:
        self.done.append("interrupt")

    def terminate(self) -> None:
        self.done.append("terminate")

    def kill(self) -> None:
        self.done.append("kill")
        self.killed.set()

    def set_deadline(self, at: float | None) -> None:
        self.told.append(at)


def test_many_short_cells_are_one_message_to_the_keeper_and_the_end_another() -> None:
    handle = _Handle()
    first = time.monotonic()

    with Watchdog(handle, 300, None, _SETTINGS) as watchdog:
        for _ in range(500):
            earliest = time.monotonic() + 300 + _GRACES_AND_LATENESS
            with watchdog.cell() as allowed:
                latest = time.monotonic() + 300 + _GRACES_AND_LATENESS
                assert allowed
                told = handle.told[-1]
                assert told is not None
                assert earliest - 0.001 <= told <= latest + _MOST_SPARE

    assert handle.told[-1] is None
    # Another one when the spare time is used up, which a machine that stands still takes.
    assert len(handle.told) <= 2 + (time.monotonic() - first) / _MOST_SPARE
    assert handle.done == []


def test_a_run_deadline_stays_with_the_keeper_after_the_last_cell() -> None:
    handle = _Handle()
    run_deadline = time.monotonic() + 1000

    with Watchdog(handle, 1, run_deadline, _SETTINGS) as watchdog:
        with watchdog.cell():
            during = handle.told[-1]
        assert during is not None
        assert during < run_deadline

    after = handle.told[-1]
    assert after is not None
    assert after >= run_deadline + _GRACES_AND_LATENESS


def test_between_cells_the_keeper_is_called_off_before_it_acts() -> None:
    handle = _Handle()

    with Watchdog(handle, 1.5, None, _SETTINGS) as watchdog:
        with watchdog.cell():
            pass
        deadline = time.monotonic() + 60
        while handle.told[-1] is not None and time.monotonic() < deadline:
            threading.Event().wait(0.01)
        assert handle.told[-1] is None
        with watchdog.cell() as allowed:
            assert allowed

    assert handle.done == []


def test_a_later_cell_is_ended_in_its_own_time() -> None:
    handle = _Handle()

    with Watchdog(handle, 3, None, _SETTINGS) as watchdog:
        for _ in range(3):
            with watchdog.cell():
                handle.killed.wait(1.2)
        assert handle.done == []
        began = time.monotonic()
        with watchdog.cell():
            assert handle.killed.wait(60)
        assert time.monotonic() - began >= 3
        fired = watchdog.fired

    assert fired is not None
    assert (fired.kind, fired.signal) == ("cell_timeout", "SIGKILL")
    assert handle.done == ["interrupt", "terminate", "kill"]
