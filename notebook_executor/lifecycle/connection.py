"""The host's end of a kernel's channels: plain zmq sockets and jupyter_client's signed messages.

Blocking and single-threaded on purpose: no event loop is needed, so none is touched, and a run
works the same inside a running loop, in a thread, or in a forked process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

from jupyter_client.connect import write_connection_file
from jupyter_client.session import Session

from notebook_executor.errors import KernelDiedError
from notebook_executor.lifecycle.large_streams import LARGE
from notebook_executor.lifecycle.links import Link, Links
from notebook_executor.lifecycle.messages import ArrivingStream, is_stream, read_message
from notebook_executor.lifecycle.zmtp import Frame, NotSpokenError, Part

Channel = Literal["shell", "iopub", "control"]

_RESEND_SECONDS = 0.5
_SETTLED_SECONDS = 1.0
_LOST_SECONDS = 2.0
_LONGEST_WAIT = 1.0
# While these are seen to, what comes next stays with the kernel, and would be lost with it.
_BATCH = 8
_FEW = 100
_BATCH_BYTES = 1 << 20
# How long a kernel may be left alone that loses nothing unless it dies, and one that does.
_PATIENT_SECONDS, _ANXIOUS_SECONDS = 0.05, 0.01
_UNREADABLE = (ValueError, TypeError, LookupError, RecursionError)


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
    """Shell, IOPub and control of one kernel, for one thread at a time; ``close`` ends them.

    Attributes:
        malformed: How many messages could not be read: outputs may be missing.
        dead: Whether the kernel has exited, or can no longer be spoken to.
        cuts_streams: Whether a large stream message comes as several, cut anywhere where it has
            long lines; over a Unix socket from a kernel that ``waits_for_us`` while it arrives.
        waits_for_us: Whether the kernel keeps all that we have not received yet. One that does not
            loses messages once a thousand wait.
    """

    def __init__(self, connection: Connection, death_fd: int) -> None:
        self.connection = connection
        self.malformed = 0
        self.dead = False
        self.cuts_streams = False
        self.waits_for_us = False
        self._session = Session(key=connection.key.encode(), username="notebook_executor")
        self._arriving: ArrivingStream | None = None
        self._pieces: Iterator[Message] = iter(())
        identity = self._session.bsession
        self._links: dict[str, Link] = {
            "shell": Link(connection.address("shell"), "DEALER", identity),
            "iopub": Link(connection.address("iopub"), "SUB", b"", LARGE, self._is_cut),
            "control": Link(connection.address("control"), "DEALER", identity),
        }
        self._all = Links(self._links, death_fd)
        self._lost_at: float | None = None
        self._taken = 0

    def _is_cut(self, before: list[Frame]) -> bool:
        """Whether the large frame after these is to be read while it still comes.

        Its signature can be checked at its end only, when its pieces are known already. What a
        forger must do to be heard until then is to be at the other end of a Unix socket in the
        kernel's private directory: be the same user, who can read the key there as well. A port
        can be anybody's: what comes over TCP is read as a whole, and its signature checked first.
        """
        cut = self.cuts_streams and self.waits_for_us and self.connection.transport == "ipc"
        return cut and is_stream(self._session, before)

    @property
    def session(self) -> Session:
        """Signs messages; for front-end mimicry that must send on its own (Output widgets)."""
        return self._session

    def send(self, channel: Channel, message: dict[str, Any] | str, content: Any = None) -> str:
        """Send a request, or a message made by ``session``.

        What the kernel does not take at once goes out with a later call of ``receive``; on the
        control channel, where no answer is waited for, within a second.

        Returns:
            The message's id, by which its replies and outputs are recognised.
        """
        link = self._links[channel]
        sent = self._session.send(cast("Any", link), message, content=content)
        if sent is None:
            # jupyter_client's Session refuses to send from a forked copy of its process.
            raise KernelDiedError("A kernel's channels were used from a forked process")
        if channel == "control":
            link.settle(_SETTLED_SECONDS)
        self._all.watch(channel)
        return str(sent["header"]["msg_id"])

    def receive(self, timeout: float | None) -> list[Message]:
        """Block until something arrives, the kernel dies, or ``timeout`` seconds have passed.

        Without a timeout it blocks for a second at most: call it again.

        ``dead`` is true from the call on that noticed the kernel's exit. Messages that it sent
        before may still be on their way then: call again until none come.

        Returns:
            What arrived, in order on each channel.
        """
        # A signal that comes just before the call does not interrupt it: never wait for ever.
        deadline = time.monotonic() + (_LONGEST_WAIT if timeout is None else timeout)
        was_dead = self.dead
        while True:
            left = deadline - time.monotonic()
            last = self.dead and not (was_dead and self._is_connected())
            # What has come meanwhile would be lost with the kernel.
            moved = self._all.gather(0.0 if last or self._all.received else max(0.0, left))
            messages = self._take()
            self._notice_an_end()
            if messages or (last and not moved) or (left <= 0 and not last):
                return messages

    def _is_connected(self) -> bool:
        return any(link.socket is not None for link in self._links.values())

    def _notice_an_end(self) -> None:
        if self._all.died:
            self.dead = True
        elif self._links["shell"].ended:
            # Its sockets end before the kernel does: usually it is about to be known to be dead.
            now = time.monotonic()
            self._lost_at = self._lost_at or now
            self.dead = self.dead or now - self._lost_at > _LOST_SECONDS

    def _take(self) -> list[Message]:
        """Some of what has been received, in order; a piece of a large stream comes by itself."""
        messages: list[Message] = []
        size = 0
        while len(messages) < _BATCH and size < _BATCH_BYTES:
            piece = self._next_piece()
            if piece is not None:
                messages.append(piece)
                break
            if not self._all.received:
                break
            channel, found = self._all.received.popleft()
            if isinstance(found, Part):
                self._pieces = self._arrived(cast("Channel", channel), found)
                continue
            size += sum(map(len, found))
            message = self._read(cast("Channel", channel), found)
            if message is not None:
                messages.append(message)
        self._taken += len(messages)
        if self._taken > _FEW:
            self.keep_up()
        return messages

    def keep_up(self) -> None:
        """Have outputs received from now on even while nobody calls ``receive``."""
        self._all.keep_up("iopub", _PATIENT_SECONDS if self.waits_for_us else _ANXIOUS_SECONDS)

    def _next_piece(self) -> Message | None:
        """The next piece of a large stream that is being read; nothing else is read meanwhile."""
        try:
            return next(self._pieces, None)
        except _UNREADABLE:
            self.malformed += 1
            self._arriving = None
            return None

    def _arrived(self, channel: Channel, part: Part) -> Iterator[Message]:
        """What can be read with one more part of a large stream; nothing of one that is broken."""
        if part.before:
            self._arriving = ArrivingStream(self._session, part.before)
        if self._arriving is not None:
            yield from _cut(channel, self._arriving.body, self._arriving.feed(part))
        if not part.left:
            self._arriving = None

    def _read(self, channel: Channel, frames: list[Frame]) -> Message | None:
        try:
            body, contents = read_message(self._session, frames, whole=not self.cuts_streams)
        except _UNREADABLE:
            self.malformed += 1
            return None
        if contents is not None:
            self._pieces = _cut(channel, body, contents)
            return None
        return _message(channel, body, body["content"])

    def ask(self, request: str, content: dict[str, Any], seconds: float) -> dict[str, Any] | None:
        """Send a request on shell; the content of its reply, None if none came in time."""
        deadline = time.monotonic() + seconds
        asked = self.send("shell", request, content)
        while not self.dead and time.monotonic() < deadline:
            for message in self.receive(deadline - time.monotonic()):
                if message.channel == "shell" and message.parent_id == asked:
                    return message.content
        return None

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
            for link in self._links.values():
                if link.problem:
                    raise NotSpokenError(link.problem)
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
        """Send on a connection of its own, within a second or not at all."""
        session = Session(key=self.connection.key.encode(), username="notebook_executor")
        link = Link(self.connection.address(channel), "DEALER")
        try:
            session.send(cast("Any", link), request, content={})
            link.settle(_SETTLED_SECONDS)
        finally:
            link.close()

    def close(self) -> None:
        """Close all sockets at once; what has not been sent is dropped."""
        self._pieces = iter(())
        self._all.close()


def _message(channel: Channel, body: dict[str, Any], content: dict[str, Any]) -> Message:
    parent = body["parent_header"].get("msg_id")
    return Message(channel, body["msg_type"], parent, content, body)


def _cut(
    channel: Channel, body: dict[str, Any], contents: Iterator[dict[str, Any]]
) -> Iterator[Message]:
    for content in contents:
        yield _message(channel, {**body, "content": content}, content)
