"""A command that an attendant sees to, seen from the host."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any, Self

from notebook_executor.lifecycle.attendant import END_SECONDS
from notebook_executor.lifecycle.wire import Wire

_START_SECONDS = 20.0
_LOST = "the command was lost: what watched over it is gone"


class KeptProcess:
    """See ``SpawnedProcess``; only ``keep_process`` makes one."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._told: dict[str, Any] | None = None

    def wait(self, timeout: float | None) -> int | None:
        if self._told is None:
            if not self._wire.wait(timeout):
                return None
            self._told = self._wire.receive() or {}
        if "code" not in self._told:
            raise ChildProcessError(_LOST)
        if self._told["left"]:
            raise ChildProcessError("the command cannot be ended, or something that it has started")
        code: int = self._told["code"]
        return code

    def kill(self) -> None:
        self._wire.send(do="end")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        with contextlib.suppress(ChildProcessError):
            self.wait(END_SECONDS)
        self._wire.close()


def keep_process(
    send: Callable[..., None], spec: dict[str, Any], streams: Sequence[int | None]
) -> KeptProcess:
    """Have a keeper's attendant start a command.

    Args:
        send: Sends the keeper a message, with descriptors.
        spec: What an attendant wants to know of the command.
        streams: Its standard streams; None for /dev/null.

    Raises:
        OSError: It cannot be started, or the keeper is gone.
    """
    with contextlib.ExitStack() as opened, contextlib.ExitStack() as undo:
        ours, theirs = socket.socketpair()
        opened.enter_context(theirs)
        undo.enter_context(ours)
        file = opened.enter_context(open(os.memfd_create("command", os.MFD_CLOEXEC), "wb"))
        file.write(json.dumps(spec).encode())
        file.flush()
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        opened.callback(os.close, null)
        three = [null if stream is None else stream for stream in streams]
        send(do="spawn", descriptors=[file.fileno(), *three, theirs.fileno()])
        theirs.close()
        wire = Wire(ours)
        told = wire.receive() if wire.wait(_START_SECONDS) else None
        if told is None:
            raise ChildProcessError(_LOST)
        if told["event"] == "failed":
            raise OSError(told["error"], told["message"], spec["argv"][0])
        undo.pop_all()
    return KeptProcess(wire)
