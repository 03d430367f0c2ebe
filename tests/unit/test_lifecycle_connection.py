"""The host's end of a kernel's channels, against a kernel's end made of plain sockets."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import zmq
from jupyter_client.session import Session

from notebook_executor.errors import KernelDiedError
from notebook_executor.lifecycle import connection as connections
from notebook_executor.lifecycle.connection import Channels, Connection


@dataclass
class Peer:
    """The kernel's sockets, its session, and the pipe that tells of its death."""

    sockets: dict[str, zmq.Socket[bytes]]
    session: Session
    death: int

    def publish(self, kind: str, content: dict[str, Any]) -> None:
        self.session.send(self.sockets["iopub"], kind, content, parent={"msg_id": "p"})


@pytest.fixture
def connection(own_temporary_directory: Path) -> Iterator[Connection]:
    folder = own_temporary_directory / os.urandom(3).hex()
    folder.mkdir(mode=0o700)
    yield Connection.create(folder, "python3")
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


@pytest.fixture
def peers(connection: Connection) -> Iterator[tuple[Channels, Peer]]:
    """Our channels and the kernel's end of them, each hearing the other."""
    reader, writer = os.pipe()
    context = zmq.Context()
    sockets: dict[str, zmq.Socket[bytes]] = {}
    for name, kind in (("shell", zmq.ROUTER), ("control", zmq.ROUTER), ("iopub", zmq.XPUB)):
        sockets[name] = context.socket(kind)
        sockets[name].linger = 0
        # As where the kernel keeps what we have not received.
        sockets[name].sndhwm = 0
        sockets[name].bind(connection.address(name))  # type: ignore[arg-type]
    channels = Channels(connection, reader)
    while not sockets["iopub"].poll(0):
        channels.receive(0.01)
    assert sockets["iopub"].recv() == b"\x01"  # the subscription has arrived
    # Above its threshold pyzmq keeps a thread for good.
    session = Session(key=connection.key.encode(), copy_threshold=sys.maxsize)
    yield channels, Peer(sockets, session, writer)
    channels.close()
    context.destroy(linger=0)
    os.close(reader)
    os.close(writer)


def _received(channels: Channels, number: int) -> list[Any]:
    deadline = time.monotonic() + 60
    messages: list[Any] = []
    while len(messages) < number and time.monotonic() < deadline:
        messages += channels.receive(0.1)
    return messages


def test_the_connection_file_is_for_its_owner_alone_and_complete(connection: Connection) -> None:
    assert stat.S_IMODE(connection.file.stat().st_mode) == 0o600
    assert connection.file.parent == Path(connection.ip).parent
    assert connection.address("shell").startswith(f"ipc://{connection.ip}-")
    assert connection.key not in repr(connection)
    assert len({connection.address(name) for name in ("shell", "iopub", "control")}) == 3


def test_messages_keep_their_order_and_many_are_none_too_many(
    peers: tuple[Channels, Peer],
) -> None:
    channels, peer = peers
    for number in range(5_000):
        peer.publish("stream", {"name": "stdout", "text": str(number)})

    messages = _received(channels, 5_000)

    assert [message.content["text"] for message in messages] == [str(n) for n in range(5_000)]
    assert {message.channel for message in messages} == {"iopub"}
    assert {message.parent_id for message in messages} == {"p"}
    assert channels.malformed == 0


@pytest.mark.parametrize("waits", [False, True])
def test_a_large_stream_comes_in_pieces_where_that_is_wanted(
    peers: tuple[Channels, Peer], waits: bool
) -> None:
    channels, peer = peers
    channels.waits_for_us = waits
    line = "x" * 1023 + "\n"
    for cuts in (False, True):
        channels.cuts_streams = cuts
        peer.publish("stream", {"name": "stderr", "text": line * 4096})
        peer.publish("stream", {"name": "stdout", "text": "end"})
        messages: list[Any] = []
        while not messages or messages[-1].content["text"] != "end":
            messages += _received(channels, 1)

        assert (len(messages) > 2) == cuts
        assert "".join(one.content["text"] for one in messages[:-1]) == line * 4096
        assert {one.content["name"] for one in messages[:-1]} == {"stderr"}
        assert all(one.body["content"] is one.content for one in messages)
        assert {(one.type, one.parent_id) for one in messages} == {("stream", "p")}
    assert channels.malformed == 0


@pytest.mark.parametrize("waits", [False, True])
def test_a_large_stream_that_turns_out_to_be_none_is_counted(
    peers: tuple[Channels, Peer], waits: bool
) -> None:
    channels, peer = peers
    channels.cuts_streams, channels.waits_for_us = True, waits
    half = b"x" * (2 << 20)
    delimiter, _, *signed = peer.session.serialize(peer.session.msg("stream", {}))
    signed[-1] = b'{"name": "stdout", "text": "' + half + b"\\q" + half + b'"}'
    frames = [delimiter, peer.session.sign(signed), *signed]
    peer.sockets["iopub"].send_multipart(frames)
    peer.publish("stream", {"name": "stdout", "text": "end"})

    messages: list[Any] = []
    while not messages or messages[-1].content["text"] != "end":
        messages += _received(channels, 1)

    assert channels.malformed == 1


@pytest.mark.parametrize("waits", [False, True])
def test_a_large_stream_with_a_wrong_signature_is_counted_and_never_ends(
    peers: tuple[Channels, Peer], waits: bool
) -> None:
    channels, peer = peers
    channels.cuts_streams, channels.waits_for_us = True, waits
    text = "x" * (4 << 20)
    forger = Session(key=b"another key", copy_threshold=sys.maxsize)
    forger.send(peer.sockets["iopub"], "stream", {"name": "stdout", "text": text + "end"})
    peer.publish("stream", {"name": "stdout", "text": "end"})

    messages: list[Any] = []
    while not messages or messages[-1].content["text"] != "end":
        messages += _received(channels, 1)

    # What was shown before the signature had come is told to be wrong.
    assert channels.malformed == 1
    assert (len(messages) > 1) == waits
    assert sum(len(one.content["text"]) for one in messages[:-1]) < len(text)


def test_a_large_message_that_is_no_stream_comes_whole(peers: tuple[Channels, Peer]) -> None:
    channels, peer = peers
    channels.cuts_streams = channels.waits_for_us = True
    peer.publish("display_data", {"data": {"text/plain": "x" * (4 << 20)}})

    (message,) = _received(channels, 1)

    assert len(message.content["data"]["text/plain"]) == 4 << 20
    assert channels.malformed == 0


@pytest.mark.parametrize(
    "frames",
    [
        [b"not a message"],
        [b"<IDS|MSG>"],
        [b"<IDS|MSG>", b"0" * 64, b"{}", b"{}", b"{}", b"{}"],
        [b"<IDS|MSG>", b"", b"{", b"{", b"{", b"{"],
        [b"x", b"<IDS|MSG>", b"\xff", b"\xff", b"\xff", b"\xff", b"\xff"],
        [b""],
    ],
)
def test_what_is_no_message_of_this_kernel_is_counted_and_dropped(
    peers: tuple[Channels, Peer], frames: list[bytes]
) -> None:
    channels, peer = peers
    peer.sockets["iopub"].send_multipart(frames)
    peer.publish("stream", {"name": "stdout", "text": "next"})

    (message,) = _received(channels, 1)

    assert message.content["text"] == "next"
    assert channels.malformed == 1


@pytest.mark.parametrize("place", range(4))
def test_a_part_that_is_no_object_is_counted_and_dropped(
    peers: tuple[Channels, Peer], place: int
) -> None:
    channels, peer = peers
    header = b'{"msg_id": "m", "msg_type": "stream", "version": "5.3"}'
    parts = [header, b"{}", b"{}", b'{"text": "t"}']
    parts[place] = b"[1]"
    peer.sockets["iopub"].send_multipart([b"<IDS|MSG>", peer.session.sign(parts), *parts])
    peer.publish("stream", {"text": "next"})

    (message,) = _received(channels, 1)

    assert message.content["text"] == "next"
    assert channels.malformed == 1


def test_a_message_of_an_older_protocol_is_understood(peers: tuple[Channels, Peer]) -> None:
    channels, peer = peers
    header = b'{"msg_id": "m", "msg_type": "stream", "version": "4.1"}'
    parts = [header, b'{"msg_id": "p"}', b"{}", b'{"name": "stdout", "data": "old"}']
    peer.sockets["iopub"].send_multipart([b"<IDS|MSG>", peer.session.sign(parts), *parts])

    (message,) = _received(channels, 1)

    assert (message.type, message.parent_id) == ("stream", "p")
    assert message.content["text"] == "old"


def test_buffers_come_with_their_message(peers: tuple[Channels, Peer]) -> None:
    channels, peer = peers
    peer.session.send(peer.sockets["iopub"], "comm_msg", {"comm_id": "c"}, buffers=[b"ab", b"c"])

    (message,) = _received(channels, 1)

    assert [bytes(buffer) for buffer in message.body["buffers"]] == [b"ab", b"c"]


def test_messages_signed_with_another_key_are_not_believed(
    peers: tuple[Channels, Peer],
) -> None:
    channels, peer = peers
    Session(key=b"another key").send(peer.sockets["iopub"], "stream", {"text": "forged"})
    peer.publish("stream", {"text": "true"})

    assert [message.content["text"] for message in _received(channels, 1)] == ["true"]
    assert channels.malformed == 1


def test_a_death_ends_waiting_and_last_words_are_still_read(
    peers: tuple[Channels, Peer],
) -> None:
    channels, peer = peers
    peer.publish("stream", {"text": "last words"})
    os.write(peer.death, b"x")

    messages = _received(channels, 1)
    while not channels.dead:
        messages += channels.receive(10)

    assert [message.content["text"] for message in messages] == ["last words"]
    began = time.monotonic()
    assert channels.receive(0.2) == []  # and no spinning from now on
    assert time.monotonic() - began >= 0.15


def test_waiting_for_a_kernel_ends_when_it_dies_or_time_is_up(
    peers: tuple[Channels, Peer],
) -> None:
    channels, peer = peers

    with pytest.raises(TimeoutError):
        channels.wait_ready(time.monotonic() + 0.2)
    os.write(peer.death, b"x")
    with pytest.raises(KernelDiedError):
        channels.wait_ready(time.monotonic() + 60)


def test_a_kernel_is_ready_once_it_answers_and_its_iopub_is_heard(
    peers: tuple[Channels, Peer],
) -> None:
    channels, peer = peers
    identity, request = peer.session.recv(peer.sockets["shell"], mode=zmq.NOBLOCK)
    assert (identity, request) == (None, None)
    peer.publish("status", {"execution_state": "starting"})
    looks = iter([False])

    # IOPub was heard by the second look at the latest, and nobody has answered.
    with pytest.raises(InterruptedError):
        channels.wait_ready(time.monotonic() + 60, lambda: next(looks, True))

    identity, request = peer.session.recv(peer.sockets["shell"], mode=0)
    assert request is not None
    assert request["msg_type"] == "kernel_info_request"


def test_a_kernel_whose_connection_ends_is_given_up_though_it_lives(
    peers: tuple[Channels, Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_LOST_SECONDS", 0.0)
    channels, peer = peers
    peer.publish("stream", {"text": "last words"})
    peer.sockets["shell"].close()
    deadline = time.monotonic() + 60

    messages: list[Any] = []
    while not channels.dead and time.monotonic() < deadline:
        messages += channels.receive(0.01)

    assert channels.dead
    messages += _received(channels, 1 - len(messages))
    assert [message.content["text"] for message in messages] == ["last words"]
