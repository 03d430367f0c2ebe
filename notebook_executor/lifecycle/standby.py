"""Kernels that have been opened and not been launched, and the shelf for those of one command."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from notebook_executor.errors import KernelStartError
from notebook_executor.lifecycle.choice import Containment, suffices
from notebook_executor.lifecycle.connection import Channels, Connection
from notebook_executor.lifecycle.containment import Contained, Tier
from notebook_executor.lifecycle.fork_server_handle import Command, ForkServer
from notebook_executor.lifecycle.kept import KeptKernel
from notebook_executor.lifecycle.kernelspecs import LaunchSpec


@dataclass
class Opened:
    """A private directory with a connection file; with channels too, where a kernel waits.

    Whoever holds it ends it.
    """

    contained: Contained
    connection: Connection
    channels: Channels | None = None
    since: float = field(default_factory=time.monotonic)

    def end(self) -> None:
        if self.channels is not None:
            self.channels.close()
        self.contained.end()


def open_kernel(
    containment: Containment,
    spec: LaunchSpec,
    *,
    host_view: bool,
    required: Tier | None,
    record: Mapping[str, Any],
    transport: Literal["ipc", "tcp"] = "ipc",
    server: str | None = None,
) -> Opened:
    """Make a kernel's private directory, and a connection file in it.

    Raises:
        KernelStartError: There is no place for it, or no tier that will do.
    """
    contained = containment.open(
        host_view=host_view, required=required, record=record, server=server
    )
    try:
        return Opened(contained, Connection.create(contained.directory, spec.name, transport))
    except BaseException:
        contained.end()
        raise


class Shelf:
    """What waits for one command, and the fork server that it comes from.

    Only the thread that tends the shelf adds to it.

    Attributes:
        wanted: How many should wait, by whether they see the host's processes.
        used: When the last one was asked for.
    """

    def __init__(self, containment: Containment, spec: LaunchSpec, command: Command) -> None:
        self.wanted = {False: 0, True: 0}
        self.used = time.monotonic()
        self.server = ForkServer(containment.supervisor, command)
        self._containment = containment
        self._spec = spec
        self._command = command
        self._lock = threading.Lock()
        self._waiting: dict[bool, list[Opened]] = {False: [], True: []}

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def take(
        self, host_view: bool, required: Tier | None, record: Mapping[str, Any], *, missed: bool
    ) -> Opened:
        """One that waits, the youngest first, or else a new one.

        Args:
            host_view: Whether it is to see the host's processes.
            required: The least tier that will do.
            record: What the lease file says of it.
            missed: Whether one more is to wait from now on, should there be none.

        Raises:
            KernelStartError: There is no place for it, or no tier that will do.
        """
        self.used = time.monotonic()
        while True:
            with self._lock:
                waiting = self._waiting[host_view]
                found = waiting.pop() if waiting else None
            if found is None:
                self.wanted[host_view] += missed
                return self._open(host_view, required, record)
            if found.contained.alive and suffices(found.contained.tier, required):
                return found
            found.end()

    def _open(self, host_view: bool, required: Tier | None, record: Mapping[str, Any]) -> Opened:
        opened = open_kernel(
            self._containment,
            self._spec,
            host_view=host_view,
            required=required,
            record=record,
            server=self.server.name,
        )
        if not opened.contained.warm:
            self.server.problem = "it is gone"
        return opened

    def lacking(self) -> bool | None:
        """For which view of the host there should be more; None when there are enough."""
        if self.server.problem != "" or self.server.configured:
            return None
        for host_view, wanted in self.wanted.items():
            if len(self._waiting[host_view]) < wanted:
                return host_view
        return None

    def add(self, host_view: bool) -> None:
        """Start one that then waits; where that fails, no more are wanted until one is missed."""
        record = {"kernel": self._spec.name, "host_pid": os.getpid(), "stand_by": True}
        opened = None
        try:
            opened = self._open(host_view, None, record)
            contained = opened.contained
            if isinstance(contained, KeptKernel) and contained.warm:
                file = opened.connection.file
                contained.prepare(self._spec.command(file, self._command.extra))
                opened.channels = Channels(opened.connection, contained.death_fd)
        except KernelStartError:
            self.wanted[host_view] = 0
        if opened is None:
            return
        if opened.channels is None:
            opened.end()
            return
        with self._lock:
            self._waiting[host_view].append(opened)

    def expired(self, before: float) -> list[Opened]:
        """Take off what has waited since before then; that many fewer are wanted."""
        gone = []
        with self._lock:
            for host_view, waiting in self._waiting.items():
                old = [opened for opened in waiting if opened.since < before]
                self._waiting[host_view] = [opened for opened in waiting if opened not in old]
                self.wanted[host_view] = max(0, self.wanted[host_view] - len(old))
                gone += old
        return gone

    def end(self) -> None:
        """End all that waits, and the fork server."""
        self.wanted = {False: 0, True: 0}
        for opened in self.expired(float("inf")):
            opened.end()
        self.server.end()
