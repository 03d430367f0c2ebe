"""Connections that we make to a kernel's ZeroMQ sockets, over plain sockets that never block."""

from __future__ import annotations

import errno
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from notebook_executor.lifecycle.threads import new_thread
from notebook_executor.lifecycle.zmtp import (
    Conversation,
    Decoder,
    Frame,
    Kind,
    NotSpokenError,
    Part,
)

# A process whose SIGPIPE is not ignored must not be ended by a kernel's end.
_QUIETLY = getattr(socket, "MSG_NOSIGNAL", 0)
_LITTLE, _MUCH = 1 << 14, 1 << 18
_AT_ONCE = 1 << 22
_RETRY_SECONDS = 0.005
_LIVELY_SECONDS = 0.002


class Link:
    """One connection, made once there is somebody to accept it.

    Args:
        address: ``ipc://`` with a path, or ``tcp://`` with an address and a port.
        kind: Which socket of ZeroMQ we are.
        identity: By which a ROUTER knows us.
        large: From this size on a frame may be handed out as it comes.
        apart: Asked whether it is to be, with the frames of its message that came before.

    Attributes:
        socket: None as long as nobody has accepted it, and once it has ended.
        ended: Whether it has been, and is no more; it is not made again.
        problem: Why we have ended it; empty where the other side did.
    """

    def __init__(
        self,
        address: str,
        kind: Kind,
        identity: bytes = b"",
        large: int = 0,
        apart: Callable[[list[Frame]], bool] = lambda _: False,
    ) -> None:
        self.socket: socket.socket | None = None
        self.ended = False
        self.problem = ""
        self._address = address
        self._kind: Kind = kind
        self._identity = identity
        self._decoding = (large, apart)
        self._waiting: list[list[Frame]] = []
        self._start_over()

    def _start_over(self) -> None:
        self.decoder = Decoder(*self._decoding)
        self._conversation = Conversation(self._kind, self._identity, self.decoder)
        for frames in self._waiting:
            self._conversation.send(frames)

    @property
    def ready(self) -> bool:
        """Whether the other side has greeted us."""
        return self._conversation.ready

    @property
    def unsent(self) -> bool:
        """Whether something waits for the socket to be writable."""
        return self.socket is not None and bool(self._conversation.outgoing)

    def connect(self) -> bool:
        """Try to; False where nobody accepts it yet."""
        family = socket.AF_UNIX if self._address.startswith("ipc:") else socket.AF_INET
        made = socket.socket(family, socket.SOCK_STREAM)
        made.setblocking(False)
        place = self._address.partition("://")[2]
        if family == socket.AF_INET:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            host, _, port = place.rpartition(":")
            result = made.connect_ex((host, int(port)))
        else:
            result = made.connect_ex(place)
        if result not in (0, errno.EINPROGRESS):
            made.close()
            return False
        self.socket = made
        self.flush()
        return self.socket is not None

    def send_multipart(self, frames: Sequence[Frame], copy: bool = True) -> None:
        """Send a message, or keep it until it can be sent; never blocks.

        Named as pyzmq has it: jupyter_client's Session calls it. Frames are always copied.
        """
        if not self.ready:
            # A connection that is made but not greeted may have to be made once more.
            self._waiting.append([bytes(frame) for frame in frames])
        self._conversation.send(frames)
        self.flush()

    def flush(self) -> None:
        """Write what the socket takes."""
        outgoing = self._conversation.outgoing
        while self.socket is not None and outgoing:
            try:
                written = self.socket.send(outgoing, _QUIETLY)
            except BlockingIOError:
                return
            except OSError:
                self._lose()
                return
            del outgoing[:written]

    def pull(self, most: int) -> list[list[Frame] | Part]:
        """What has come, in order; reads some ``most`` bytes, and never blocks.

        While a large frame is handed out as it comes, one part of it is enough.
        """
        found: list[list[Frame] | Part] = []
        asked = _LITTLE
        while self.socket is not None and most > 0:
            try:
                data = self.socket.recv(asked)
                found += self._conversation.feed(data)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            except NotSpokenError as error:
                self.problem = str(error)
                self.close()
                break
            if not data:
                self._lose()
            if len(data) < asked or self.decoder.left:
                break
            most -= asked
            asked = _MUCH
        if self._waiting and self.ready:
            self._waiting.clear()
        self.flush()
        return found

    def _lose(self) -> None:
        """Have it be made again where it never was, else have it ended."""
        if self.ready:
            self.close()
        elif self.socket is not None:
            self.socket.close()
            self.socket = None
            self._start_over()

    def settle(self, seconds: float) -> bool:
        """Block until all is written, for so long at most; what comes meanwhile is dropped.

        Only for a connection that nothing is to be received on. Returns False where it is not
        written, at once if nobody accepts the connection.
        """
        deadline = time.monotonic() + seconds
        while not self.ready or self.unsent:
            left = deadline - time.monotonic()
            if left <= 0 or self.ended or (self.socket is None and not self.connect()):
                return False
            poll = select.poll()
            poll.register(self.fileno(), self.interest)
            poll.poll(left * 1000)
            self.pull(_LITTLE)
        return not self.ended

    @property
    def interest(self) -> int:
        """What to poll its socket for."""
        return select.POLLIN | (select.POLLOUT if self.unsent else 0)

    def fileno(self) -> int:
        """Its socket's descriptor, -1 where it has none."""
        return -1 if self.socket is None else self.socket.fileno()

    def close(self) -> None:
        """End it; what has not been sent is dropped."""
        self.ended = True
        if self.socket is not None:
            self.socket.close()
            self.socket = None


class Links:
    """Some links, and a descriptor that tells of the death of whoever is at their other end.

    They are connected when something is first gathered: a kernel that waits holds no connection.
    For one thread at a time; another one, of its own, may ``keep_up`` with what comes.

    Args:
        links: By name.
        death_fd: Becomes readable then.

    Attributes:
        received: What has come and has not been taken, in order on each link.
        died: Whether the death has been told of.
    """

    def __init__(self, links: Mapping[str, Link], death_fd: int) -> None:
        self.received: deque[tuple[str, list[Frame] | Part]] = deque()
        self.died = False
        self._links = links
        self._death_fd = death_fd
        self._poll = select.poll()
        self._poll.register(death_fd, select.POLLIN)
        self._watched: dict[str, tuple[int, int]] = {}
        self._names: dict[int, str] = {}
        self._unmade: set[str] = set(links)
        self._reading = threading.Lock()
        self._closed = threading.Event()
        self._keeper: threading.Thread | None = None

    def _make(self) -> None:
        for name in tuple(self._unmade):
            if self._links[name].connect():
                self.watch(name)

    def watch(self, name: str) -> None:
        """Poll a link's socket for what it waits for now."""
        link = self._links[name]
        before, now = self._watched.get(name), (link.fileno(), link.interest)
        if now == before:
            return
        if before is not None and before[0] >= 0:
            self._poll.unregister(before[0])
        if now[0] >= 0:
            self._poll.register(*now)
            self._names[now[0]] = name
        self._watched[name] = now
        if now[0] < 0 and not link.ended:
            self._unmade.add(name)
        else:
            self._unmade.discard(name)

    def gather(self, seconds: float) -> bool:
        """Wait until there is something, and take it; write what is taken from us meanwhile.

        Args:
            seconds: How long to wait at most; it may be less.

        Returns:
            Whether a link has moved.
        """
        moved = False
        with self._reading:
            if self._unmade:
                self._make()
                seconds = min(seconds, _RETRY_SECONDS) if self._unmade else seconds
            for descriptor, _ in self._poll.poll(1000 * seconds):
                if descriptor == self._death_fd:
                    # Readable for ever from now on: waiting would turn into spinning.
                    self._poll.unregister(descriptor)
                    self.died = True
                else:
                    self._pull(self._names[descriptor])
                    moved = True
        return moved

    def _pull(self, name: str) -> bool:
        found = self._links[name].pull(_AT_ONCE)
        self.received.extend((name, one) for one in found)
        self.watch(name)
        return bool(found)

    def keep_up(self, name: str, seconds: float) -> None:
        """Have what comes on a link received while the thread that gathers is busy elsewhere.

        But for parts of frames: who hands these out does so to hold no more than it needs.

        Args:
            name: The link's.
            seconds: How often it is looked at while nothing comes.
        """
        if self._keeper is None:
            self._keeper = new_thread(lambda: self._keep_up(name, seconds), "keep-up")
            self._keeper.start()

    def _keep_up(self, name: str, seconds: float) -> None:
        link = self._links[name]
        pause = seconds
        while not link.ended and not self._closed.wait(pause):
            pause = seconds
            if not self._reading.acquire(blocking=False):
                continue
            try:
                if link.ready and not link.decoder.left and self._pull(name):
                    pause = _LIVELY_SECONDS
            finally:
                self._reading.release()

    def close(self) -> None:
        """End them all."""
        self._closed.set()
        if self._keeper is not None:
            self._keeper.join()
        for link in self._links.values():
            link.close()
        self.received.clear()
