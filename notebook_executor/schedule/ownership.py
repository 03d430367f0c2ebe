"""Who runs what was claimed: a scheduler's own file, which it keeps locked as long as it lives.

The system gives the lock up with the process, however that ends, and a file is what two containers
share that do not see each other's processes. A pid says less: it is given to another one later.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from pathlib import Path
from types import TracebackType


class Owner:
    """A scheduler's mark on what it claims; ``close`` gives it up, as the end of the process does.

    Args:
        directory: Where the marks of all schedulers of one state are.

    Raises:
        OSError: It cannot be written.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self.token, self._descriptor = _locked_file(directory)

    def __enter__(self) -> Owner:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the mark up: what is still claimed with it is cut off. May be called again."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                (self._directory / self.token).unlink()
            os.close(self._descriptor)
            self._descriptor = -1


def is_gone(directory: Path, token: str) -> bool:
    """Whether the scheduler with this mark has ended."""
    try:
        descriptor = os.open(directory / token, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        return _try_lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def remove_marks_of_dead(directory: Path) -> None:
    """Remove the files of schedulers that were killed."""
    for path in directory.glob("*"):
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            if _try_lock(descriptor, fcntl.LOCK_EX):
                with contextlib.suppress(OSError):
                    path.unlink()
        finally:
            os.close(descriptor)


def _locked_file(directory: Path) -> tuple[str, int]:
    while True:
        token = secrets.token_hex(8)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(directory / token, flags, 0o600)
        # Between its birth and its lock it looks like a dead one's, and may be removed.
        if _try_lock(descriptor, fcntl.LOCK_EX) and os.fstat(descriptor).st_nlink:
            return token, descriptor
        os.close(descriptor)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
