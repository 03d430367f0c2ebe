"""git's long-running filter process: one of us for all the files of a git command.

The protocol, version 2, is in git's documentation: ``gitattributes``, "Long Running Filter
Process"; its packets in ``protocol-common``, "pkt-line Format".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

from notebook_executor.errors import NotebookExecutorError, UsageError

_LENGTH = 4  # hexadecimal digits before each packet, counted in its length
_MOST = 65516  # bytes of content in a packet
_FLUSH = b"0000"
_SMUDGE = "smudge"
_CLEAN = "clean"
_HINT = "git itself calls this command; for yourself, use nbx strip FILE."

Clean = Callable[[bytes, str], bytes]


class ProtocolError(UsageError):
    """What was said is not what git says to a filter."""


def serve(
    requests: BinaryIO, answers: BinaryIO, clean: Clean, refused: Callable[[str], None]
) -> None:
    """Answer until git has no more files; what is checked out stays as it is.

    Blocks for as long as git goes on.

    Args:
        requests: What git says.
        answers: What we say to git.
        clean: Makes of a file's content, and its path, what git is to keep. Where it raises a
            ``NotebookExecutorError``, git is told that this file failed, and goes on.
        refused: Is given what it raised, in words.

    Raises:
        ProtocolError: Whoever speaks to us is not git, or has ended in the middle of a word.
    """
    _shake_hands(requests, answers)
    while request := _settings(requests):
        content = b"".join(_packets(requests))
        try:
            done = _filtered(request, content, clean)
        except NotebookExecutorError as error:
            refused(str(error))
            _say(answers, "status=error")
        else:
            _answer(answers, done)
        answers.flush()


def _filtered(request: Mapping[str, str], content: bytes, clean: Clean) -> bytes:
    command = request.get("command")
    if command == _CLEAN:
        return clean(content, request.get("pathname", ""))
    if command == _SMUDGE:
        return content
    raise ProtocolError(f"git asks for {command!r}, which nobody has offered")


def _shake_hands(requests: BinaryIO, answers: BinaryIO) -> None:
    greeting = _lines(requests)
    if greeting[:1] != ["git-filter-client"] or "version=2" not in greeting:
        raise ProtocolError(
            f"this is not git's filter protocol, version 2: {greeting}",
            hint=_HINT,
        )
    _say(answers, "git-filter-server", "version=2")
    answers.flush()
    _lines(requests)
    _say(answers, f"capability={_CLEAN}", f"capability={_SMUDGE}")
    answers.flush()


def _answer(answers: BinaryIO, content: bytes) -> None:
    _say(answers, "status=success")
    for start in range(0, len(content), _MOST):
        _send(answers, content[start : start + _MOST])
    answers.write(_FLUSH)
    # An empty list: the status is still what it was when the content began.
    answers.write(_FLUSH)


def _say(answers: BinaryIO, *lines: str) -> None:
    for line in lines:
        _send(answers, f"{line}\n".encode())
    answers.write(_FLUSH)


def _send(answers: BinaryIO, data: bytes) -> None:
    answers.write(b"%04x" % (len(data) + _LENGTH))
    answers.write(data)


def _settings(requests: BinaryIO) -> dict[str, str]:
    """The lines ``key=value`` of a request; empty when git has closed its end."""
    return dict(line.split("=", 1) for line in _lines(requests) if "=" in line)


def _lines(requests: BinaryIO) -> list[str]:
    return [
        packet.decode("utf-8", "surrogateescape").removesuffix("\n")
        for packet in _packets(requests, may_end=True)
    ]


def _packets(requests: BinaryIO, *, may_end: bool = False) -> Iterator[bytes]:
    """The packets up to the next flush; ``may_end``: or up to the end, where that comes first."""
    while True:
        head = requests.read(_LENGTH)
        if head == _FLUSH:
            return
        if not head and may_end:
            return
        may_end = False
        yield _exactly(requests, _length(head) - _LENGTH)


def _length(head: bytes) -> int:
    try:
        length = int(head, 16)
    except ValueError:
        length = -1
    if len(head) < _LENGTH or length < _LENGTH:
        raise ProtocolError(f"this is no packet of git's: {head!r}", hint=_HINT)
    return length


def _exactly(requests: BinaryIO, size: int) -> bytes:
    data = requests.read(size)
    if len(data) < size:
        raise ProtocolError("git has ended in the middle of a file")
    return data
