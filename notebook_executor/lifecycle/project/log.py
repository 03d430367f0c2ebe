"""The log of a project's server: bounded in size, and never what keeps it from starting."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from notebook_executor.lifecycle.project.places import ensure_room

_LARGEST_BYTES = 5_000_000
_TAIL_BYTES = 65536


@dataclass(frozen=True)
class ServerLog:
    """Where a server writes.

    Attributes:
        path: The file.
        descriptor: To be written to; the owner closes it.
        begins_at: The size of what earlier servers wrote.
        warning: Why nothing is kept; empty if the file will do.
    """

    path: Path
    descriptor: int
    begins_at: int
    warning: str

    def tail(self, lines: int) -> str:
        """The last lines of what this server has written."""
        return tail(self.path, lines, since=self.begins_at) if not self.warning else ""


def open_log(path: Path) -> ServerLog:
    """Open the log for a new server; a large one becomes ``….1``, and the one before it goes.

    Where it cannot be written to, the server writes to nowhere: it has more important things to do.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > _LARGEST_BYTES:
            path.replace(path.with_name(f"{path.name}.1"))
        # A full disk takes files of no size.
        ensure_room(path.parent)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        reason = error.strerror or str(error)
        descriptor = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        warning = f"nothing is logged, for {path} cannot be written: {reason}"
        return ServerLog(path, descriptor, 0, warning)
    return ServerLog(path, descriptor, os.fstat(descriptor).st_size, "")


def tail(path: Path, lines: int, *, since: int = 0) -> str:
    """The last lines of a log; empty where there is none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(since, size - _TAIL_BYTES))
            kept = deque(file.read(_TAIL_BYTES).splitlines(), maxlen=lines)
    except OSError:
        return ""
    return "\n".join(line.decode("utf-8", "replace") for line in kept)


class FollowedLog:
    """What comes to a log from now on, over a rotation too.

    Args:
        path: The log; it may be missing for now.
        since: The size to begin at; None for what it has now.
    """

    def __init__(self, path: Path, since: int | None = None) -> None:
        self._path = path
        self._file: IO[bytes] | None = None
        self._open()
        if self._file is not None:
            self._file.seek(*((0, os.SEEK_END) if since is None else (since,)))

    def __enter__(self) -> FollowedLog:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def read(self) -> bytes:
        """What has come since the last call."""
        new = b"".join(self._rest())
        if self._was_replaced():
            self._open()
            new += b"".join(self._rest())
        return new

    def _rest(self) -> Iterator[bytes]:
        if self._file is not None:
            yield self._file.read()

    def _was_replaced(self) -> bool:
        with contextlib.suppress(OSError):
            there = self._path.stat()
            return self._file is None or not os.path.samestat(there, os.fstat(self._file.fileno()))
        return False

    def _open(self) -> None:
        with contextlib.suppress(OSError):
            opened = self._path.open("rb")
            if self._file is not None:
                self._file.close()
            self._file = opened
