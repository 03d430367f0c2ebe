"""Warm kernels: forks of a process that has ipykernel loaded, some of them started in advance.

A fork server serves one command with one whole environment: what Python and ipykernel read of it
when they start is then what it would be in a cold kernel. Only the working directory, the limits
and what a lease adds are given to a kernel that waits.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

from notebook_executor.lifecycle.choice import Containment, has_supervisors
from notebook_executor.lifecycle.containment import Tier
from notebook_executor.lifecycle.fork_server_handle import Command
from notebook_executor.lifecycle.kernelspecs import LaunchSpec
from notebook_executor.lifecycle.standby import Opened, Shelf
from notebook_executor.lifecycle.threads import new_thread

Warmth = Literal["auto"] | bool

_MOST_COMMANDS = 3
_MOST_WAITING = max(2, min(8, os.cpu_count() or 2))
_STAND_BY_SECONDS = 60.0
_SERVER_SECONDS = 300.0
_SPARE_BYTES = 512 << 20
_PAUSE = 5.0


class WarmKernels:
    """Hands out warm kernels, and starts others in advance: as many as have lately been missed.

    At most three fork servers at a time, each ended 5 minutes after its last kernel; at most one
    waiting kernel a core (2 to 8), each for a minute, and none where less than 512 MiB of memory
    are left. A thread of its own sees to that. ``close`` ends all of it; the containment stays
    the caller's. Safe to use from several threads; a forked copy of the process starts anew.

    Args:
        containment: Where kernels are opened.
        mode: True for every kernel that can be warm, ``"auto"`` from the second of a kind on, and
            for a first one that was expected; False for none.
        preload: Modules to import beforehand.
    """

    def __init__(
        self, containment: Containment, mode: Warmth = "auto", preload: Sequence[str] = ()
    ) -> None:
        self.mode = mode
        self._containment = containment
        self._preload = tuple(preload)
        self._begin()

    def _begin(self) -> None:
        self._owner = os.getpid()
        self._changed = threading.Condition()
        self._seen: set[int] = set()
        self._expected: Command | None = None
        self._shelves: dict[Command, Shelf] = {}
        self._thread: threading.Thread | None = None
        self._over: list[Shelf] = []

    @property
    def waiting(self) -> int:
        """How many kernels wait at this moment."""
        return sum(map(len, list(self._shelves.values())))

    @property
    def untouched(self) -> bool:
        """Whether there could be warm kernels, and none of any kind was asked for yet."""
        return self.mode is not False and not self._seen and not self._shelves

    def expect(self, spec: LaunchSpec, extra: tuple[str, ...], env: Mapping[str, str]) -> None:
        """Have a fork server import for the first kernel before that is asked for.

        Does not block, and does nothing if there was a kernel. Where another one is asked for
        after all, the server goes.
        """
        command = Command.of(spec, env, extra, self._preload)
        self._leave_to_parent()
        if not command.interpreter or not _spare_memory():
            return
        with self._changed:
            if self.untouched:
                self._shelves[command] = Shelf(self._containment, spec, command)
                self._expected = command

    def take(
        self,
        spec: LaunchSpec,
        extra: tuple[str, ...],
        env: Mapping[str, str],
        *,
        host_view: bool,
        required: Tier | None,
        record: Mapping[str, Any],
    ) -> Opened | str:
        """A kernel that has not been launched; the caller ends it.

        Blocks while a fork server that is wanted for the first time imports.

        Args:
            spec: What would be launched.
            extra: What would be appended to its command line.
            env: The environment, without what the lease adds.
            host_view: Whether it is to see the host's processes.
            required: The least tier that will do.
            record: What the lease file says of it.

        Returns:
            Or why it has to be a cold one; empty when that is as it should be.

        Raises:
            KernelStartError: There is no place for it, no tier that will do, or no guard.
        """
        if self.mode is False:
            return ""
        command = Command.of(spec, env, extra, self._preload)
        if not command.interpreter or not has_supervisors():
            return "only ipykernel on Linux, started in the usual way, can be warm"
        self._leave_to_parent()
        with self._changed:
            known = self.mode is True or hash(command) in self._seen
            self._seen.add(hash(command))
            self._drop_what_was_expected(command)
            shelf = self._shelf(spec, command, new=known)
        if shelf is None:
            return ""
        if not shelf.server.wait_usable():
            return f"there is no fork server: {shelf.server.problem}"
        # A program that runs a single notebook has no use for one that waits.
        opened = shelf.take(host_view, required, record, missed=known)
        self._tend_soon()
        return opened

    def _leave_to_parent(self) -> None:
        if self._owner != os.getpid():
            self._parents = self._shelves  # never to be collected, let alone ended, in this process
            self._begin()

    def _drop_what_was_expected(self, wanted: Command) -> None:
        expected, self._expected = self._expected, None
        if expected is not None and expected != wanted:
            self._over.append(self._shelves.pop(expected))
            self._tend_soon()

    def _shelf(self, spec: LaunchSpec, command: Command, *, new: bool) -> Shelf | None:
        shelf = self._shelves.pop(command, None)
        if shelf is not None and (shelf.server.stale or shelf.server.problem == "it is gone"):
            self._over.append(shelf)
            shelf = None
        if shelf is None:
            if not new:
                return None
            shelf = Shelf(self._containment, spec, command)
        # The last one is the one that was used last.
        self._shelves[command] = shelf
        while len(self._shelves) > _MOST_COMMANDS:
            self._over.append(self._shelves.pop(next(iter(self._shelves))))
        return shelf

    def _tend_soon(self) -> None:
        with self._changed:
            if self._thread is None:
                self._thread = new_thread(self._tend, "warm-kernels")
                self._thread.start()
            self._changed.notify_all()

    def _tend(self) -> None:
        me = threading.current_thread()
        while True:
            with self._changed:
                if self._thread is not me:
                    return
                task = self._next_task()
                if task is None:
                    self._changed.wait(_PAUSE if self._shelves else None)
                    continue
            task()

    def _next_task(self) -> Callable[[], None] | None:
        if self._over:
            return self._over.pop().end
        now = time.monotonic()
        waiting = self.waiting
        for command, shelf in list(self._shelves.items()):
            if now - shelf.used > _SERVER_SECONDS:
                return self._shelves.pop(command).end
            old = shelf.expired(now - _STAND_BY_SECONDS)
            if old:
                return partial(_end_all, old)
            lacking = shelf.lacking()
            if lacking is not None and waiting < _MOST_WAITING and _spare_memory():
                return partial(shelf.add, lacking)
        return None

    def close(self) -> None:
        """End all that waits, and the fork servers; may be called again, and be used again."""
        if self._owner != os.getpid():
            return
        with self._changed:
            thread, self._thread = self._thread, None
            self._changed.notify_all()
        # The collector may close what was forgotten in any thread, this one included.
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        with self._changed:
            over = [*self._over, *self._shelves.values()]
            self._over, self._shelves, self._seen, self._expected = [], {}, set(), None
        for shelf in over:
            shelf.end()


def _end_all(waited: list[Opened]) -> None:
    for opened in waited:
        opened.end()


def _spare_memory() -> bool:
    """Whether there is memory left that nobody will miss."""
    with open("/proc/meminfo", encoding="ascii") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024 > _SPARE_BYTES
    return False
