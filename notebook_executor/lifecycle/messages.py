"""The wire form of Jupyter's messages, read at the cost of its JSON.

``Session.deserialize`` looks for dates in every string of both headers, by pattern and dateutil,
which is most of what reading a message costs there; a front end needs none of them as objects.
"""

from __future__ import annotations

from hmac import compare_digest
from typing import Any

from jupyter_client.session import DELIM, Session

_NEWEST = "5."


def read_message(session: Session, frames: list[bytes]) -> dict[str, Any]:
    """A signed message as ``Session.deserialize`` gives it, but with dates as the text they are.

    Other than there, no history of signatures is kept: nobody but the kernel can send on a
    connection that we have made to it. Messages of an older protocol are left to ``Session``.

    Args:
        session: Knows the key.
        frames: As they came from a socket; emptied, so that a large message is not held twice.

    Raises:
        ValueError: It is not signed with the key, or not made as a message is.
        TypeError: A part of it is not an object.
        LookupError: A field is missing.
    """
    parts = frames[frames.index(DELIM) + 1 :]
    frames.clear()
    signature, *signed = parts[:5]
    if not compare_digest(signature, session.sign(signed)):
        raise ValueError("the signature is not that of the key")
    header = _object(session, signed.pop(0).decode("utf-8", "replace"))
    if not str(header.get("version", "")).startswith(_NEWEST):
        older: dict[str, Any] = session.deserialize(parts)
        return older
    buffers = [memoryview(part) for part in parts[5:]]
    parts.clear()
    return {
        "header": header,
        "msg_id": header["msg_id"],
        "msg_type": header["msg_type"],
        "parent_header": _object(session, signed.pop(0).decode("utf-8", "replace")),
        "metadata": _object(session, signed.pop(0).decode("utf-8", "replace")),
        "content": _object(session, signed.pop(0).decode("utf-8", "replace")),
        "buffers": buffers,
    }


def _object(session: Session, text: str) -> dict[str, Any]:
    value = {} if text == "{}" else session.unpack(text)
    if not isinstance(value, dict):
        raise TypeError("a part of a message is not an object")
    return value
