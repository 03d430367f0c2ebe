"""The guard: one a host process, parent of its keepers, and the one that cleans up after both.

A small single-threaded process of the standard library. It forks a keeper for each lease, waits
for each to end, does for a keeper that was killed what that would have done, and ends everything
when the host is gone.
"""

from __future__ import annotations

import array
import contextlib
import os
import select
import signal
import socket
import sys
import time

from notebook_executor.lifecycle import keeper, proctree, syscalls
from notebook_executor.lifecycle.owned import count_files
from notebook_executor.lifecycle.private import remove_directory
from notebook_executor.lifecycle.wire import Wire

_LAST_GRACE = 2.0
_STRANGER_SECONDS = 20.0


def main(control_fd: int, host_pid: int) -> None:
    """Serve one host until it is gone; started by ``supervisor``."""
    try:
        host = os.pidfd_open(host_pid)
    except OSError:
        return
    if os.getppid() != host_pid:
        return
    os.setsid()
    wake = keeper.catch_signals()
    syscalls.become_subreaper()
    control = socket.socket(fileno=control_fd)
    guard = _Guard(control, host, wake)
    problem = guard.namespace_problem()
    control.send(f"ready {problem}".encode())
    guard.serve()
    guard.finish()


class _Lease:
    """What the guard knows of a keeper."""

    def __init__(self, wire: Wire, directory: str) -> None:
        self.wire = wire
        self.directory = directory


class _Guard:
    def __init__(self, control: socket.socket, host: int, wake: int) -> None:
        self._control = control
        self._host = host
        self._wake = wake
        # Readable, for the keepers, once this process is gone.
        self._alive, self._alive_end = os.pipe2(os.O_CLOEXEC)
        self._leases: dict[int, _Lease] = {}

    def namespace_problem(self) -> str:
        """Why a PID namespace cannot be had here; empty when it can."""
        reading, writing = os.pipe2(os.O_CLOEXEC)
        pid = os.fork()
        if pid == 0:
            try:
                os.write(writing, (_try_namespace() or "").encode())
            finally:
                os._exit(0)
        os.close(writing)
        problem = os.read(reading, 1000).decode()
        os.close(reading)
        os.waitpid(pid, 0)
        return problem

    def serve(self) -> None:
        """Return when the host is gone, or has closed the control socket."""
        poll = select.poll()
        for descriptor in (self._control.fileno(), self._host, self._wake):
            poll.register(descriptor, select.POLLIN)
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == self._wake:
                    self._collect()
                elif descriptor != self._control.fileno() or not self._accept():
                    return

    def _accept(self) -> bool:
        """Take one request for a lease; False when the host wants no more of them."""
        try:
            message, ancillary, _, _ = self._control.recvmsg(4096, socket.CMSG_SPACE(4))
        except OSError:
            return False
        if message in (b"", b"bye"):
            return False
        received = array.array("i")
        for _, _, data in ancillary:
            received.frombytes(data)
        tier, _, directory = message.decode().partition(" ")
        wire = Wire(socket.socket(fileno=received[0]))
        os.set_inheritable(received[0], False)
        self._start(tier, directory, wire)
        return True

    def _start(self, tier: str, directory: str, wire: Wire) -> None:
        try:
            pid = self._fork_inside(directory, wire) if tier == "namespace" else None
            if pid is None:
                pid = os.fork()
                if pid == 0:
                    self._keep(directory, wire, inside=False)
        except OSError as error:
            wire.send(event="failed", error=error.errno, message=f"no keeper: {error.strerror}")
            wire.close()
            return
        self._leases[pid] = _Lease(wire, directory)

    def _fork_inside(self, directory: str, wire: Wire) -> int:
        """Fork a keeper that is init of a new PID namespace.

        ``unshare(CLONE_NEWPID)`` works once a process, and a process whose namespace's init has
        died cannot fork any more: an intermediate child does both and goes.
        """
        reading, writing = os.pipe2(os.O_CLOEXEC)
        between = os.fork()
        if between == 0:
            try:
                enter_namespace()
                pid = os.fork()
                if pid == 0:
                    syscalls.mount_proc()
                    self._keep(directory, wire, inside=True)
                os.write(writing, str(pid).encode())
            except OSError as error:
                os.write(writing, f"-{error.errno}".encode())
            finally:
                os._exit(0)
        os.close(writing)
        answer = int(os.read(reading, 100) or b"-1")
        os.close(reading)
        os.waitpid(between, 0)
        if answer < 0:
            raise OSError(-answer, os.strerror(-answer))
        return answer

    def _keep(self, directory: str, wire: Wire, *, inside: bool) -> None:
        """In the forked child: be the keeper, and never return."""
        status = 1
        try:
            os.close(self._alive_end)
            self._control.close()
            os.close(self._wake)
            for lease in self._leases.values():
                lease.wire.close()
            status = keeper.main(wire, self._host, self._alive, directory, inside)
        finally:
            os._exit(status)

    def _collect(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake, 4096)
        statuses: dict[int, tuple[int, int]] = {}
        if proctree.reap_some(statuses):
            signal.raise_signal(signal.SIGCHLD)
        for pid in statuses.keys() & self._leases.keys():
            self._conclude(self._leases.pop(pid), clean=statuses[pid][0] == 0)

    def _conclude(self, lease: _Lease, *, clean: bool) -> None:
        """A keeper is gone: do what it has left undone, and let the host know."""
        if not clean:
            statuses: dict[int, tuple[int, int]] = {}
            deadline = time.monotonic() + _STRANGER_SECONDS
            done = proctree.end_strangers(frozenset(self._leases), statuses, deadline)
            tail = keeper.read_tail(lease.directory)
            clean_up = remove_directory if done else count_files
            files = clean_up(lease.directory)
            left = 0 if done else 1
            lease.wire.send(event="end", ended=0, left=left, files_left=files, tail=tail)
        lease.wire.close()

    def finish(self) -> None:
        """The host is gone, or wants no more: the keepers end, and those that do not are killed."""
        # A keeper takes this for the guard's death.
        os.close(self._alive_end)
        deadline = time.monotonic() + keeper.END_SECONDS + _LAST_GRACE
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        while self._leases and time.monotonic() < deadline:
            if poll.poll(100):
                self._collect()
        proctree.send(signal.SIGKILL, list(self._leases))
        while self._leases and time.monotonic() < deadline + _LAST_GRACE:
            if poll.poll(100):
                self._collect()
        proctree.end_descendants({}, time.monotonic() + _STRANGER_SECONDS)


def enter_namespace() -> None:
    """Have the next child be init of a PID namespace, with a mount namespace of its own.

    An ordinary user needs a user namespace for that, in which it stays who it is.
    """
    uid, gid = os.getuid(), os.getgid()
    if uid == 0:
        syscalls.unshare(syscalls.CLONE_NEWPID | syscalls.CLONE_NEWNS)
        return
    syscalls.unshare(syscalls.CLONE_NEWUSER | syscalls.CLONE_NEWPID | syscalls.CLONE_NEWNS)
    for name, content in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(content)


def _try_namespace() -> str | None:
    reading, writing = os.pipe()
    try:
        enter_namespace()
    except OSError as error:
        return str(error.strerror)
    pid = os.fork()
    if pid == 0:
        try:
            syscalls.mount_proc()
        except OSError as error:
            os.write(writing, str(error.strerror).encode())
        finally:
            os._exit(0)
    os.close(writing)
    problem = os.read(reading, 1000).decode()
    os.waitpid(pid, 0)
    return problem or None


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
