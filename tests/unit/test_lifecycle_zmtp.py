"""ZMTP as we speak it: the same messages however their bytes are split, and no nonsense."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notebook_executor.lifecycle.zmtp import Conversation, Decoder, NotSpokenError, Part, encode

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"NULL".ljust(20, b"\0") + bytes(32)
READY = encode([b"\x05READY\x0bSocket-Type\x00\x00\x00\x06ROUTER"], 4)
_LARGE = 2000
_FRAMES = st.one_of(
    st.binary(max_size=3),
    st.sampled_from([255, 256, 1999, 2001, 70_000]).map(bytes),
)
_MESSAGES = st.lists(st.lists(_FRAMES, min_size=1, max_size=4), max_size=5)
_CUTS = st.lists(st.integers(1, 50_000), max_size=40)


def _split(data: bytes, cuts: list[int]) -> list[bytes]:
    """The bytes in parts of these sizes, as often as it takes."""
    parts, at, turn = [], 0, 0
    while at < len(data):
        size = cuts[turn % len(cuts)] if cuts else len(data)
        parts.append(data[at : at + size])
        at, turn = at + size, turn + 1
    return parts


@settings(max_examples=60, deadline=None)
@given(_MESSAGES, _CUTS)
def test_messages_are_the_same_however_they_are_split(
    messages: list[list[bytes]], cuts: list[int]
) -> None:
    decoder = Decoder()

    parts = _split(b"".join(map(encode, messages)), cuts)
    found = [one for part in parts for one in decoder.feed(part)]

    assert [list(map(bytes, cast("list[bytes]", one))) for one in found] == messages
    assert decoder.commands == []


@settings(max_examples=60, deadline=None)
@given(_MESSAGES, _CUTS)
def test_a_large_frame_can_be_had_while_it_comes(
    messages: list[list[bytes]], cuts: list[int]
) -> None:
    asked: list[int] = []

    def is_apart(before: list[Any]) -> bool:
        asked.append(len(before))
        return True

    decoder = Decoder(_LARGE, is_apart)

    parts = _split(b"".join(map(encode, messages)), cuts)
    found = [one for part in parts for one in decoder.feed(part)]

    whole: list[list[bytes]] = [[]]
    apart = b""
    for one in found:
        if not isinstance(one, Part):
            whole[-1] += map(bytes, one)
            whole.append([])
            continue
        whole[-1] += map(bytes, one.before)
        apart += one.data
        if not one.left:
            whole[-1].append(apart)
            apart = b""
    assert [frame for message in whole for frame in message] == [
        frame for message in messages for frame in message
    ]
    assert len(asked) == sum(len(frame) > _LARGE for message in messages for frame in message)
    assert decoder.left == 0


def _conversation(kind: Any = "DEALER") -> Conversation:
    return Conversation(kind, b"me", Decoder())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 40), max_size=10))
def test_what_is_sent_early_goes_out_after_the_greetings(cuts: list[int]) -> None:
    conversation = _conversation()
    conversation.send([b"first", b"x" * 300])
    greeting = bytes(conversation.outgoing)
    conversation.outgoing.clear()
    found: list[Any] = []
    for part in _split(GREETING + READY + encode([b"answer"]), cuts):
        found += conversation.feed(part)
    conversation.send([b"second"])

    assert len(greeting) == 64
    assert found == [[b"answer"]]
    assert conversation.ready
    messages = Decoder()
    sent = messages.feed(bytes(conversation.outgoing))
    assert sent == [[b"first", b"x" * 300], [b"second"]]
    (command,) = messages.commands
    assert command.startswith(b"\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER")
    assert command.endswith(b"\x08Identity\x00\x00\x00\x02me")


def test_a_subscriber_subscribes_to_everything() -> None:
    conversation = _conversation("SUB")
    conversation.feed(GREETING + READY)

    assert conversation.outgoing.endswith(b"\x00\x01\x01")


def test_a_ping_is_answered_and_what_is_unknown_is_not_minded() -> None:
    conversation = _conversation()
    conversation.feed(GREETING + READY)
    conversation.outgoing.clear()

    found = conversation.feed(
        encode([b"\x05WHAT?data"], 4) + encode([b"\x04PING\x00\x0acontext"], 4) + encode([b"m"])
    )

    assert found == [[b"m"]]
    assert conversation.outgoing == encode([b"\x04PONGcontext"], 4)


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\xff" + bytes(9),
        GREETING[:10] + b"\x01",  # of ZMTP 2
        GREETING[:12] + b"CURVE".ljust(20, b"\0") + bytes(32),
        GREETING + encode([b"before it is ready"]),
        GREETING + encode([b"\x05ERROR\x04nope"], 4),
        GREETING + READY + b"\xf8 is no flag",
        GREETING + READY + b"\x02" + b"\xff" * 8,
    ],
)
def test_nonsense_is_told(said: bytes) -> None:
    for size in (len(said), 1):
        with pytest.raises(NotSpokenError):
            _say(said, size)


def _say(said: bytes, size: int) -> None:
    conversation = _conversation()
    for start in range(0, len(said), size):
        conversation.feed(said[start : start + size])
