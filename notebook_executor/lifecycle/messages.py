"""The wire form of Jupyter's messages, read at the cost of its JSON.

``Session.deserialize`` looks for dates in every string of both headers, by pattern and dateutil,
which is most of what reading a message costs there; a front end needs none of them as objects.
"""

from __future__ import annotations

from hmac import compare_digest
from typing import Any

from jupyter_client.session import DELIM, Session

_NEWEST = "5."
_EMPTY = b"{}"


def read_message(session: Session, frames: list[bytes]) -> dict[str, Any]:
    """A signed message as ``Session.deserialize`` gives it, but with dates as the text they are.

    Other than there, no history of signatures is kept: nobody but the kernel can send on a
    connection that we have made to it. Messages of an older protocol are left to ``Session``.

    Args:
        session: Knows the key.
        frames: As they came from a socket.

    Raises:
        ValueError: It is not signed with the key, or not made as a message is.
        TypeError: A part of it is not an object.
        LookupError: A field is missing.
    """
    parts = frames[frames.index(DELIM) + 1 :]
    signature, *signed = parts[:5]
    if not compare_digest(signature, session.sign(signed)):
        raise ValueError("the signature is not that of the key")
    header, parent, metadata, content = (_object(session, part) for part in signed)
    if not str(header.get("version", "")).startswith(_NEWEST):
        older: dict[str, Any] = session.deserialize(parts)
        return older
    return {
        "header": header,
        "msg_id": header["msg_id"],
        "msg_type": header["msg_type"],
        "parent_header": parent,
        "metadata": metadata,
        "content": content,
        "buffers": [memoryview(part) for part in parts[5:]],
    }


def _object(session: Session, part: bytes) -> dict[str, Any]:
    value = {} if part == _EMPTY else session.unpack(part)
    if not isinstance(value, dict):
        raise TypeError("a part of a message is not an object")
    return value
