"""The keeper: one kernel's parent, and of its private directory the maker and remover.

A small single-threaded process of the standard library, forked by the guard; in the namespace
tier it is init of the kernel's PID namespace. It ends the kernel with all it has started when it
is told to, when the host or the guard is gone, or when its own hard deadline has passed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import select
import signal
import time
from typing import Any

from notebook_executor.lifecycle import proctree, syscalls
from notebook_executor.lifecycle.limits import ResourceLimits, Watch, oom_kills
from notebook_executor.lifecycle.owned import count_files
from notebook_executor.lifecycle.private import describe, make_directory, remove_directory
from notebook_executor.lifecycle.wire import Wire

OUTPUT_FILE = "output.log"
TAIL_BYTES = 4000
_LONGEST_POLL = 1_000_000_000  # milliseconds; poll takes no more than a C int
END_SECONDS = 20.0
_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_RESET = (*_IGNORED, signal.SIGCHLD, signal.SIGPIPE)


def main(lease: Wire, host: int, guard: int, directory: str, inside: bool) -> int:
    """Keep one kernel until its end.

    Args:
        lease: To the host; the first message is what to launch.
        host: A pidfd of the host.
        guard: The reading end of a pipe that only the guard can write to.
        directory: The private directory to make.
        inside: Whether this process is init of a PID namespace.

    Returns:
        The exit status: 0 when everything was ended and removed.
    """
    os.setsid()
    wake = catch_signals()
    syscalls.become_subreaper()
    keeper = _Keeper(lease, directory, inside)
    try:
        keeper.start()
    except OSError as error:
        lease.send(event="failed", error=error.errno, message=str(error.strerror))
    else:
        keeper.watch(host, guard, wake)
    return keeper.end()


def catch_signals() -> int:
    """Ignore what would end a supervisor early; have exits of children wake its poll.

    Returns:
        A descriptor that becomes readable when a child has exited.
    """
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return reading


class _Keeper:
    def __init__(self, lease: Wire, directory: str, inside: bool) -> None:
        self._lease = lease
        self._directory = directory
        self._inside = inside
        self._kernel = 0
        self._exit: tuple[int, int] | None = None
        self._deadline: float | None = None
        self._statuses: dict[int, tuple[int, int]] = {}
        self._limits: Watch | None = None
        self._oom_kills = oom_kills()

    def start(self) -> None:
        """Make the directory, let the host put files into it, start the kernel.

        Raises:
            OSError: Something of it failed; ``end`` undoes the rest.
        """
        wanted = self._ask()
        record = wanted["record"]
        lock = make_directory(self._directory, record, wanted["owned"])
        self._lease.send(event="made")
        spec = self._ask()
        self._kernel = _launch(spec, self._directory)
        limits = ResourceLimits(**spec["limits"])
        if limits.watched:
            self._limits = Watch(limits, self._kernel)
        describe(lock, {**record, "kernel_pid": self._kernel})
        self._lease.send(event="started", pid=self._kernel)

    def _ask(self) -> dict[str, Any]:
        message = self._lease.receive()
        if message is None or message["do"] == "end":
            raise OSError(errno.ECANCELED, "the host has changed its mind")
        return message

    def watch(self, host: int, guard: int, wake: int) -> None:
        """Return when the kernel is to be ended."""
        poll = select.poll()
        for descriptor in (self._lease.fileno(), host, guard, wake):
            poll.register(descriptor, select.POLLIN)
        while True:
            for descriptor, _ in poll.poll(self._patience()):
                if descriptor == wake:
                    self._collect(wake)
                elif descriptor != self._lease.fileno() or not self._obey():
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

    def _collect(self, wake: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(wake, 4096)
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
            self._lease.send(event="exit", code=code, peak=peak, oom_kills=self._new_oom_kills())

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
            if not self._lease.pending:
                return True

    def _signal(self, number: int) -> None:
        # The kernel is not reaped while this process is single-threaded and here: no pid race.
        if self._exit is None:
            with contextlib.suppress(OSError):
                os.killpg(self._kernel, number)

    def end(self) -> int:
        """Kill everything, wait for it, remove the directory, tell the host."""
        self._statuses.clear()
        deadline = time.monotonic() + END_SECONDS
        if self._inside:
            clean = proctree.end_namespace(self._statuses, deadline)
        else:
            clean = proctree.end_descendants(self._statuses, deadline)
        ended = len(self._statuses)
        self._note_exit()
        left = 0 if clean else max(1, len(proctree.descendants(os.getpid())))
        tail = read_tail(self._directory)
        # Where something is left, the lease file has to stay: a reaper goes by it.
        files = remove_directory(self._directory) if clean else count_files(self._directory)
        self._lease.send(event="end", ended=ended, left=left, files_left=files, tail=tail)
        return 0 if clean and not files else 1


def _launch(spec: dict[str, Any], directory: str) -> int:
    """Fork and execute the kernel.

    Returns:
        Its pid, as this process sees it.

    Raises:
        OSError: It could not be executed.
    """
    me = os.getpid()
    reading, writing = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        try:
            _become_kernel(spec, directory, me)
        except OSError as error:
            os.write(writing, f"{error.errno} {error.strerror}".encode())
        finally:
            os._exit(127)
    os.close(writing)
    failure = os.read(reading, 1000).decode()
    os.close(reading)
    if failure:
        number, _, message = failure.partition(" ")
        raise OSError(int(number), message)
    return pid


def _become_kernel(spec: dict[str, Any], directory: str, parent: int) -> None:
    syscalls.die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(127)
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in _RESET:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    output = os.path.join(directory, OUTPUT_FILE)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 1)
    os.dup2(1, 2)
    for name, (soft, hard) in spec["rlimits"].items():
        resource.setrlimit(getattr(resource, name), (soft, hard))
    os.chdir(spec["cwd"])
    # ipykernel watches for a change of this parent; where it is 1, init never goes away.
    env = {**spec["env"], "JPY_PARENT_PID": str(parent)}
    os.execvpe(spec["argv"][0], spec["argv"], env)


def read_tail(directory: str) -> str:
    """The end of what the kernel process itself wrote; empty when it wrote nothing."""
    try:
        with open(os.path.join(directory, OUTPUT_FILE), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
            return file.read().decode("utf-8", "replace").strip()
    except OSError:
        return ""
