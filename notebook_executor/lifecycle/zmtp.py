"""ZMTP 3.0 (RFC 23), the wire protocol of ZeroMQ, as far as a client of a few sockets needs it.

Framing, and the handshake of the NULL mechanism; no socket, no thread, nothing of Jupyter. Any
ZeroMQ since libzmq 4.0 (2013) takes a peer of version 3.0 as it is.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

Kind = Literal["DEALER", "SUB"]
Frame = bytes | bytearray | memoryview

_MORE, _LONG, _COMMAND = 1, 2, 4
_SIGNATURE = b"\xff" + bytes(8) + b"\x7f"
_GREETING = _SIGNATURE + b"\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
_VERSION, _MECHANISM = 10, slice(12, 32)
# Frames above this size are collected as they come; smaller ones are cut from what has come.
_COLLECTED = 1 << 16
# Nothing has this size: whoever says so speaks another protocol.
_ABSURD = 1 << 40
_PING, _PONG, _PING_HEAD = b"\x04PING", b"\x04PONG", 7


class NotSpokenError(ValueError):
    """What the peer sends is not ZMTP 3, or its NULL mechanism."""


class Part(NamedTuple):
    """Something of a frame that is handed out while it still comes.

    Attributes:
        before: With the first part, the frames of the same message that came before it.
        data: What has come of it since the last part.
        left: How many bytes of it are still to come.
    """

    before: list[Frame]
    data: bytes
    left: int


def encode(frames: Sequence[Frame], flags: int = 0) -> bytes:
    """One message, or command, as it is on the wire."""
    parts: list[Frame] = []
    last = len(frames) - 1
    for place, frame in enumerate(frames):
        size, more = len(memoryview(frame).cast("B")), flags | (_MORE if place < last else 0)
        short = size < 256
        parts.append(bytes((more, size)) if short else struct.pack(">BQ", more | _LONG, size))
        parts.append(frame)
    return b"".join(parts)


class Decoder:
    """Messages and commands from the bytes of a connection, however these are split.

    Args:
        large: From this size on a frame may be handed out as it comes.
        apart: Asked whether it is to be, with the frames of its message that came before.

    Attributes:
        commands: The commands that have come; whoever has seen to them takes them out.
        left: How much of a frame that is handed out as it comes is still to come.
    """

    def __init__(
        self,
        large: int = _ABSURD,
        apart: Callable[[list[Frame]], bool] = lambda _: False,
    ) -> None:
        self.commands: list[bytes] = []
        self.left = 0
        self._large = large
        self._apart = apart
        self._frames: list[Frame] = []
        self._flags = 0
        self._body: bytearray | None = None
        self._size = 0
        self._rest = b""

    def feed(self, data: bytes) -> list[list[Frame] | Part]:
        """What is complete now, in order.

        Raises:
            NotSpokenError: This is no frame.
        """
        found: list[list[Frame] | Part] = []
        data = self._go_on(data, found)
        data = self._rest + data if self._rest else data
        at, end = 0, len(data)
        while end - at >= 2:
            flags = data[at]
            if flags & _LONG:
                if end - at < 9:
                    break
                start, size = at + 9, int.from_bytes(data[at + 1 : at + 9], "big")
            else:
                start, size = at + 2, data[at + 1]
            if flags > 7 or size > _ABSURD:
                raise NotSpokenError("it sends frames that are none")
            if size > self._large and not flags & _COMMAND and self._apart(self._frames):
                self._flags, self.left = flags, size
                data, at = self._go_on(data[start:], found), 0
                end = len(data)
                continue
            if start + size > end:
                if size > _COLLECTED:
                    self._flags, self._size = flags, size
                    self._body, at = bytearray(data[start:]), end
                break
            at = start + size
            self._take(flags, data[start:at], found)
        self._rest = data[at:]
        return found

    def _go_on(self, data: bytes, found: list[list[Frame] | Part]) -> bytes:
        """Give a frame that is under way what there is of it; the rest is returned."""
        if self.left:
            part, data = data[: self.left], data[self.left :]
            self.left -= len(part)
            found.append(Part(self._frames, part, self.left))
            # What may follow in its message is no message of its own, and will look like none.
            self._frames = []
        elif self._body is not None:
            missing = self._size - len(self._body)
            self._body += data[:missing]
            data = data[missing:]
            if len(self._body) == self._size:
                body, self._body = self._body, None
                self._take(self._flags, body, found)
        return data

    def _take(self, flags: int, frame: Frame, found: list[list[Frame] | Part]) -> None:
        if flags & _COMMAND:
            self.commands.append(bytes(frame))
            return
        self._frames.append(frame)
        if not flags & _MORE:
            found.append(self._frames)
            self._frames = []


class Conversation:
    """Our side of one connection: what is to be sent, and what has been received.

    Args:
        kind: Which socket of ZeroMQ we are; a SUB subscribes to everything.
        identity: By which a ROUTER knows us; empty for one that it chooses.
        decoder: Knows the frames.

    Attributes:
        outgoing: What is to be written to the connection; whoever has written takes it out.
        ready: Whether the peer has greeted us: what we send goes out from then on.
    """

    def __init__(self, kind: Kind, identity: bytes, decoder: Decoder) -> None:
        self.outgoing = bytearray(_GREETING)
        self.ready = False
        self._kind = kind
        self._identity = identity
        self._decoder = decoder
        self._greeting: bytes | None = b""
        self._held = bytearray(encode([b"\x01"]) if kind == "SUB" else b"")

    def send(self, frames: Sequence[Frame]) -> None:
        """Have a message go out once the peer has greeted us."""
        (self.outgoing if self.ready else self._held).extend(encode(frames))

    def feed(self, data: bytes) -> list[list[Frame] | Part]:
        """What the peer has said with this; its greeting and its commands are seen to.

        Raises:
            NotSpokenError: It does not speak this protocol; it is best left.
        """
        if self._greeting is not None:
            data = self._greet(self._greeting + data)
        found = self._decoder.feed(data) if data else []
        if self._decoder.commands:
            self._obey(self._decoder.commands)
        if found and not self.ready:
            raise NotSpokenError("it speaks before it has greeted us")
        return found

    def _greet(self, greeting: bytes) -> bytes:
        """Check as much of a greeting as there is; what follows it is returned."""
        signed = greeting[:1] + greeting[9:10]
        if not (_SIGNATURE[:1] + _SIGNATURE[9:]).startswith(signed):
            raise NotSpokenError("its greeting is not that of ZMTP")
        if greeting[_VERSION : _VERSION + 1] and greeting[_VERSION] < 3:
            raise NotSpokenError("it speaks a ZMTP older than version 3")
        if len(greeting) < len(_GREETING):
            self._greeting = greeting
            return b""
        if greeting[_MECHANISM] != _GREETING[_MECHANISM]:
            raise NotSpokenError("it wants another mechanism than NULL")
        self._greeting = None
        about = {b"Socket-Type": self._kind.encode()}
        if self._identity:
            about[b"Identity"] = self._identity
        ready = b"\x05READY" + b"".join(
            struct.pack(">B", len(name)) + name + struct.pack(">I", len(value)) + value
            for name, value in about.items()
        )
        self.outgoing += encode([ready], _COMMAND)
        return greeting[len(_GREETING) :]

    def _obey(self, commands: list[bytes]) -> None:
        for command in commands:
            if command.startswith(b"\x05READY") and not self.ready:
                self.ready = True
                self.outgoing += self._held
                self._held.clear()
            elif command.startswith(b"\x05ERROR"):
                raise NotSpokenError("it refuses the connection")
            elif command.startswith(_PING):
                # Of version 3.1: a lifetime of two bytes, then what is to be sent back.
                self.outgoing += encode([_PONG + command[_PING_HEAD:]], _COMMAND)
        commands.clear()
