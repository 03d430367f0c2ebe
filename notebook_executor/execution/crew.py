"""The threads that carry out what an executor has started, and the ways to end them all."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable
from typing import Protocol

from notebook_executor.lifecycle.threads import new_thread

_CLOSED = "its executor was closed"
_FORGOTTEN = "nobody holds it or its executor any more"


class Job(Protocol):
    """Something that takes its time, and can be asked to take less."""

    def carry_out(self) -> None:
        """Do it; never raises."""

    def cancel(self, reason: str) -> None:
        """Have ``carry_out`` return soon, also if it has yet to be called; returns at once."""


class Crew:
    """Daemon threads of one executor's own. They hold the jobs, but not the executor.

    Safe to use from several threads; a forked copy of the process starts with an empty crew.

    Args:
        at_once: How many of the jobs that wait for their turn go on at the same time.
        finish: Called when the crew has been closed or abandoned, and all jobs are over.
    """

    def __init__(self, at_once: int, finish: Callable[[], None]) -> None:
        self._at_once = at_once
        self._finish = finish
        self.forget()
        _CREWS.add(self)

    def forget(self) -> None:
        """Begin anew, in a forked copy of the process: the threads have stayed in the other one."""
        # Reentrant: the collector may run in here, and abandon the crew.
        self._lock = threading.RLock()
        self._waiting: deque[Job] = deque()
        self._jobs: set[Job] = set()
        self._threads: set[threading.Thread] = set()
        self._in_turn = 0
        self._abandoned = False

    def queue(self, job: Job) -> None:
        """Carry a job out when it is its turn."""
        with self._lock:
            if self._in_turn < self._at_once:
                self._start(self._take_turns)
                self._in_turn += 1
            self._jobs.add(job)
            self._waiting.append(job)

    def begin(self, job: Job) -> None:
        """Carry a job out now, beside those that wait for their turn."""

        def work() -> None:
            with self._lock:
                pass  # until ``begin`` has noted the job
            job.carry_out()
            self._leave(job)

        with self._lock:
            self._start(work)
            self._jobs.add(job)

    def _start(self, target: Callable[[], None]) -> None:
        """Called with the lock held: the thread's own first step waits for it."""
        thread = new_thread(target, "run")
        thread.start()
        self._threads.add(thread)

    def _take_turns(self) -> None:
        job = self._next()
        while job is not None:
            job.carry_out()
            with self._lock:
                self._jobs.discard(job)
            job = self._next()
        self._leave(None)

    def _next(self) -> Job | None:
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._in_turn -= 1
            return None

    def _leave(self, job: Job | None) -> None:
        with self._lock:
            if job is not None:
                self._jobs.discard(job)
            self._threads.discard(threading.current_thread())
            last = self._abandoned and not self._threads
        if last:
            self._finish()

    def _cancel_all(self, reason: str) -> tuple[threading.Thread, ...]:
        with self._lock:
            jobs, threads = tuple(self._jobs), tuple(self._threads)
        for job in jobs:
            job.cancel(reason)
        return threads

    def close(self) -> None:
        """Cancel all jobs and wait for their end; may be called again, and the crew used again."""
        for thread in self._cancel_all(_CLOSED):
            if thread is not threading.current_thread():
                thread.join()
        self._finish()

    def abandon(self) -> None:
        """As ``close``, without blocking: for the collector, once the executor is unreachable."""
        with self._lock:
            self._abandoned = True
            idle = not self._threads
        self._cancel_all(_FORGOTTEN)
        if idle:
            self._finish()


_CREWS: weakref.WeakSet[Crew] = weakref.WeakSet()


def _close_all() -> None:
    for crew in tuple(_CREWS):
        crew.close()


def _forget_all() -> None:
    for crew in tuple(_CREWS):
        crew.forget()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_forget_all)
