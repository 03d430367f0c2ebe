"""Connections to the run's broker: a JSON object a line, one call at a time on each.

Each call that is under way has a connection to itself, so that threads do not wait for each
other; a call that is given up closes its connection, by which the broker knows. Nothing is ever
sent twice.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from typing import Any

# As many calls are under way at a time; others wait for one of them to end.
MOST = 64
_BLOCK = 1 << 16


class Line:
    """One connection.

    Raises:
        OSError: There is nobody at the address.
    """

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(address)
        except OSError:
            self._socket.close()
            raise

    @property
    def usable(self) -> bool:
        """Whether the other end is still there, as far as can be told; it is silent meanwhile."""
        try:
            self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def ask(self, frame: bytes) -> bytes:
        """Send a line and block until there is one in answer.

        Raises:
            ConnectionError: The connection was lost; whether the line arrived is not known.
        """
        self._socket.sendall(frame)
        parts = []
        while True:
            block = self._socket.recv(_BLOCK)
            if not block:
                raise ConnectionResetError("the connection was closed")
            parts.append(block)
            if block.endswith(b"\n"):
                return b"".join(parts)

    def close(self) -> None:
        self._socket.close()


class Lines:
    """The connections of this process; safe to use from several threads, and after a fork.

    Args:
        address: The broker's socket.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._idle: list[Line] = []
        self._slots = threading.BoundedSemaphore(MOST)
        self._owner = os.getpid()

    def ask(self, frame: bytes) -> dict[str, Any]:
        """Send a line and block until there is one in answer; whatever ends that, it is over.

        Raises:
            OSError: The broker cannot be reached, or was lost.
            ValueError: What it has answered is not JSON.
        """
        self._leave_parents()
        with self._slots:
            line = self._take()
            try:
                answer: dict[str, Any] = json.loads(line.ask(frame))
            except BaseException:
                line.close()
                raise
            # With some errors the broker ends the connection, which would be seen too late.
            if "error" in answer:
                line.close()
            else:
                self._idle.append(line)
            return answer

    def _take(self) -> Line:
        while self._idle:
            try:
                line = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            if line.usable:
                return line
            line.close()
        return Line(self.address)

    def _leave_parents(self) -> None:
        """In a forked copy of the process, whose answers would be the other one's."""
        if self._owner != os.getpid():
            self.close()
            self._slots = threading.BoundedSemaphore(MOST)
            self._owner = os.getpid()

    def close(self) -> None:
        """Close the connections on which no call is under way."""
        idle, self._idle = self._idle, []
        for line in idle:
            line.close()
