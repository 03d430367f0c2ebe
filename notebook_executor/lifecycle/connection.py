"""The host's end of a kernel's channels: plain zmq sockets and jupyter_client's signed messages.

Blocking and single-threaded on purpose: no event loop is needed, so none is touched, and a run
works the same inside a running loop, in a thread, or in a forked process.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import zmq
from jupyter_client.connect import write_connection_file
from jupyter_client.session import Session

from notebook_executor.errors import KernelDiedError
from notebook_executor.lifecycle.large_streams import LARGE, LargeStream
from notebook_executor.lifecycle.messages import read_message

Channel = Literal["shell", "iopub", "control"]

_SOCKET_TYPES: dict[Channel, int] = {"shell": zmq.DEALER, "iopub": zmq.SUB, "control": zmq.DEALER}
# zmq's default of 100 ms would make a kernel that is up in 40 ms look like one that took 150.
_RECONNECT_MS = 5
_RESEND_SECONDS = 0.5
_LONGEST_POLL = 1000
_BATCH = 256
_BATCH_BYTES = 1 << 20
# Before a content come a delimiter, the signature, two headers and the metadata.
_SMALL_FRAMES = 5


class Message(NamedTuple):
    """One message of the kernel's, and the channel it came on."""

    channel: Channel
    type: str
    parent_id: str | None
    content: dict[str, Any]
    body: dict[str, Any]


@dataclass(frozen=True)
class Connection:
    """Where a kernel listens; the file it reads this from is 0600 in a private directory."""

    file: Path
    transport: Literal["ipc", "tcp"]
    key: str = field(repr=False)
    ports: dict[Channel, int]
    ip: str

    @classmethod
    def create(
        cls, directory: Path, kernel_name: str, transport: Literal["ipc", "tcp"] = "ipc"
    ) -> Connection:
        """Write ``connection.json`` into the directory, for sockets in the same directory."""
        key = _new_key()
        # jupyter_client's default ip for ipc is relative to the working directory.
        ip = str(directory / "s") if transport == "ipc" else "127.0.0.1"
        file = directory / "connection.json"
        _, info = write_connection_file(
            str(file), transport=transport, ip=ip, key=key.encode(), kernel_name=kernel_name
        )
        ports: dict[Channel, int] = {
            "shell": int(info["shell_port"]),
            "iopub": int(info["iopub_port"]),
            "control": int(info["control_port"]),
        }
        return cls(file=file, transport=transport, key=key, ports=ports, ip=ip)

    def address(self, channel: Channel) -> str:
        separator = "-" if self.transport == "ipc" else ":"
        return f"{self.transport}://{self.ip}{separator}{self.ports[channel]}"


def _new_key() -> str:
    import secrets

    return secrets.token_hex(32)


class Channels:
    """Shell, IOPub and control of one kernel, for one thread at a time; ``close`` ends them."""

    def __init__(self, connection: Connection, death_fd: int) -> None:
        self.connection = connection
        self.malformed = 0  # messages that could not be read: outputs may be missing
        self.dead = False
        # Whether a large stream message comes as several; cut anywhere, where it has long lines.
        self.cuts_streams = False
        self._pieces: Iterator[Message] | None = None
        self._death_fd = death_fd
        self._session = Session(
            key=connection.key.encode(),
            username="notebook_executor",
            # Above this size pyzmq would keep a thread and a context for good, to save a copy.
            copy_threshold=sys.maxsize,
        )
        self._context = zmq.Context()
        self._sockets: dict[Channel, zmq.Socket[bytes]] = {}
        self._poller = zmq.Poller()
        for channel in ("shell", "iopub", "control"):
            self._open(channel)
        self._poller.register(death_fd, zmq.POLLIN)

    def _open(self, channel: Channel) -> None:
        socket = self._context.socket(_SOCKET_TYPES[channel])
        socket.linger = 0
        socket.setsockopt(zmq.RECONNECT_IVL, _RECONNECT_MS)
        # Unlimited: at the default of 1,000 messages the kernel drops outputs of a fast cell.
        socket.setsockopt(zmq.RCVHWM, 0)
        if channel == "iopub":
            socket.subscribe(b"")
        else:
            socket.setsockopt(zmq.IDENTITY, self._session.bsession)
        socket.connect(self.connection.address(channel))
        self._sockets[channel] = socket
        self._poller.register(socket, zmq.POLLIN)

    @property
    def session(self) -> Session:
        """Signs messages; for front-end mimicry that must send on its own (Output widgets)."""
        return self._session

    def send(self, channel: Channel, message: dict[str, Any] | str, content: Any = None) -> str:
        """Send a request, or a message made by ``session``.

        Returns:
            The message's id, by which its replies and outputs are recognised.
        """
        sent = self._session.send(self._sockets[channel], message, content=content)
        if sent is None:
            # jupyter_client's Session refuses to send from a forked copy of its process.
            raise KernelDiedError("A kernel's channels were used from a forked process")
        return str(sent["header"]["msg_id"])

    def receive(self, timeout: float | None) -> list[Message]:
        """Block until something arrives, the kernel dies, or ``timeout`` seconds have passed.

        Without a timeout it blocks for a second at most: call it again.

        ``dead`` is true from the call on that noticed the kernel's exit. Messages that it sent
        before may still be on their way then: call again until none come.

        Returns:
            What arrived, in order on each channel.
        """
        piece = self._next_piece()
        if piece is not None:
            return [piece]
        # A signal that comes just before the call does not interrupt it: never wait for ever.
        longest = _LONGEST_POLL if timeout is None else max(0, int(timeout * 1000))
        ready = dict(self._poller.poll(longest))
        messages: list[Message] = []
        for channel, socket in self._sockets.items():
            if socket in ready:
                messages.extend(self._drain(channel, socket))
        if self._death_fd in ready:
            # Readable for ever from now on: left in the poller it would turn waiting into spinning.
            self._poller.unregister(self._death_fd)
            self.dead = True
        first = None if messages else self._next_piece()
        return messages if first is None else [first]

    def _next_piece(self) -> Message | None:
        """The next piece of a large stream that is being read; nothing else is read meanwhile."""
        if self._pieces is None:
            return None
        try:
            piece = next(self._pieces, None)
        except ValueError:
            self.malformed += 1
            piece = None
        if piece is None:
            self._pieces = None
        return piece

    def _drain(self, channel: Channel, socket: zmq.Socket[bytes]) -> Iterator[Message]:
        size = 0
        for _ in range(_BATCH):
            try:
                frames = _receive(socket)
            except zmq.Again:
                return
            size += sum(map(len, frames))
            message = self._read(channel, frames)
            if message is not None:
                yield message
            if size > _BATCH_BYTES or self._pieces is not None:
                return

    def _read(self, channel: Channel, frames: list[bytes | memoryview]) -> Message | None:
        try:
            body = read_message(self._session, frames, whole=not self.cuts_streams)
        except (ValueError, TypeError, LookupError, RecursionError):
            self.malformed += 1
            return None
        parent = body["parent_header"].get("msg_id")
        content = body["content"]
        if isinstance(content, LargeStream):
            self._pieces = _cut(Message(channel, body["msg_type"], parent, {}, body), content)
            return None
        return Message(channel, body["msg_type"], parent, content, body)

    def ask(self, request: str, content: dict[str, Any], seconds: float) -> bool:
        """Send a request on shell and wait for its reply; False if none came in time."""
        deadline = time.monotonic() + seconds
        asked = self.send("shell", request, content)
        while not self.dead and time.monotonic() < deadline:
            for message in self.receive(deadline - time.monotonic()):
                if message.channel == "shell" and message.parent_id == asked:
                    return True
        return False

    def wait_ready(
        self, deadline: float, unwanted: Callable[[], bool] = lambda: False
    ) -> dict[str, Any]:
        """Block until the kernel answers and its IOPub channel is heard.

        ipykernel 7 greets each IOPub subscriber (``iopub_welcome``); other kernels are asked
        again until they have been heard, since outputs sent before the subscription are lost.

        Args:
            deadline: On the monotonic clock.
            unwanted: Asked at least twice a second; True ends the waiting.

        Returns:
            The content of the kernel_info reply.

        Raises:
            KernelDiedError: The kernel exited.
            TimeoutError: The deadline has passed.
            InterruptedError: The kernel has become unwanted.
        """
        info: dict[str, Any] | None = None
        heard = False
        pending: set[str | None] = set()
        ask_at = 0.0
        while info is None or not heard:
            now = time.monotonic()
            if unwanted():
                raise InterruptedError
            if now >= deadline:
                raise TimeoutError
            if now >= ask_at:
                pending.add(self.send("shell", "kernel_info_request", {}))
                ask_at = now + _RESEND_SECONDS
            messages = self.receive(min(deadline, ask_at) - now)
            for message in messages:
                heard = heard or message.channel == "iopub"
                if message.type == "kernel_info_reply" and message.parent_id in pending:
                    info = message.content
            if self.dead and not messages:
                raise KernelDiedError("The kernel exited while it was starting")
        return info

    def request_interrupt(self) -> None:
        """Ask for an interrupt by message; safe from another thread."""
        self._send_aside("control", "interrupt_request")

    def nudge(self) -> None:
        """Wake a kernel that was interrupted while it awaits something; safe from another thread.

        ipykernel's handler of SIGINT cancels the cell by a callback that does not wake the event
        loop it is added to; any message on the shell channel does.
        """
        self._send_aside("shell", "kernel_info_request")

    def _send_aside(self, channel: Channel, request: str) -> None:
        session = Session(key=self.connection.key.encode(), username="notebook_executor")
        with self._context.socket(zmq.DEALER) as socket:
            socket.linger = 1000
            socket.connect(self.connection.address(channel))
            session.send(socket, request, content={})

    def close(self) -> None:
        """Close all sockets at once; what has not been sent is dropped."""
        self._pieces = None
        self._context.destroy(linger=0)


def _receive(socket: zmq.Socket[bytes]) -> list[bytes | memoryview]:
    """The frames of one message; a large one is left where zmq has put it.

    Raises:
        zmq.Again: There is no message.
    """
    frames: list[bytes | memoryview] = [socket.recv(zmq.NOBLOCK)]
    while socket.getsockopt(zmq.RCVMORE):
        if len(frames) < _SMALL_FRAMES:
            frames.append(socket.recv(zmq.NOBLOCK))
        else:
            frame = socket.recv(zmq.NOBLOCK, copy=False)
            frames.append(frame.buffer if len(frame) > LARGE else frame.bytes)
    return frames


def _cut(message: Message, stream: LargeStream) -> Iterator[Message]:
    for text in stream.pieces:
        content = {"name": stream.name, "text": text}
        yield message._replace(content=content, body={**message.body, "content": content})
