"""A run that goes on by itself, and the handle by which it is followed and ended."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Literal

from notebook_executor.backends.protocol import Backend
from notebook_executor.errors import UsageError
from notebook_executor.execution.accounts import Account, account, standing
from notebook_executor.execution.cancelling import Cancellation
from notebook_executor.execution.event_log import EventLog
from notebook_executor.execution.run import Begun, run_notebook
from notebook_executor.models import Event, ExecutionResult

RunState = Literal["queued", "running", "finished"]


class RunJob:
    """One run as a crew carries it out."""

    def __init__(self, begun: Begun, backend: Backend) -> None:
        self.begun = begun
        self.log = EventLog()
        self.state: RunState = "queued"
        self.owner = os.getpid()
        self._backend = backend
        self._cancellation = Cancellation()
        self._changed = threading.Condition()
        self._result: ExecutionResult | None = None
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[], None]] = []

    def carry_out(self) -> None:
        with self._changed:
            if self.state != "queued":
                return
            self.state = "running"
        begun = replace(self.begun, plan=self.begun.plan.starting_now())
        try:
            self._result = run_notebook(begun, self._backend, self._cancellation, self.log.append)
        except BaseException as error:  # what a callback raised to end the run with
            self._error = error
        self.log.close()
        with self._changed:
            self.state = "finished"
            callbacks = tuple(self._callbacks)
            self._changed.notify_all()
        for callback in callbacks:
            callback()

    def cancel(self, reason: str) -> None:
        self._cancellation.cancel(reason)

    def wait(self, timeout: float | None) -> bool:
        if self.owner != os.getpid():
            raise UsageError(
                f"The run {self.begun.plan.run_id} goes on in process {self.owner}, not here",
                hint="A run can be awaited in the process that has started it.",
            )
        with self._changed:
            return self._changed.wait_for(lambda: self.state == "finished", timeout)

    def when_finished(self, callback: Callable[[], None]) -> None:
        """Call back when it is over, on the run's thread; now, if it is."""
        with self._changed:
            if self.state != "finished":
                self._callbacks.append(callback)
                return
        callback()

    def outcome(self) -> ExecutionResult:
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result


class Run:
    """A run that goes on by itself; ``NotebookExecutor.start`` makes it, and guarantees its end.

    All methods may be called from any thread of the process that started it. The run is cancelled
    when its executor is closed, when the process exits, and when neither the run nor its executor
    is held any more.
    """

    def __init__(self, job: RunJob, executor: object) -> None:
        self._job = job
        # As long as somebody holds the run, the executor must not be collected.
        self._executor = executor

    @property
    def id(self) -> str:
        """The run's id, under which it is recorded."""
        return self._job.begun.plan.run_id

    @property
    def state(self) -> RunState:
        """``queued`` while as many others go on as the setting ``started_runs`` allows."""
        return self._job.state

    def wait(self, timeout: float | None = None) -> bool:
        """Block until the run is over and its kernel is gone, at most ``timeout`` seconds.

        Returns:
            Whether it is over.
        """
        return self._job.wait(timeout)

    def result(self) -> ExecutionResult:
        """The run's result; blocks until there is one."""
        self._job.wait(None)
        return self._job.outcome()

    def cancel(self, reason: str = "cancel() was called") -> None:
        """End the run: its cell is interrupted, then killed; what it has computed is saved.

        Returns at once: ``wait`` tells when the kernel is gone. The result's ``error.kind`` is
        ``cancelled``, unless the run was over before. A queued run is over when this returns.

        Args:
            reason: Goes into the error's message; of several the first.
        """
        if not isinstance(reason, str):
            raise TypeError(f"reason must be str, not {type(reason).__name__}")
        self._job.cancel(reason)
        if self._job.owner == os.getpid():
            self._job.carry_out()  # nothing, unless it is still queued

    def poll(self, since: int = 0) -> tuple[tuple[Event, ...], int]:
        """The events from a cursor on, and the cursor after them; never blocks.

        The newest 10,000 are kept, of long texts head and tail.

        Args:
            since: 0, or the cursor of an earlier call.
        """
        events, cursor, _ = self._job.log.since(_checked(since))
        return events, cursor

    def events(self, since: int = 0) -> Iterator[Event]:
        """The events as they come, until the run is over; blocks in between."""
        cursor = _checked(since)
        while self._job.log.wait(cursor):
            fresh, cursor, _ = self._job.log.since(cursor)
            yield from fresh

    def for_llm(self, max_chars: int = 4000, since: int = 0) -> Account:
        """How the run stands and what is new, in at most ``max_chars`` characters.

        Args:
            max_chars: The budget.
            since: The ``cursor`` of an earlier account; its last line names it, too.

        Returns:
            Text; its attribute ``cursor`` is where the next account goes on.
        """
        state = self.state  # before the events: those of a finished run are all there
        fresh, cursor, missed = self._job.log.since(_checked(since))
        if state == "finished":
            head = self._job.outcome().for_llm(max(0, max_chars))
        else:
            head = standing(self.id, state, self._job.log.since(0)[0])
        return account(head, fresh, cursor, missed, max_chars)

    def __repr__(self) -> str:
        return f"<Run {self.id} {self.state}>"


def _checked(cursor: int) -> int:
    if not isinstance(cursor, int) or isinstance(cursor, bool) or cursor < 0:
        raise TypeError(f"since must be a cursor, a whole number from 0 on, not {cursor!r:.50}")
    return cursor
