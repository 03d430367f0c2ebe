"""The keeper: one kernel's parent, and of its private directory the maker and remover.

A small single-threaded process of the standard library, forked by the guard or by a fork server;
in the namespace tier it is init of the kernel's PID namespace. It ends the kernel with all it has
started when it is told to, when the host or the guard is gone, or when its own hard deadline has
passed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import time
from typing import Any, Protocol

from notebook_executor.lifecycle import proctree, syscalls
from notebook_executor.lifecycle.attendant import fork_attendant
from notebook_executor.lifecycle.launching import OUTPUT_FILE
from notebook_executor.lifecycle.lease_group import FIELD, LeaseGroup, make_group
from notebook_executor.lifecycle.limits import ResourceLimits, Watch, oom_kills
from notebook_executor.lifecycle.owned import count_files
from notebook_executor.lifecycle.private import describe, make_directory, remove_directory
from notebook_executor.lifecycle.supervising import Ears, catch_signals
from notebook_executor.lifecycle.wire import Wire

TAIL_BYTES = 4000
_LONGEST_POLL = 1_000_000_000  # milliseconds; poll takes no more than a C int
END_SECONDS = 20.0


class Launcher(Protocol):
    """Where a keeper's kernel comes from."""

    warm: bool

    def prepare(self, spec: dict[str, Any], directory: str) -> int:
        """Have a kernel wait, as far started as it can be before it is known what for.

        Returns:
            Its pid, as this process sees it; 0 when there is none yet.
        """
        ...

    def launch(self, spec: dict[str, Any], directory: str) -> int:
        """Start a kernel, or let the one go on that waits.

        Returns:
            Its pid, as this process sees it.

        Raises:
            OSError: It cannot be started as is wanted.
        """
        ...


def main(
    lease: Wire, host: int, guard: int, directory: str, inside: bool, launcher: Launcher
) -> int:
    """Keep one kernel until its end.

    Args:
        lease: To the host; the first message is what to launch.
        host: A pidfd of the host.
        guard: The reading end of a pipe that only the guard can write to.
        directory: The private directory to make.
        inside: Whether this process is init of a PID namespace.
        launcher: What starts the kernel.

    Returns:
        The exit status: 0 when everything was ended and removed.
    """
    os.setsid()
    wake = catch_signals()
    syscalls.become_subreaper()
    keeper = _Keeper(lease, directory, inside, launcher, Ears(lease, wake, (host, guard)))
    try:
        keeper.start()
    except OSError as error:
        lease.send(event="failed", error=error.errno, message=str(error.strerror))
    else:
        keeper.watch()
    return keeper.end()


class _Keeper:
    def __init__(
        self, lease: Wire, directory: str, inside: bool, launcher: Launcher, ears: Ears
    ) -> None:
        self._lease = lease
        self._directory = directory
        self._inside = inside
        self._launcher = launcher
        self._ears = ears
        self._kernel = 0
        self._exit: tuple[int, int] | None = None
        self._deadline: float | None = None
        self._statuses: dict[int, tuple[int, int]] = {}
        self._limits: Watch | None = None
        self._group: LeaseGroup | None = None
        self._killed = False
        self._oom_kills = oom_kills()

    def start(self) -> None:
        """Make the directory, let the host put files into it, start the kernel.

        Raises:
            OSError: Something of it failed; ``end`` undoes the rest.
        """
        wanted = self._ask()
        record = wanted["record"]
        lock = make_directory(self._directory, record, wanted["owned"])

        def note(path: str) -> None:
            record[FIELD] = path
            describe(lock, record)

        self._group = make_group(self._directory, note)
        path = None if self._group is None else self._group.path
        self._lease.send(event="made", warm=self._launcher.warm, group=path)
        spec = {**self._ask(), "group": path}
        if spec["do"] == "prepare":
            self._kernel = self._launcher.prepare(spec, self._directory)
            describe(lock, {**record, "kernel_pid": self._kernel})
            self._lease.send(event="prepared")
            spec = {**self._ask(), "group": path}
        limits = ResourceLimits(**spec["limits"])
        if self._group is not None:
            self._group.limit(limits)
        self._kernel = self._launcher.launch(spec, self._directory)
        if limits.watched:
            self._limits = Watch(limits, self._kernel, self._group)
        describe(lock, {**record, **spec["record"], "kernel_pid": self._kernel})
        self._lease.send(event="started", pid=self._kernel)

    def _ask(self) -> dict[str, Any]:
        """The host's next word; before the kernel has started nothing else is done meanwhile."""
        while not self._lease.pending:
            spoken, exited, over = self._ears.listen(None)
            if exited:
                self._collect()
            if over or self._exit is not None:
                raise OSError(errno.ECANCELED, "nobody waits for it, or it has exited")
            if spoken:
                break
        message = self._lease.receive()
        if message is None or message["do"] == "end":
            raise OSError(errno.ECANCELED, "the host has changed its mind")
        return message

    def watch(self) -> None:
        """Return when the kernel is to be ended."""
        while True:
            spoken, exited, over = self._ears.listen(self._patience())
            if exited:
                self._collect()
            if over or (spoken and not self._obey()):
                return
            if self._deadline is not None and time.monotonic() >= self._deadline:
                self._lease.send(event="deadline")
                return
            if self._limits is not None and self._is_over(self._limits):
                return

    def _is_over(self, limits: Watch) -> bool:
        """Look when it is time to; True when everything is to end for what was found."""
        hit = limits.look() if time.monotonic() >= limits.due else None
        if hit is not None:
            self._lease.send(event="limit", hit=hit._asdict())
        return hit is not None and hit.kernel

    def _patience(self) -> int | None:
        due = self._limits.due if self._limits is not None else None
        ahead = [at for at in (self._deadline, due) if at is not None]
        if not ahead:
            return None
        left = int((min(ahead) - time.monotonic()) * 1000) + 1
        return min(max(0, left), _LONGEST_POLL)

    def _collect(self) -> None:
        if proctree.reap_some(self._statuses):
            signal.raise_signal(signal.SIGCHLD)
        self._note_exit()
        self._statuses.clear()

    def _note_exit(self) -> None:
        if self._exit is None and self._kernel in self._statuses:
            self._exit = self._statuses[self._kernel]
            code = os.waitstatus_to_exitcode(self._exit[0])
            peak = self._exit[1] * 1024
            self._limits = None
            kills = self._tell_kills(code)
            self._lease.send(event="exit", code=code, peak=peak, oom_kills=kills)

    def _tell_kills(self, code: int) -> int | None:
        """Tell of what the limit on memory has killed; how many the system has for want of it."""
        if self._group is None or not self._group.counts_kills:
            return self._new_oom_kills()
        by_itself = code == -signal.SIGKILL and not self._killed
        for hit in self._group.memory_hits(by_itself):
            self._lease.send(event="limit", hit=hit._asdict())
        kills = self._group.kills()
        return 0 if kills.by_limit else kills.number

    def _new_oom_kills(self) -> int | None:
        now = oom_kills()
        return None if now is None or self._oom_kills is None else now - self._oom_kills

    def _obey(self) -> bool:
        """Do what the host asks for; False when it asks for the end, or is gone."""
        while True:
            message = self._lease.receive()
            if message is None or message["do"] == "end":
                return False
            if message["do"] == "signal":
                self._signal(message["number"])
                self._lease.send(event="signalled")
            elif message["do"] == "deadline":
                self._deadline = message["at"]
            elif message["do"] == "spawn":
                self._spawn()
            if not self._lease.pending:
                return True

    def _signal(self, number: int) -> None:
        # The kernel is not reaped while this process is single-threaded and here: no pid race.
        if self._exit is None:
            self._killed |= number == signal.SIGKILL
            with contextlib.suppress(OSError):
                os.killpg(self._kernel, number)

    def _spawn(self) -> None:
        """Have a child see to a command; the host hears from that child, or that it is gone."""
        descriptors = self._lease.take_descriptors()
        try:
            with contextlib.suppress(OSError):
                fork_attendant(descriptors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def end(self) -> int:
        """Kill everything, wait for it, remove the directory, tell the host."""
        self._collect()
        self._killed = True
        if self._group is not None:
            self._group.kill()
        deadline = time.monotonic() + END_SECONDS
        if self._inside:
            clean = proctree.end_namespace(self._statuses, deadline)
        else:
            clean = proctree.end_descendants(self._statuses, deadline)
        ended = len(self._statuses)
        self._note_exit()
        # A proof of its own: nobody leaves a group by losing parents.
        clean = clean and (self._group is None or self._group.end())
        left = 0 if clean else max(1, len(proctree.descendants(os.getpid())))
        tail = read_tail(self._directory)
        # Where something is left, the lease file has to stay: a reaper goes by it.
        files = remove_directory(self._directory) if clean else count_files(self._directory)
        self._lease.send(event="end", ended=ended, left=left, files_left=files, tail=tail)
        return 0 if clean and not files else 1


def read_tail(directory: str) -> str:
    """The end of what the kernel process itself wrote; empty when it wrote nothing."""
    try:
        with open(os.path.join(directory, OUTPUT_FILE), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
            return file.read().decode("utf-8", "replace").strip()
    except OSError:
        return ""
