"""Connections without libzmq, to the sockets of libzmq itself and to peers that are none."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
import zmq

from notebook_executor.lifecycle.links import Link, Links
from notebook_executor.lifecycle.zmtp import Kind, Part

_PATIENCE = 60.0


@dataclass
class Wires:
    """What a test has opened."""

    context: zmq.Context[zmq.Socket[bytes]]
    place: Path
    death: tuple[int, int]
    opened: list[Any]

    def bound(self, kind: int, transport: str) -> tuple[zmq.Socket[bytes], str]:
        """A socket of libzmq, and its address."""
        bound = self.socket(kind)
        if transport == "tcp":
            port = bound.bind_to_random_port("tcp://127.0.0.1")
            return bound, f"tcp://127.0.0.1:{port}"
        address = f"ipc://{self.place / os.urandom(3).hex()}"
        bound.bind(address)
        return bound, address

    def socket(self, kind: int) -> zmq.Socket[bytes]:
        """One of libzmq's that is bound to nothing yet."""
        made = self.context.socket(kind)
        made.linger = 0
        self.opened.append(made)
        return made

    def link(self, address: str, kind: Kind = "DEALER", *options: Any) -> tuple[Link, Links]:
        link = Link(address, kind, *options)
        links = Links({"it": link}, self.death[0])
        self.opened.append(links)
        return link, links


@pytest.fixture
def wires(own_temporary_directory: Path) -> Iterator[Wires]:
    place = own_temporary_directory / os.urandom(3).hex()
    place.mkdir(mode=0o700)
    opened = Wires(zmq.Context(), place, os.pipe(), [])
    yield opened
    for one in opened.opened:
        one.close()
    opened.context.destroy(linger=0)
    for end in opened.death:
        os.close(end)
    for path in place.iterdir():
        path.unlink()
    place.rmdir()


def _until(links: Links, come: Callable[[], object]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not come():
        assert time.monotonic() < deadline
        links.gather(0.01)


def _messages(links: Links, number: int) -> list[list[bytes]]:
    _until(links, lambda: len(links.received) >= number)
    found = [one for _, one in links.received]
    links.received.clear()
    assert not any(isinstance(one, Part) for one in found)
    return [list(map(bytes, cast("list[bytes]", one))) for one in found]


@pytest.mark.parametrize("transport", ["ipc", "tcp"])
def test_a_router_of_libzmq_understands_us_and_we_it(wires: Wires, transport: str) -> None:
    router, address = wires.bound(zmq.ROUTER, transport)
    link, links = wires.link(address, "DEALER", b"me")
    sizes = [0, 1, 255, 256, 65_536, 3_000_000]
    sent = [b"%d" % size + bytes(size) for size in sizes]
    link.send_multipart(sent)

    _until(links, lambda: router.poll(0))
    assert router.recv_multipart() == [b"me", *sent]
    router.send_multipart([b"me", *sent])
    router.send_multipart([b"me", b"", b"last"])

    assert _messages(links, 2) == [sent, [b"", b"last"]]


@pytest.mark.parametrize("transport", ["ipc", "tcp"])
def test_a_publisher_of_libzmq_is_heard(wires: Wires, transport: str) -> None:
    publisher, address = wires.bound(zmq.XPUB, transport)
    _, links = wires.link(address, "SUB")
    _until(links, lambda: publisher.poll(0))
    assert publisher.recv() == b"\x01"
    publisher.sndhwm = 0
    for number in range(3000):
        publisher.send_multipart([b"topic", b"%d" % number])

    assert _messages(links, 3000) == [[b"topic", b"%d" % number] for number in range(3000)]


def test_a_peer_that_wants_to_know_whether_we_are_there_goes_on(wires: Wires) -> None:
    publisher, address = wires.socket(zmq.XPUB), f"ipc://{wires.place / 'beating'}"
    publisher.setsockopt(zmq.HEARTBEAT_IVL, 5)
    publisher.setsockopt(zmq.HEARTBEAT_TIMEOUT, 10_000)
    publisher.bind(address)
    link, links = wires.link(address, "SUB")
    _until(links, lambda: publisher.poll(0))
    for _ in range(20):
        links.gather(0.01)
    publisher.send(b"still")

    assert _messages(links, 1) == [[b"still"]]
    assert link.problem == ""


def test_what_is_sent_before_anybody_listens_arrives(wires: Wires) -> None:
    address = f"ipc://{wires.place / 'late'}"
    link, links = wires.link(address)
    link.send_multipart([b"early"])
    for _ in range(3):
        links.gather(0.01)
    assert link.socket is None
    router = wires.socket(zmq.ROUTER)
    router.bind(address)

    _until(links, lambda: router.poll(0))

    assert router.recv_multipart()[1:] == [b"early"]


def test_a_connection_that_ends_before_it_was_greeted_is_made_again(wires: Wires) -> None:
    path = wires.place / "twice"
    first = socket.socket(socket.AF_UNIX)
    first.bind(str(path))
    first.listen()
    link, links = wires.link(f"ipc://{path}")
    link.send_multipart([b"early"])
    assert link.socket is None  # nobody has gathered
    links.gather(0)
    with first, first.accept()[0]:
        links.gather(0.01)
    path.unlink()
    router = wires.socket(zmq.ROUTER)
    router.bind(f"ipc://{path}")

    _until(links, lambda: router.poll(0))

    assert router.recv_multipart()[1:] == [b"early"]


def test_sending_does_not_wait_for_a_peer_that_does_not_read(wires: Wires) -> None:
    router, address = wires.bound(zmq.ROUTER, "ipc")
    router.rcvhwm = 1
    link, links = wires.link(address)
    _until(links, lambda: link.ready)
    large = os.urandom(1 << 20) * 20
    for _ in range(3):
        link.send_multipart([large])

    assert link.unsent
    assert not link.settle(0.01)
    links.watch("it")
    for _ in range(3):
        _until(links, lambda: router.poll(0))
        assert router.recv_multipart()[1:] == [large]
    _until(links, lambda: not link.unsent)


def test_an_end_is_noticed_and_what_came_before_it_is_kept(wires: Wires) -> None:
    publisher, address = wires.bound(zmq.XPUB, "ipc")
    link, links = wires.link(address, "SUB")
    _until(links, lambda: publisher.poll(0))
    publisher.linger = 1000
    for number in range(500):
        publisher.send(b"%d" % number)
    publisher.close()

    _until(links, lambda: link.ended)

    assert _messages(links, 500) == [[b"%d" % number] for number in range(500)]
    assert link.problem == ""
    began, used = time.monotonic(), time.process_time()
    assert not links.gather(0.2)  # and no spinning from now on
    assert time.monotonic() - began >= 0.19
    assert time.process_time() - used < 0.1


@pytest.mark.parametrize("said", [b"SSH-2.0-x\r\n", b"\xff" + b"\0" * 200])
def test_a_peer_that_is_none_is_left(wires: Wires, said: bytes) -> None:
    path = wires.place / "none"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        link, links = wires.link(f"ipc://{path}")
        links.gather(0)
        with listening.accept()[0] as accepted:
            accepted.sendall(said)
            _until(links, lambda: link.ended)

    assert link.problem


def test_a_frame_that_is_handed_out_as_it_comes_stays_with_its_sender(wires: Wires) -> None:
    publisher, address = wires.bound(zmq.XPUB, "ipc")
    link, links = wires.link(address, "SUB", b"", 1 << 20, lambda _: True)
    _until(links, lambda: publisher.poll(0))
    links.keep_up("it", 0.01)
    publisher.send_multipart([b"before", bytes(32 << 20)])
    got = 0
    while got < 32 << 20:
        _until(links, lambda: links.received)
        held = sum(len(one.data) for _, one in links.received if isinstance(one, Part))
        assert held < 1 << 20
        got += held
        links.received.clear()
    assert link.decoder.left == 0


def test_what_comes_is_kept_up_with_while_nobody_gathers(wires: Wires) -> None:
    publisher, address = wires.bound(zmq.XPUB, "ipc")
    _, links = wires.link(address, "SUB")
    _until(links, lambda: publisher.poll(0))
    links.keep_up("it", 0.01)
    deadline = time.monotonic() + _PATIENCE
    for number in range(2500):
        publisher.send(b"%d" % number + bytes(5000))
        # A thousand of them may wait at the publisher, and some in the socket.
        while number - len(links.received) > 500 and time.monotonic() < deadline:
            time.sleep(0.001)

    assert [message[0][:4] for message in _messages(links, 2500)][-1] == b"2499"
