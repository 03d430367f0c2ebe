"""The kernel's connections to the broker of its run, whoever is at the other end of them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hermes_runtime.lines import MOST, Lines

_PATIENCE = 30.0


class Other:
    """The other end: accepts one connection after the other."""

    def __init__(self, path: Path) -> None:
        self.address = str(path)
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.settimeout(_PATIENCE)
        self.listening.bind(self.address)
        self.listening.listen(128)

    def accept(self) -> socket.socket:
        accepted = self.listening.accept()[0]
        accepted.settimeout(_PATIENCE)
        return accepted


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Other]:
    made = Other(tmp_path / "s")
    with made.listening:
        yield made


def test_a_connection_that_was_lost_since_is_replaced_and_nothing_is_sent_twice(
    other: Other,
) -> None:
    lines = Lines(other.address)
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(lines.ask, b"one\n", b"yes")
        with other.accept() as first:
            assert first.recv(100) == b"one\n"
            first.sendall(b"yes\n")
            assert asked.result(_PATIENCE) == b"yes\n"
        asked = threads.submit(lines.ask, b"two\n", b"yes")
        with other.accept() as second:
            assert second.recv(100) == b"two\n"
            second.sendall(b"no\n")
            assert asked.result(_PATIENCE) == b"no\n"
            # Whoever answers anything else may have closed it.
            assert second.recv(100) == b""
    lines.close()


def test_a_line_that_was_read_and_not_answered_is_lost(other: Other) -> None:
    lines = Lines(other.address)
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(lines.ask, b"one\n", b"yes")
        with other.accept() as first:
            assert first.recv(100) == b"one\n"
        with pytest.raises(ConnectionResetError):
            asked.result(_PATIENCE)
    lines.close()


def test_an_answer_may_come_in_pieces(other: Other) -> None:
    lines = Lines(other.address)
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(lines.ask, b"one\n", b"yes")
        with other.accept() as first:
            first.recv(100)
            first.sendall(b"yes, ")
            first.sendall(b"x" * 200_000)
            first.sendall(b"\n")
            assert asked.result(_PATIENCE) == b"yes, " + b"x" * 200_000 + b"\n"
            lines.close()


def test_more_threads_than_connections_take_turns(other: Other) -> None:
    lines = Lines(other.address)
    full = threading.Event()

    def serve(accepted: socket.socket) -> None:
        with accepted:
            full.wait(_PATIENCE)
            while accepted.recv(100):
                accepted.sendall(b"yes\n")

    with ThreadPoolExecutor(2 * MOST) as callers, ThreadPoolExecutor(MOST) as servers:
        asked = [callers.submit(lines.ask, b"one\n", b"yes") for _ in range(2 * MOST)]
        served = [servers.submit(serve, other.accept()) for _ in range(MOST)]
        full.set()
        assert {one.result(_PATIENCE) for one in asked} == {b"yes\n"}
        lines.close()
        for one in served:
            one.result(_PATIENCE)
    other.listening.settimeout(0)
    with pytest.raises(BlockingIOError):
        other.listening.accept()


def test_a_connection_that_was_lost_makes_room_for_who_waits(other: Other) -> None:
    lines = Lines(other.address)
    with ThreadPoolExecutor(MOST + 1) as callers:
        asked = [callers.submit(lines.ask, b"one\n", b"yes") for _ in range(MOST + 1)]
        accepted = [other.accept() for _ in range(MOST)]
        accepted[0].recv(100)
        accepted[0].close()
        accepted[0] = other.accept()
        for one in accepted:
            one.recv(100)
            one.sendall(b"yes\n")
        failed = [one for one in asked if one.exception(_PATIENCE)]
        assert len(failed) == 1
        lines.close()
        for one in accepted:
            one.close()
