"""Deadlines and cancellations that take effect: a thread that holds only the kernel's handle."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Literal

from notebook_executor.backends.protocol import KernelHandle
from notebook_executor.config import Settings
from notebook_executor.execution.cancelling import Cancellation
from notebook_executor.lifecycle.threads import new_thread

# What the host may be late with its own steps before the keeper takes over.
_LAST_SECONDS = 1.0
# What is added to that, of the timeout and at most, so that the keeper need not be told of every
# one of many short cells.
_SPARE, _MOST_SPARE = 0.1, 5.0

Deadline = Literal["cell_timeout", "run_timeout"]
Ending = Literal["cell_timeout", "run_timeout", "cancelled"]


@dataclass
class Fired:
    """Which deadline passed, if it was one, and the strongest signal that was needed.

    Attributes:
        signal: SIGINT when the kernel gave up the cell and lives on; SIGTERM or SIGKILL else.
    """

    kind: Ending
    signal: Literal["SIGINT", "SIGTERM", "SIGKILL"] = "SIGINT"


class Watchdog:
    """Ends a cell past its deadline, or of a cancelled run: interrupt, terminate, kill.

    It works on a thread of its own, so that it also fires while the thread that executes is kept
    from looking at its clock.

    Args:
        handle: The kernel.
        timeout: Seconds a cell may take; None for no limit.
        run_deadline: On the monotonic clock; None for no limit.
        settings: The grace of each step.
        cancellation: The run's, if it can be cancelled.
    """

    def __init__(
        self,
        handle: KernelHandle,
        timeout: float | None,
        run_deadline: float | None,
        settings: Settings,
        cancellation: Cancellation | None = None,
    ) -> None:
        self._handle = handle
        self._timeout = timeout
        self._run_deadline = run_deadline
        self._settings = settings
        self._cancellation = cancellation or Cancellation()
        self._listening = ExitStack()
        self._condition = threading.Condition()
        self._cell_deadline: float | None = None
        self._told: float | None = None
        self._asleep_until = -math.inf
        self._running = False
        self._closed = False
        self._fired: Fired | None = None
        self._thread = new_thread(self._watch, "watchdog")

    @property
    def fired(self) -> Fired | None:
        with self._condition:
            return self._seen()

    @property
    def deadline(self) -> float | None:
        """When what is running now will be ended, on the monotonic clock; None for never."""
        with self._condition:
            return self._next()[1]

    def _seen(self) -> Fired | None:
        """What has fired; a cancellation between two cells is not left to the thread."""
        if self._fired is None and self._cancellation.requested and not self._running:
            self._fired = Fired("cancelled")
        return self._fired

    @contextmanager
    def cell(self) -> Iterator[bool]:
        """Watch one cell; leaving the block tells the watchdog that it has finished.

        Yields:
            Whether the cell may run: False when the run has been ended already.
        """
        with self._condition:
            allowed = self._seen() is None
            self._running = allowed
            if self._timeout is not None:
                self._cell_deadline = time.monotonic() + self._timeout
            self._tell_keeper()
            if self._waking_time() < self._asleep_until:
                self._condition.notify_all()
        try:
            yield allowed
        finally:
            with self._condition:
                self._running = False
                self._cell_deadline = None
                # Otherwise the thread need not know: it looks again when it has slept.
                if self._fired is not None:
                    self._condition.notify_all()

    def _tell_keeper(self) -> None:
        """Should this process be stopped by then, the kernel is ended by its keeper.

        What it was told for an earlier cell stays while it is late enough, and not much too late.
        """
        last = spared = self._next()[1]
        if last is not None:
            last += self._settings.interrupt_grace + self._settings.terminate_grace + _LAST_SECONDS
            spared = last + min(_MOST_SPARE, _SPARE * (self._timeout or math.inf))
            if self._told is not None and last <= self._told <= spared:
                return
        if spared != self._told:
            self._told = spared
            self._handle.set_deadline(spared)

    def _waking_time(self) -> float:
        """When the thread has to look: at the next deadline, and before the keeper would act."""
        deadline = self._next()[1]
        told = math.inf if self._told is None else self._told - _LAST_SECONDS
        return min(told, math.inf if deadline is None else deadline)

    def __enter__(self) -> Watchdog:
        self._thread.start()
        self._listening.enter_context(self._cancellation.told_to(self._wake))
        return self

    def _wake(self) -> None:
        with self._condition:
            self._condition.notify_all()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listening.close()
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        self._thread.join()
        self._tell_keeper()

    def _watch(self) -> None:
        with self._condition:
            while not self._closed and self._fired is None:
                kind, deadline = self._next()
                remaining = None if deadline is None else deadline - time.monotonic()
                if self._cancellation.requested:
                    self._fired = Fired("cancelled")
                    break
                if remaining is not None and remaining <= 0:
                    self._fired = Fired(kind)
                    break
                if self._told is not None and time.monotonic() >= self._told - _LAST_SECONDS:
                    self._tell_keeper()
                self._sleep_until(self._waking_time())
            # Between two cells there is nothing to end, and no other cell will begin.
            if self._running and not self._closed:
                self._end_cell()

    def _sleep_until(self, at: float) -> None:
        self._asleep_until = at
        self._condition.wait(None if at == math.inf else max(0.0, at - time.monotonic()))
        self._asleep_until = -math.inf

    def _next(self) -> tuple[Deadline, float | None]:
        """The deadline that comes first; between cells only the run's."""
        cell, run = self._cell_deadline, self._run_deadline
        if cell is None or (run is not None and run <= cell):
            return "run_timeout", run
        return "cell_timeout", cell

    def _end_cell(self) -> None:
        """Called with the condition held; waiting releases it."""
        assert self._fired is not None
        self._handle.interrupt()
        if self._finished_within(self._settings.interrupt_grace):
            return
        self._fired.signal = "SIGTERM"
        self._handle.terminate()
        if self._finished_within(self._settings.terminate_grace):
            return
        self._fired.signal = "SIGKILL"
        self._handle.kill()

    def _finished_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self._running and not self._closed:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return False
            self._condition.wait(remaining)
        return True
