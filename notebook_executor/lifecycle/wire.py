"""One JSON object a line over a Unix socket: how the host and its supervisors talk."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
from collections.abc import Sequence
from typing import Any

_MOST_DESCRIPTORS = 8  # with one message


class Wire:
    """A connected stream socket that carries JSON objects, a line each."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._buffer = b""
        self._descriptors: list[int] = []

    def fileno(self) -> int:
        return self.socket.fileno()

    def send(self, *, descriptors: Sequence[int] = (), **message: object) -> bool:
        """Send one object; False when nobody is there to get it.

        Args:
            descriptors: Open files that go with it; this process's own stay open.
            message: What the object says.
        """
        data = json.dumps(message).encode() + b"\n"
        try:
            sent = socket.send_fds(self.socket, [data], descriptors) if descriptors else 0
            self.socket.sendall(data[sent:])
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
                chunk = self._read()
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

    def _read(self) -> bytes:
        chunk, descriptors, _, _ = socket.recv_fds(self.socket, 65536, _MOST_DESCRIPTORS)
        for descriptor in descriptors:
            # recv_fds does not pass its flags on, of which MSG_CMSG_CLOEXEC is one.
            os.set_inheritable(descriptor, False)
        self._descriptors += descriptors
        return chunk

    def take_descriptors(self) -> list[int]:
        """The open files that came with the messages until now; the caller owns them."""
        taken, self._descriptors = self._descriptors, []
        return taken

    @property
    def pending(self) -> bool:
        """Whether a whole object has been read already and waits for ``receive``."""
        return b"\n" in self._buffer

    def wait(self, timeout: float | None) -> bool:
        """Block until there is something to ``receive``, so many seconds at most."""
        if self.pending:
            return True
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        return bool(poll.poll(None if timeout is None else max(0, timeout) * 1000))

    def hang_up(self) -> None:
        """End the connection, and with it a ``receive`` that another thread is blocked in."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.socket.close()
