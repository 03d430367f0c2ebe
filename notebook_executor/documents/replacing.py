"""A file that is read, changed and replaced, without ever losing what others write to it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from notebook_executor.documents.reading import read_file
from notebook_executor.documents.writing import write_bytes
from notebook_executor.errors import DocumentError

_PATIENCE = 30.0
_PAUSE = 0.01


class ChangedMeanwhileError(Exception):
    """Somebody who does not know of the lock has written the file since it was read."""


class Replacing:
    """A file that no other process of ours changes; those who are not ours are noticed."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = path
        self._data = b""

    def read(self) -> bytes:
        self._data = read_file(self._path)
        return self._data

    def write(self, data: bytes) -> None:
        """Replace the file.

        Raises:
            ChangedMeanwhileError: It is not what was read any more; it has not been written.
            DocumentError: It cannot be written.
        """
        write_bytes(data, self._path, check=self._check_unchanged)

    def _check_unchanged(self) -> None:
        if read_file(self._path) != self._data:
            raise ChangedMeanwhileError


@contextlib.contextmanager
def exclusively(path: str | os.PathLike[str]) -> Iterator[Replacing]:
    """Hold a file against other processes and threads that replace it this way.

    The lock is on the file itself: nothing is left beside it. Blocks until it is free.

    Raises:
        DocumentError: There is no such file, or others have held it for half a minute.
    """
    deadline = time.monotonic() + _PATIENCE
    while True:
        with _opened(path) as descriptor:
            if not _locked(descriptor):
                if time.monotonic() > deadline:
                    raise _busy(path)
                time.sleep(_PAUSE)
            # Who held the lock before has put another file in its place.
            elif _is_current(descriptor, path):
                yield Replacing(path)
                return


@contextlib.contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[int]:
    try:
        # A pipe would have to be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError):
        read_file(path)
        raise
    try:
        yield descriptor
    finally:
        with contextlib.suppress(OSError):
            # A process that was forked meanwhile holds the descriptor too.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as exc:
        # Some network file systems have no locks; what others write is noticed there too.
        if exc.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.EINVAL):
            raise
    return True


def _is_current(descriptor: int, path: str | os.PathLike[str]) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), Path(path).stat())
    except FileNotFoundError:
        return False


def _busy(path: str | os.PathLike[str]) -> DocumentError:
    return DocumentError(
        f"{path} is being changed by another process, for over {_PATIENCE:.0f} s",
        hint="Try again when it has finished.",
        kind="output_error",
        path=str(path),
    )
