"""The socket at which a run's notebook calls its tools, and those who watch over the calls."""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import socket
import struct
import threading
import time
from pathlib import Path
from types import TracebackType

from notebook_executor.lifecycle.threads import new_thread
from notebook_executor.tools.connections import Connection
from notebook_executor.tools.desk import Desk
from notebook_executor.tools.frames import TOO_MANY, FrameError

SOCKET_VARIABLE = "NBX_TOOLS_SOCKET"
TOKEN_VARIABLE = "NBX_TOOLS_TOKEN"
_NAME = "tools"
_MOST_CONNECTIONS = 256
_LOOK_MS = 50
_LONGEST_END = 1.0
_OUT_OF_TIME = "The call has used up the seconds that its budget has left for tools"
_OVER = "The run is over"
_CREDENTIALS = struct.Struct("3i")


class Broker:
    """Serves the calls of one run; a block around the lease of its kernel.

    Args:
        desk: Carries calls out.

    Attributes:
        at_work: When it is closed: the tools that go on all the same.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.at_work: tuple[str, ...] = ()
        self._token = secrets.token_hex(32)
        self._listening: socket.socket | None = None
        self._connections: set[Connection] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._drowsy = False
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)
        self._thread = new_thread(self._watch, "tools")

    def listen(self, directory: Path) -> dict[str, str]:
        """Make the socket in a private directory; it goes with it.

        May be called again: the kernel may have to be started in another directory.

        Returns:
            What the kernel's environment needs.
        """
        path = directory / _NAME
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listening.bind(str(path))
            listening.listen(_MOST_CONNECTIONS)
            listening.setblocking(False)
        except OSError:
            listening.close()
            raise
        with self._lock:
            before, self._listening = self._listening, listening
        if before is not None:
            before.close()
        self._stir()
        return {SOCKET_VARIABLE: str(path), TOKEN_VARIABLE: self._token}

    def __enter__(self) -> Broker:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all calls and connections; a tool that does not look at that gets a second."""
        self.desk.cells.ended(_OVER)
        self._closed = True
        self._stir()
        self._thread.join()
        with self._lock:
            connections = tuple(self._connections)
        for connection in connections:
            connection.hang_up()
        deadline = time.monotonic() + _LONGEST_END
        for connection in connections:
            connection.join(max(0.0, deadline - time.monotonic()))
        for sock in (self._listening, self._wake, self._woken):
            if sock is not None:
                sock.close()
        calls = (connection.call for connection in connections)
        self.at_work = tuple(sorted({call.tool for call in calls if call is not None}))

    def _stir(self) -> None:
        with contextlib.suppress(BlockingIOError):  # it has been told often enough
            self._wake.send(b".")

    def _begun(self) -> None:
        """A call begins: from now on the watch looks at it every now and then."""
        if self._drowsy:
            self._drowsy = False
            self._stir()

    def _watch(self) -> None:
        """Accept connections; give up calls that nobody waits for, or that are out of time."""
        accepts = True
        while not self._closed:
            poll, listening = select.poll(), self._listening
            poll.register(self._woken, select.POLLIN)
            if listening is not None and accepts:
                poll.register(listening, select.POLLIN)
            patience = self._look()
            ready = {number for number, _ in poll.poll(patience if accepts else _LOOK_MS)}
            accepts = True
            if self._woken.fileno() in ready:
                self._woken.recv(4096)
            if listening is not None and listening.fileno() in ready:
                accepts = self._accept(listening)

    def _look(self) -> int | None:
        """Look at the calls under way; in how many milliseconds to do so again."""
        with self._lock:
            busy = [one for one in self._connections if one.call is not None]
        now = time.monotonic()
        for connection in busy:
            connection.look()
            call = connection.call
            if call is not None and call.deadline is not None and now >= call.deadline:
                call.give_up(_OUT_OF_TIME)
        if busy:
            self._drowsy = False
        elif not self._drowsy:
            self._drowsy = True  # once more, for the call that begins at this very moment
            return _LOOK_MS
        else:
            return None
        return _LOOK_MS

    def _accept(self, listening: socket.socket) -> bool:
        """False where this process has no descriptor left for it: not now."""
        try:
            accepted, _ = listening.accept()
        except BlockingIOError:  # it has gone again
            return True
        except OSError:
            return False
        accepted.setblocking(True)
        with self._lock:
            full = len(self._connections) >= _MOST_CONNECTIONS
        if full or not _is_ours(accepted):
            with contextlib.suppress(OSError), accepted:
                error = FrameError(TOO_MANY, "This connection is one too many, or not this user's")
                accepted.send(error.response(), socket.MSG_DONTWAIT)
            return True
        connection = Connection(accepted, self._token, self.desk, self._begun, self._ended)
        with self._lock:
            self._connections.add(connection)
        connection.start()
        return True

    def _ended(self, connection: Connection) -> None:
        with self._lock:
            self._connections.discard(connection)


def _is_ours(sock: socket.socket) -> bool:
    """Whether the other end is a process of this user; its directory admits no other."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    uid: int = _CREDENTIALS.unpack(raw)[1]
    return uid == os.geteuid()
