"""The wire form of Jupyter's messages, read at the cost of its JSON.

``Session.deserialize`` looks for dates in every string of both headers, by pattern and dateutil,
which is most of what reading a message costs there; a front end needs none of them as objects.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hmac import compare_digest
from typing import Any

from jupyter_client.session import DELIM, Session

from notebook_executor.lifecycle.large_streams import LARGE, LargeStream, in_pieces
from notebook_executor.lifecycle.zmtp import Frame, Part

_NEWEST = "5."
_BEFORE_CONTENT = 5  # a delimiter, the signature, two headers and the metadata


def read_message(
    session: Session, frames: list[Frame], *, whole: bool = True
) -> tuple[dict[str, Any], Iterator[dict[str, Any]] | None]:
    """A signed message as ``Session.deserialize`` gives it, but with dates as the text they are.

    Other than there, no history of signatures is kept: nobody but the kernel can send on a
    connection that we have made to it. Messages of an older protocol are left to ``Session``.

    Args:
        session: Knows the key.
        frames: As they came from a socket; emptied, so that a large message is not held twice.
        whole: Whether large streams, too, are to be read at once.

    Returns:
        The message; and where it is a large stream that is not to be read at once, the contents
        that it is to be taken for, one after the other, its own being empty.

    Raises:
        ValueError: It is not signed with the key, or not made as a message is.
        TypeError: A part of it is not an object.
        LookupError: A field is missing.
    """
    parts = frames[frames.index(DELIM) + 1 :]
    frames.clear()
    signature, *signed = parts[:5]
    if not compare_digest(bytes(signature), session.sign(signed)):
        raise ValueError("the signature is not that of the key")
    header = _object(session, signed[0])
    if not str(header.get("version", "")).startswith(_NEWEST):
        older: dict[str, Any] = session.deserialize(list(map(bytes, parts)))
        return older, None
    body = _body(session, header, signed[:3])
    body["buffers"] = [memoryview(part) for part in parts[5:]]
    content = signed.pop()
    parts.clear()
    if not whole and len(content) > LARGE and header["msg_type"] == "stream":
        return body, in_pieces(memoryview(content))
    text = str(content, "utf-8", "replace")
    # What was received goes before there is the object as well.
    del content
    body["content"] = _object(session, text)
    return body, None


def _body(session: Session, header: dict[str, Any], signed: Sequence[Frame]) -> dict[str, Any]:
    return {
        "header": header,
        "msg_id": header["msg_id"],
        "msg_type": header["msg_type"],
        "parent_header": _object(session, signed[1]),
        "metadata": _object(session, signed[2]),
        "content": {},
        "buffers": [],
    }


def _object(session: Session, part: Frame | str) -> dict[str, Any]:
    text = part if isinstance(part, str) else str(part, "utf-8", "replace")
    value = {} if text == "{}" else session.unpack(text)
    if not isinstance(value, dict):
        raise TypeError("a part of a message is not an object")
    return value


def is_stream(session: Session, before: list[Frame]) -> bool:
    """Whether the frame after these is the content of a stream message."""
    if len(before) < _BEFORE_CONTENT or before[-_BEFORE_CONTENT] != DELIM:
        return False
    try:
        header = _object(session, before[-3])
    except (ValueError, TypeError):
        return False
    newest = str(header.get("version", "")).startswith(_NEWEST)
    return newest and header.get("msg_type") == "stream"


class ArrivingStream:
    """A stream message that is handed out while it comes, before its signature can be checked.

    Args:
        session: Knows the key.
        before: The frames before its content.

    Attributes:
        body: As ``read_message`` gives it, with an empty content.

    Raises:
        ValueError: It is not made as a message is.
        TypeError: A part of it is not an object.
        LookupError: A field is missing.
    """

    def __init__(self, session: Session, before: list[Frame]) -> None:
        self._signature, *signed = before[-_BEFORE_CONTENT + 1 :]
        self.body = _body(session, _object(session, signed[0]), signed)
        self._signing = None if session.auth is None else session.auth.copy()
        self._stream = LargeStream()
        self._sign(*signed)

    def _sign(self, *parts: Frame) -> None:
        if self._signing is not None:
            for part in parts:
                self._signing.update(part)

    def feed(self, part: Part) -> Iterator[dict[str, Any]]:
        """The contents that can be read by now; the last one only if the signature is right.

        Raises:
            ValueError: It is not JSON; or, at the end, it is not signed with the key.
            TypeError: It is not an object.
        """
        self._sign(part.data)
        content = self._stream.feed(part.data)
        if content is not None:
            yield content
        if part.left:
            return
        if self._signing is not None:
            digest = self._signing.hexdigest().encode()
            if not compare_digest(bytes(self._signature), digest):
                raise ValueError("the signature is not that of the key")
        yield self._stream.finish()
