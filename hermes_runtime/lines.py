"""Connections to the run's broker: a JSON object a line, one call at a time on each.

Each call that is under way has a connection to itself, so that threads do not wait for each
other, and reads its answer itself; a call that is given up closes its connection, by which the
broker knows. Nothing is ever sent twice.
"""

from __future__ import annotations

import contextlib
import socket
import threading

# As many calls are under way at a time; others wait for one of them to end.
MOST = 64
_BLOCK = 1 << 16


class Line:
    """One connection.

    Raises:
        OSError: There is nobody at the address.
    """

    def __init__(self, address: str) -> None:
        self.used = False
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(address)
        except OSError:
            self._socket.close()
            raise

    def ask(self, frame: bytes) -> bytes:
        """Send a line and block until there is one in answer.

        Raises:
            BrokenPipeError: The other end has gone, and has not got the line: not all of it.
            OSError: The connection was lost; whether the line arrived is not known.
        """
        self._socket.sendall(frame)
        answer = self._socket.recv(_BLOCK)
        return answer if answer.endswith(b"\n") else self._rest(answer)

    def _rest(self, block: bytes) -> bytes:
        parts = []
        while not block.endswith(b"\n"):
            if not block:
                raise ConnectionResetError("the connection was closed")
            parts.append(block)
            block = self._socket.recv(_BLOCK)
        return b"".join((*parts, block))

    def close(self) -> None:
        self._socket.close()


class Lines:
    """The connections of this process; safe to use from several threads.

    Args:
        address: The broker's socket.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._idle: list[Line] = []
        self._all: set[Line] = set()
        self._waiting = 0
        self._free = threading.Condition()

    def ask(self, frame: bytes, begins: bytes) -> bytes:
        """Send a line and block until there is one in answer; whatever ends that, it is over.

        Args:
            frame: The line.
            begins: What the answer of a call that succeeds begins with. After any other answer
                the broker may have ended the connection, which would be seen too late.

        Raises:
            OSError: The broker cannot be reached, or was lost.
        """
        while True:
            line = self._take()
            try:
                answer = line.ask(frame)
            except BrokenPipeError:
                self._drop(line)
                if line.used:  # it was lost before, and nobody has read the line
                    continue
                raise
            except BaseException:
                self._drop(line)
                raise
            if answer.startswith(begins):
                self._give_back(line)
            else:
                self._drop(line)
            return answer

    def _take(self) -> Line:
        try:
            return self._idle.pop()
        except IndexError:
            return self._open()

    def _open(self) -> Line:
        with self._free:
            # In this order: who gives back appends first, and then looks whether anybody waits.
            self._waiting += 1
            try:
                while len(self._all) >= MOST:
                    with contextlib.suppress(IndexError):  # another thread was faster
                        return self._idle.pop()
                    self._free.wait()
            finally:
                self._waiting -= 1
            line = Line(self.address)
            self._all.add(line)
            return line

    def _give_back(self, line: Line) -> None:
        line.used = True
        self._idle.append(line)
        if self._waiting:
            with self._free:
                self._free.notify()

    def _drop(self, line: Line) -> None:
        line.close()
        with self._free:
            self._all.discard(line)
            self._free.notify()

    def close(self) -> None:
        """Close the connections on which no call is under way."""
        while self._idle:
            self._drop(self._idle.pop())

    def leave(self) -> None:
        """Close what a forked copy of the process has of it: the answers are the other one's."""
        for line in self._all:
            line.close()
