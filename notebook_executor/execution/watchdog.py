"""Deadlines that fire: a thread that holds only the kernel's handle."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Literal

from notebook_executor.backends.protocol import KernelHandle
from notebook_executor.config import Settings
from notebook_executor.lifecycle.threads import new_thread

# What the host may be late with its own steps before the keeper takes over.
_LAST_SECONDS = 1.0

Deadline = Literal["cell_timeout", "run_timeout"]


@dataclass
class Fired:
    """Which deadline passed, and the strongest signal that was needed.

    Attributes:
        signal: SIGINT when the kernel gave up the cell and lives on; SIGTERM or SIGKILL else.
    """

    kind: Deadline
    signal: Literal["SIGINT", "SIGTERM", "SIGKILL"] = "SIGINT"


class Watchdog:
    """Ends a cell that runs past its deadline: interrupt, then terminate, then kill.

    It works on a thread of its own, so that it also fires while the thread that executes is kept
    from looking at its clock.

    Args:
        handle: The kernel.
        timeout: Seconds a cell may take; None for no limit.
        run_deadline: On the monotonic clock; None for no limit.
        settings: The grace of each step.
    """

    def __init__(
        self,
        handle: KernelHandle,
        timeout: float | None,
        run_deadline: float | None,
        settings: Settings,
    ) -> None:
        self._handle = handle
        self._timeout = timeout
        self._run_deadline = run_deadline
        self._settings = settings
        self._condition = threading.Condition()
        self._cell_deadline: float | None = None
        self._last_deadline: float | None = None
        self._running = False
        self._closed = False
        self._fired: Fired | None = None
        self._thread = new_thread(self._watch, "watchdog")

    @property
    def fired(self) -> Fired | None:
        with self._condition:
            return self._fired

    @contextmanager
    def cell(self) -> Iterator[bool]:
        """Watch one cell; leaving the block tells the watchdog that it has finished.

        Yields:
            Whether the cell may run: False when the run's deadline has passed already.
        """
        with self._condition:
            allowed = self._fired is None
            self._running = allowed
            if self._timeout is not None:
                self._cell_deadline = time.monotonic() + self._timeout
            self._set_last_deadline()
            self._condition.notify_all()
        try:
            yield allowed
        finally:
            with self._condition:
                self._running = False
                self._cell_deadline = None
                self._set_last_deadline()
                self._condition.notify_all()

    def _set_last_deadline(self) -> None:
        """Should this process be stopped by then, the kernel is ended by its keeper."""
        deadline = self._next()[1]
        if deadline is not None:
            grace = self._settings.interrupt_grace + self._settings.terminate_grace
            deadline += grace + _LAST_SECONDS
        if deadline != self._last_deadline:
            self._last_deadline = deadline
            self._handle.set_deadline(deadline)

    def __enter__(self) -> Watchdog:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        self._thread.join()

    def _watch(self) -> None:
        with self._condition:
            while not self._closed:
                kind, deadline = self._next()
                if deadline is not None and time.monotonic() >= deadline:
                    self._fired = Fired(kind)
                    break
                self._condition.wait(
                    None if deadline is None else max(0.0, deadline - time.monotonic())
                )
            # Between two cells there is nothing to end, and no other cell will begin.
            if self._running and not self._closed:
                self._end_cell()

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
