"""The guard: one a host process, parent of its keepers, and the one that cleans up after both.

A small single-threaded process of the standard library. It forks a keeper for each lease, or has
a fork server do that, waits for each to end, does for a keeper that was killed what that would
have done, and ends everything when the host is gone.
"""

from __future__ import annotations

import array
import contextlib
import json
import os
import select
import signal
import socket
import sys
import time
from typing import Any

from notebook_executor.lifecycle import keeper, proctree, syscalls
from notebook_executor.lifecycle.cgroups import leave_place, take_place
from notebook_executor.lifecycle.fork_server_process import ForkServerProcess
from notebook_executor.lifecycle.forking import fork_apart, namespace_problem
from notebook_executor.lifecycle.launching import ColdLauncher
from notebook_executor.lifecycle.owned import count_files
from notebook_executor.lifecycle.private import remove_directory
from notebook_executor.lifecycle.supervising import catch_signals
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
    wake = catch_signals()
    syscalls.become_subreaper()
    control = socket.socket(fileno=control_fd)
    guard = _Guard(control, host, wake)
    place = take_place(host_pid)
    control.send(f"ready {namespace_problem()}".encode())
    guard.serve()
    guard.finish()
    if place is not None:
        leave_place(place, host_pid)


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
        self._servers: dict[str, ForkServerProcess] = {}
        self._exited: dict[int, tuple[int, int]] = {}

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
        """Take one request; False when the host wants nothing any more."""
        try:
            message, ancillary, _, _ = self._control.recvmsg(4096, socket.CMSG_SPACE(8))
        except OSError:
            return False
        if message in (b"", b"bye"):
            return False
        received = array.array("i")
        for _, _, data in ancillary:
            received.frombytes(data)
        for descriptor in received:
            os.set_inheritable(descriptor, False)
        request = json.loads(message)
        if request["do"] == "keep":
            self._start(request, Wire(socket.socket(fileno=received[0])))
        elif request["do"] == "serve":
            # What a failure leaves open of these is closed, and tells the host that way.
            with contextlib.suppress(OSError):
                self._servers[request["server"]] = ForkServerProcess(*received)
        else:
            self._stop_server(request["server"])
        return True

    def _start(self, request: dict[str, Any], wire: Wire) -> None:
        directory, inside = request["directory"], request["tier"] == "namespace"
        pid = self._from_server(request, wire)
        if not pid:
            try:
                pid = fork_apart(inside)
            except OSError as error:
                wire.send(event="failed", error=error.errno, message=f"no keeper: {error.strerror}")
                wire.close()
                return
        if pid == 0:
            self._keep(directory, wire, inside)
        self._leases[pid] = _Lease(wire, directory)

    def _from_server(self, request: dict[str, Any], wire: Wire) -> int:
        """Have a fork server fork the keeper; 0 when there is none that does."""
        name = request["server"]
        if name not in self._servers:
            return 0
        descriptors = [wire.fileno(), self._host, self._alive]
        pid = self._servers[name].fork(request["tier"], request["directory"], descriptors)
        if not pid:
            self._stop_server(name)
        return pid

    def _stop_server(self, name: str) -> None:
        server = self._servers.pop(name, None)
        if server is not None:
            server.close()

    def _keep(self, directory: str, wire: Wire, inside: bool) -> None:
        """In the forked child: be the keeper, and never return."""
        status = 1
        try:
            os.close(self._alive_end)
            self._control.close()
            os.close(self._wake)
            for lease in self._leases.values():
                lease.wire.close()
            for server in self._servers.values():
                server.let_go()
            launcher = ColdLauncher()
            status = keeper.main(wire, self._host, self._alive, directory, inside, launcher)
        finally:
            os._exit(status)

    def _collect(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake, 4096)
        if proctree.reap_some(self._exited):
            signal.raise_signal(signal.SIGCHLD)
        # Concluding one may collect others.
        while gone := self._exited.keys() & self._leases.keys():
            pid = gone.pop()
            status, _ = self._exited.pop(pid)
            self._conclude(self._leases.pop(pid), clean=status == 0)
        for name in [name for name, one in self._servers.items() if one.pid in self._exited]:
            self._stop_server(name)
        self._exited.clear()

    def _conclude(self, lease: _Lease, *, clean: bool) -> None:
        """A keeper is gone: do what it has left undone, and let the host know."""
        if not clean:
            deadline = time.monotonic() + _STRANGER_SECONDS
            done = proctree.end_strangers(self._own(), self._exited, deadline)
            tail = keeper.read_tail(lease.directory)
            clean_up = remove_directory if done else count_files
            files = clean_up(lease.directory)
            left = 0 if done else 1
            lease.wire.send(event="end", ended=0, left=left, files_left=files, tail=tail)
        lease.wire.close()

    def _own(self) -> frozenset[int]:
        return frozenset({*self._leases, *(server.pid for server in self._servers.values())})

    def finish(self) -> None:
        """The host is gone, or wants no more: the keepers end, and those that do not are killed."""
        # A keeper takes this for the guard's death.
        os.close(self._alive_end)
        for name in list(self._servers):
            self._stop_server(name)
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


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
