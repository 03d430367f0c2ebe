"""Events of a run that goes on: kept within bounds, read from a cursor on, told in few words."""

from __future__ import annotations

import gc
import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from notebook_executor.execution.accounts import account, standing
from notebook_executor.execution.cancelling import Cancellation, RunCancelledError
from notebook_executor.execution.crew import Crew
from notebook_executor.execution.event_log import EventLog
from notebook_executor.models import Event


def event(kind: Any = "output", cell_id: str = "a", index: int | None = 3, **data: Any) -> Event:
    now = datetime.now(UTC)
    return Event(kind=kind, run_id="r", at=now, index=index, cell_id=cell_id, data=data)


def printed(text: str) -> Event:
    return event(output_type="stream", name="stdout", text=text)


def test_a_cursor_names_what_comes_next() -> None:
    log = EventLog()
    assert log.since(0) == ((), 0, 0)
    log.append(printed("one"))
    log.append(printed("two"))

    events, cursor, missed = log.since(1)

    assert [item.data["text"] for item in events] == ["two"]
    assert (cursor, missed) == (2, 0)
    assert log.since(cursor) == ((), 2, 0)
    assert log.since(999) == ((), 2, 0)


def test_the_oldest_events_go_and_are_counted() -> None:
    log = EventLog()
    for number in range(10_500):
        log.append(printed(str(number)))

    events, cursor, missed = log.since(100)

    assert (len(events), cursor, missed) == (10_000, 10_500, 400)
    assert events[0].data["text"] == "500"


def test_long_texts_do_not_fill_the_memory() -> None:
    log = EventLog()
    for _ in range(1000):
        log.append(printed("x" * 1_000_000))

    events, _, missed = log.since(0)

    assert missed > 0
    assert sum(len(item.data["text"]) for item in events) <= 4_000_000
    assert all(len(item.data["text"]) <= 20_000 for item in events)


def test_waiting_ends_with_an_event_or_with_the_log() -> None:
    log = EventLog()
    assert not log.wait(0, timeout=0.01)
    threading.Timer(0.01, log.append, [printed("now")]).start()
    assert log.wait(0)
    threading.Timer(0.01, log.close).start()
    assert not log.wait(1)


@pytest.mark.parametrize("budget", [0, 1, 5, 20, 60, 200, 4000])
def test_an_account_keeps_its_budget(budget: int) -> None:
    told = account("running: run r\n" * 20, [printed("line\n" * 1000)], 12_345, 7, budget)

    assert len(told) <= budget
    assert told.cursor == 12_345
    if budget >= 60:
        assert told.endswith("cursor: 12345")


def test_an_account_says_what_is_new() -> None:
    events = [
        event("run_started", cells=2),
        event("cell_started", source="x = 1\ny = 2"),
        printed("half a "),
        printed("line\n\x1b[31mred\x1b[0m"),
        event(output_type="execute_result", name=None, text="42"),
        event("cell_finished", status="ok", duration_seconds=1.25),
        event("warning", message="mind\nthis"),
    ]

    told = account("running: run r", events, 7, 2, 4000)

    assert told.splitlines() == [
        "running: run r",
        "new:",
        "(2 earlier events are not kept)",
        "2 cells to run",
        "half a line",
        "red",
        "42",
        "[3] ok in 1.2 s",
        "warning: mind this",
        "cursor: 7",
    ]


def test_the_running_cell_is_named() -> None:
    begun = event("cell_started", source="\nx = 1\ny = 2")
    assert standing("r", "running", [begun]) == "running: run r\ncell 3 runs: x = 1"
    done = event("cell_finished", status="ok", duration_seconds=1)
    assert standing("r", "running", [begun, done]) == "running: run r"
    injected = event("cell_started", index=None, source="x = 1")
    assert "cell parameters runs" in standing("r", "running", [injected])


def test_a_cancellation_tells_those_who_listen_once() -> None:
    cancellation = Cancellation()
    told: list[str] = []
    cancellation.check()
    with cancellation.told_to(lambda: told.append("first")):
        cancellation.cancel("enough")
        cancellation.cancel("more than enough")
    with cancellation.told_to(lambda: told.append("late")):
        pass

    assert told == ["first", "late"]
    assert cancellation.reason == "enough"
    with pytest.raises(RunCancelledError):
        cancellation.check()


class Errand:
    """A job that lasts until it is cancelled."""

    def __init__(self) -> None:
        self.begun, self.over = threading.Event(), threading.Event()
        self.reason = ""

    def carry_out(self) -> None:
        self.begun.set()
        self.over.wait()

    def cancel(self, reason: str) -> None:
        self.reason = reason
        self.over.set()


def test_a_crew_does_so_many_jobs_at_once_and_ends_them_all() -> None:
    finished = threading.Event()
    crew = Crew(2, finished.set)
    waiting = [Errand() for _ in range(4)]
    for errand in waiting:
        crew.queue(errand)
    beside = Errand()
    crew.begin(beside)
    for errand in (*waiting[:2], beside):
        assert errand.begun.wait(60)
    assert not waiting[2].begun.is_set()

    waiting[0].cancel("done")
    assert waiting[2].begun.wait(60)
    assert not waiting[3].begun.is_set()
    crew.close()

    assert finished.is_set()
    assert {errand.reason for errand in (*waiting[1:], beside)} == {"its executor was closed"}


def test_an_abandoned_crew_finishes_when_its_jobs_have() -> None:
    finished = threading.Event()
    crew = Crew(1, finished.set)
    errand = Errand()
    crew.queue(errand)
    assert errand.begun.wait(60)

    crew.abandon()
    del crew
    gc.collect()

    assert errand.over.is_set()
    assert finished.wait(60)
