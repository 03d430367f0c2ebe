"""Processes that somebody else has started, held by pidfd so that none is taken for another.

For these there is no keeper, hence no proof: what is below such a process is found by looking, and
a descendant whose parent was gone before anybody looked is not found.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from typing import Any

from notebook_executor.lifecycle.proctree import below, pids, start_ticks

FIELD = "session"
_LOOK_SECONDS = 0.05
# A killed process has to run once more to be gone, which takes its time where many want to run.
_KILL_SECONDS = 15.0
_KILL_PAUSE = 0.01


class HeldTree:
    """A living process and its visible descendants; ``close`` gives up the descriptors.

    Args:
        pid: The process.
        started: When it must have started, in clock ticks since boot; None for whenever.

    Raises:
        ProcessLookupError: There is no such process, or it is another one by now.
        PermissionError: It is another user's, and cannot be ended.
        OSError: The system has no pidfds, or there are no descriptors left.
    """

    def __init__(self, pid: int, started: int | None = None) -> None:
        self.pid = pid
        self.ended = 0
        self._held = {pid: os.pidfd_open(pid)}
        # After the descriptor was opened: from here on, the pid cannot mean another process.
        since = start_ticks(pid)
        try:
            signal.pidfd_send_signal(self._held[pid], 0)
        except OSError:
            self.close()
            raise
        if since is None or (started is not None and since != started) or not self.alive:
            self.close()
            raise ProcessLookupError(f"there is no process {pid}, or it is another one by now")
        self.started = since

    @property
    def alive(self) -> bool:
        """Whether the process itself is there."""
        return self.pid in self._living()

    def look(self) -> list[int]:
        """Take hold of descendants that are new; the pids of all that live."""
        living = self._living()
        for pid in set(self._held) - set(living):
            os.close(self._held.pop(pid))
            self.ended += 1
        opened = {}
        for pid in set(below(living)) - {os.getpid(), *living}:
            with contextlib.suppress(OSError):
                opened[pid] = os.pidfd_open(pid)
        # Looked up again once it is held: a pid may have changed hands in between.
        confirmed = set(below(living)) if opened else set()
        for pid, descriptor in opened.items():
            if pid in confirmed:
                self._held[pid] = descriptor
            else:
                os.close(descriptor)
        return list(self._held)

    def terminate(self) -> None:
        """Ask the process itself to end: it may want to end its children in its own order."""
        self.look()
        self._send(signal.SIGTERM, [self.pid])

    def wait(self, until: float) -> bool:
        """Block until all are gone, or this time of the monotonic clock; True if they are.

        What is left when the process itself has exited is asked to end, too.
        """
        asked = False
        while living := self.look():
            if self.pid not in living and not asked:
                asked = True
                self._send(signal.SIGTERM, living)
            patience = min(until - time.monotonic(), _LOOK_SECONDS)
            if patience <= 0:
                return False
            self._poller().poll(patience * 1000)
        return True

    def kill(self) -> int:
        """Kill all that live and wait for them, for some seconds; the number of those left."""
        deadline = time.monotonic() + _KILL_SECONDS
        while (living := self.look()) and time.monotonic() < deadline:
            self._send(signal.SIGKILL, living)
            self._poller().poll(_KILL_PAUSE * 1000)
        return len(living)

    def close(self) -> None:
        while self._held:
            os.close(self._held.popitem()[1])

    def _poller(self) -> select.poll:
        poll = select.poll()
        for descriptor in tuple(self._held.values()):
            poll.register(descriptor, select.POLLIN)
        return poll

    def _living(self) -> list[int]:
        exited = {descriptor for descriptor, _ in self._poller().poll(0)}
        return [pid for pid, descriptor in self._held.items() if descriptor not in exited]

    def _send(self, number: int, targets: list[int]) -> None:
        for pid in targets:
            with contextlib.suppress(OSError, KeyError):
                signal.pidfd_send_signal(self._held[pid], number)


def identity(tree: HeldTree) -> dict[str, int]:
    """What a record says of a process, so that it is found again, or known to be gone."""
    return {"pid": tree.pid, "started": tree.started, "namespace": _namespace("self") or 0}


def find_held(record: dict[str, Any]) -> HeldTree | None:
    """The session that a record names, taken hold of; None when it is gone, or none is named."""
    named = record.get(FIELD)
    try:
        pid, started, space = named["pid"], named["started"], named["namespace"]  # type: ignore[index]
        if not all(type(number) is int and number > 0 for number in (pid, started, space)):
            return None
        seen = pid if space == _namespace("self") else _seen_from_here(pid, started, space)
        return HeldTree(seen, started) if seen is not None else None
    except (OSError, KeyError, TypeError):
        return None


def _seen_from_here(pid: int, started: int, space: int) -> int | None:
    """What a process of another PID namespace is called in this one."""
    for seen in pids():
        if _namespace(str(seen)) == space and start_ticks(seen) == started:
            with contextlib.suppress(OSError, StopIteration):
                with open(f"/proc/{seen}/status", encoding="ascii", errors="replace") as file:
                    line = next(line for line in file if line.startswith("NSpid:"))
                if int(line.split()[-1]) == pid:
                    return seen
    return None


def _namespace(process: str) -> int | None:
    try:
        return os.stat(f"/proc/{process}/ns/pid").st_ino
    except OSError:
        return None
