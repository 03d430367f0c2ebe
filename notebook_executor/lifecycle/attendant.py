"""The attendant: a keeper's child, one a command, and the command's parent.

A small single-threaded process of the standard library, forked by the keeper. The host has a
kernel's containment run commands through it; what a command has started, double-forked daemons
included, ends with the command. Where the attendant itself is killed, the keeper inherits all that,
and ends it with the kernel.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from typing import Any

from notebook_executor.lifecycle import proctree, syscalls
from notebook_executor.lifecycle.launching import (
    be_child_of,
    fork_and_execute,
    let_go,
    take_on,
)
from notebook_executor.lifecycle.supervising import Ears, catch_signals
from notebook_executor.lifecycle.wire import Wire

END_SECONDS = 20.0


def fork_attendant(descriptors: list[int]) -> None:
    """Fork an attendant.

    Args:
        descriptors: A file with ``argv``, ``env``, ``cwd`` and ``rlimits``, the three streams of
            the command, and a socket on which the host is told how it goes. They stay the
            caller's.

    Raises:
        OSError: There can be no more processes.
    """
    keeper = os.getpid()
    if os.fork() == 0:
        try:
            _attend(keeper, descriptors)
        finally:
            os._exit(0)


def _attend(keeper: int, descriptors: list[int]) -> None:
    be_child_of(keeper)
    let_go(descriptors)
    spec_file, *streams, status = descriptors
    with os.fdopen(spec_file, "rb") as file:
        file.seek(0)
        spec = json.load(file)
    wire = Wire(socket.socket(fileno=status))
    wake = catch_signals()
    syscalls.become_subreaper()
    try:
        command = _start(spec, streams)
    except OSError as error:
        wire.send(event="failed", error=error.errno, message=str(error.strerror))
        return
    finally:
        for stream in streams:
            os.close(stream)
    wire.send(event="started")
    wire.send(event="exit", **_see_through(command, Ears(wire, wake)))


def _start(spec: dict[str, Any], streams: list[int]) -> int:
    me = os.getpid()

    def dress() -> None:
        be_child_of(me)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        take_on(spec)

    return fork_and_execute(spec["argv"], spec["env"], dress)


def _see_through(command: int, ears: Ears) -> dict[str, Any]:
    """Wait for the command, or the host's word; then end whatever there is."""
    statuses: dict[int, tuple[int, int]] = {}
    while command not in statuses:
        spoken, exited, _ = ears.listen(None)
        if exited and proctree.reap_some(statuses):
            signal.raise_signal(signal.SIGCHLD)
        if spoken:
            break
    clean = proctree.reap_some(statuses) is None or proctree.end_descendants(
        statuses, time.monotonic() + END_SECONDS
    )
    status = statuses.get(command)
    return {
        "code": None if status is None else os.waitstatus_to_exitcode(status[0]),
        "ended": len(statuses) - 1,
        "left": 0 if clean else max(1, len(proctree.descendants(os.getpid()))),
    }
