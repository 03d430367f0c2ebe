"""One JSON object a line over a Unix socket: how the host and its supervisors talk."""

from __future__ import annotations

import contextlib
import json
import socket
from typing import Any


class Wire:
    """A connected stream socket that carries JSON objects, a line each."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._buffer = b""

    def fileno(self) -> int:
        return self.socket.fileno()

    def send(self, **message: object) -> bool:
        """Send one object; False when nobody is there to get it."""
        try:
            self.socket.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            return False
        return True

    def receive(self) -> dict[str, Any] | None:
        """Block for the next object; None at the end of the connection.

        Raises:
            TimeoutError: The socket's timeout has passed.
        """
        while b"\n" not in self._buffer:
            try:
                chunk = self.socket.recv(65536)
            except TimeoutError:
                raise
            except OSError:
                return None
            if not chunk:
                return None
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    @property
    def pending(self) -> bool:
        """Whether a whole object has been read already and waits for ``receive``."""
        return b"\n" in self._buffer

    def hang_up(self) -> None:
        """End the connection, and with it a ``receive`` that another thread is blocked in."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.socket.close()
