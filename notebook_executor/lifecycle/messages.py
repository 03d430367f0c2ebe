"""The wire form of Jupyter's messages, read at the cost of its JSON.

``Session.deserialize`` looks for dates in every string of both headers, by pattern and dateutil,
which is most of what reading a message costs there; a front end needs none of them as objects.
"""

from __future__ import annotations

from hmac import compare_digest
from typing import Any

from jupyter_client.session import DELIM, Session

from notebook_executor.lifecycle.large_streams import LARGE, LargeStream, read_stream

_NEWEST = "5."


def read_message(
    session: Session, frames: list[bytes | memoryview], *, whole: bool = True
) -> dict[str, Any]:
    """A signed message as ``Session.deserialize`` gives it, but with dates as the text they are.

    Other than there, no history of signatures is kept: nobody but the kernel can send on a
    connection that we have made to it. Messages of an older protocol are left to ``Session``.

    Args:
        session: Knows the key.
        frames: As they came from a socket; emptied, so that a large message is not held twice.
        whole: Whether large streams, too, are to be read at once; else the content of such a one
            may be a ``LargeStream``.

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
    header = _object(session, str(signed.pop(0), "utf-8", "replace"))
    if not str(header.get("version", "")).startswith(_NEWEST):
        older: dict[str, Any] = session.deserialize(list(map(bytes, parts)))
        return older
    buffers = [memoryview(part) for part in parts[5:]]
    parts.clear()
    return {
        "header": header,
        "msg_id": header["msg_id"],
        "msg_type": header["msg_type"],
        "parent_header": _object(session, str(signed.pop(0), "utf-8", "replace")),
        "metadata": _object(session, str(signed.pop(0), "utf-8", "replace")),
        "content": _content(session, header, signed.pop(0), whole),
        "buffers": buffers,
    }


def _content(
    session: Session, header: dict[str, Any], part: bytes | memoryview, whole: bool
) -> dict[str, Any] | LargeStream:
    if not whole and len(part) > LARGE and header["msg_type"] == "stream":
        stream = read_stream(memoryview(part))
        if stream is not None:
            return stream
    text = str(part, "utf-8", "replace")
    # What zmq holds goes before there is the object as well.
    del part
    return _object(session, text)


def _object(session: Session, text: str) -> dict[str, Any]:
    value = {} if text == "{}" else session.unpack(text)
    if not isinstance(value, dict):
        raise TypeError("a part of a message is not an object")
    return value
