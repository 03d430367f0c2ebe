"""One containment for all the kernels that other programs manage in this process."""

from __future__ import annotations

import _thread
import atexit
import contextlib
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from notebook_executor.lifecycle.choice import Containment
from notebook_executor.lifecycle.containment import Contained, ContainedEnd, Tier
from notebook_executor.lifecycle.threads import new_thread


class SharedContainment:
    """Opens private directories, and ends at exit what nobody has ended; one a process.

    All methods may block; safe to use from several threads. A forked copy of the process knows
    nothing of the kernels that were opened before.
    """

    def __init__(self) -> None:
        self._forget()
        atexit.register(self.close)
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._containment = Containment()
        self._opening = 0
        self._opened: set[Contained] = set()

    def open(
        self,
        *,
        host_view: bool,
        required: Tier | None,
        record: Mapping[str, Any],
        directory: Path | None = None,
        owned: Path | None = None,
    ) -> Contained:
        """See ``Containment.open``."""
        with self._lock:
            self._opening += 1
        try:
            contained = self._containment.open(
                host_view=host_view,
                required=required,
                record=record,
                directory=directory,
                owned=owned,
            )
        except BaseException:
            with self._lock:
                self._opening -= 1
            raise
        with self._lock:
            self._opening -= 1
            self._opened.add(contained)
        return contained

    def end(self, contained: Contained) -> ContainedEnd:
        """End a kernel and all it started; the guard stays for the next one.

        Of one that was ended before, at exit or by the collector, nothing is told.
        """
        with self._lock:
            if contained not in self._opened:
                return ContainedEnd()
            self._opened.discard(contained)
        return contained.end()

    def rest(self) -> None:
        """End the guard too, unless there is another kernel that needs it."""
        with self._lock:
            if not self._opened and not self._opening:
                self._containment.close()

    def end_forgotten(self, contained: Contained) -> None:
        """End a kernel whose manager was garbage-collected, without blocking the collector."""

        def end() -> None:
            self.end(contained)
            self.rest()

        # Not ``Thread.start``: the collector may run inside of one, and would wait for its lock.
        # Where the interpreter is exiting and starts no threads, ``close`` comes next.
        with contextlib.suppress(RuntimeError):
            _thread.start_new_thread(new_thread(end, "forgotten").run, ())

    def close(self) -> None:
        """End every kernel that is left, and the guard."""
        for contained in tuple(self._opened):
            self.end(contained)
        self.rest()


SHARED = SharedContainment()
