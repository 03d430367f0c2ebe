"""One connection to a notebook: a thread that reads a request, carries it out, and answers."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

from notebook_executor.lifecycle.threads import new_thread
from notebook_executor.tools.desk import Desk
from notebook_executor.tools.frames import (
    FRAME_LIMIT,
    TOO_LARGE,
    FrameError,
    Request,
    RequestReader,
    response,
    result_response,
)
from notebook_executor.tools.underway import CallUnderway, Reply

_BLOCK = 1 << 16
_LOST = "Nobody waits for the answer any more"


class Connection:
    """Serves requests one after the other, until either side closes.

    Args:
        sock: The socket, which it closes.
        token: What a request must hold.
        desk: Carries calls out.
        on_call: Called as a call begins.
        on_end: Called when all is over, on the connection's thread.
    """

    def __init__(
        self,
        sock: socket.socket,
        token: str,
        desk: Desk,
        on_call: Callable[[], None],
        on_end: Callable[[Connection], None],
    ) -> None:
        self._socket, self._desk = sock, desk
        self._requests = RequestReader(token)
        self._on_call, self._on_end = on_call, on_end
        self._pending = bytearray()
        self._call: CallUnderway | None = None
        self._number: int | str = 0
        self._abandoned = False
        self._unsent = b""
        # One for all calls: it is set for none but the last.
        self._cancelled = threading.Event()
        self._thread = new_thread(self._serve, "tools-call")

    def start(self) -> None:
        self._thread.start()

    @property
    def call(self) -> CallUnderway | None:
        """The call that is under way."""
        return self._call

    def look(self) -> None:
        """Give up the call that is under way if the other end has gone; returns at once."""
        call = self._call
        if call is None:
            return
        try:
            gone = not self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            gone = False
        except OSError:
            gone = True
        if gone:
            call.give_up(_LOST)

    def hang_up(self) -> None:
        """Read and write no more; returns at once."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def join(self, timeout: float) -> bool:
        """Wait for the end, at most ``timeout`` seconds; False if its tool is still at work."""
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _serve(self) -> None:
        try:
            while (frame := self._read()) is not None:
                if not self._handle(frame):
                    break
        except OSError:
            pass  # the other end is gone, or this one was hung up
        finally:
            self._socket.close()
            self._on_end(self)

    def _read(self) -> bytes | None:
        """The next line; None at the end, and where it is too long."""
        if not self._pending:
            block = self._socket.recv(_BLOCK)
            if block.find(b"\n") == len(block) - 1:  # a line and no more, or the end
                return block[:-1] if block else None
            self._pending += block
        start = 0
        while (end := self._pending.find(b"\n", start)) < 0:
            start = len(self._pending)
            if start > FRAME_LIMIT:
                message = f"A request may have {FRAME_LIMIT:,} bytes, and this one has more"
                self._refuse(FrameError(TOO_LARGE, message))
                return None
            block = self._socket.recv(_BLOCK)
            if not block:
                return None
            self._pending += block
        line = bytes(self._pending[:end])
        del self._pending[: end + 1]
        return line

    def _refuse(self, error: FrameError) -> None:
        self._socket.sendall(error.response())
        if error.code == TOO_LARGE:
            self._socket.shutdown(socket.SHUT_WR)
            # Closed with something unread, the answer would be lost with it.
            while self._socket.recv(_BLOCK):
                pass

    def _handle(self, frame: bytes) -> bool:
        """Answer a request; False if it is to be the last one."""
        try:
            request = self._requests.read(frame)
        except FrameError as error:
            self._refuse(error)
            return not error.fatal
        if request.method == "tools":
            self._socket.sendall(result_response(request.number, self._desk.describe()))
            return True
        return self._carry_out(request, len(frame))

    def _carry_out(self, request: Request, size: int) -> bool:
        number, _, tool, arguments, cell = request
        call = CallUnderway(self._desk.books, tool, arguments, size, self._reply, self._cancelled)
        self._number, self._call = number, call
        self._on_call()
        self._desk.carry_out(call, cell)
        self._call = None
        if self._unsent:
            self._socket.sendall(self._unsent)
            self._unsent = b""
        return not self._abandoned

    def _reply(self, answer: Reply) -> None:
        line = response(self._number, answer)
        try:
            # Whoever answers has more to do, and does not wait for a slow reader.
            sent = self._socket.send(line, socket.MSG_DONTWAIT)
        except BlockingIOError:
            sent = 0
        except OSError:  # the other end is gone
            sent = len(line)
        if answer.abandoned:
            self._abandoned = True
            self.hang_up()
        elif sent < len(line):
            self._unsent = line[sent:]
