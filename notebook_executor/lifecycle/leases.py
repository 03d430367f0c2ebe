"""Lease files: the private directories of this user, who lives in them, and who is dead."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import resource
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from notebook_executor.lifecycle.directories import PREFIX, VARIABLE
from notebook_executor.lifecycle.marks import Marks
from notebook_executor.lifecycle.private import LEASE_FILE

_NEWBORN_SECONDS = 60.0
_ATTEMPTS = 5
_PAUSE = 0.002
_RECORD_BYTES = 65536
_TOKEN = re.compile(r"[0-9a-f]{24}")


class Lease:
    """An open lease file; a block closes it and, with it, gives up its lock.

    Args:
        directory: The private directory that it lies in.
        descriptor: Owned by this object from now on.
    """

    def __init__(self, directory: Path, descriptor: int) -> None:
        self.directory = directory
        self._descriptor = descriptor

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def read(self) -> dict[str, Any]:
        """What the file says of the kernel; empty when it cannot be read."""
        for attempt in range(_ATTEMPTS):
            # The keeper writes in one call, but a reader may see half of it: that is not JSON.
            time.sleep(_PAUSE if attempt else 0)
            with contextlib.suppress(OSError, ValueError, RecursionError):
                loaded = json.loads(os.pread(self._descriptor, _RECORD_BYTES, 0))
                return loaded if isinstance(loaded, dict) else {}
        return {}

    def is_held(self) -> bool:
        """Whether its keeper lives, or a reaper is at work; holds the lock for no time itself."""
        if not self._try(fcntl.LOCK_SH):
            return True
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        return False

    def seize(self) -> bool:
        """Lock it for as long as it is open; False where somebody holds it, or removed it."""
        for _ in range(_ATTEMPTS):
            if self._try(fcntl.LOCK_EX):
                return os.fstat(self._descriptor).st_nlink > 0
            if self.is_held():
                return False
            # Whoever only looks, shares it, and is done at once.
            time.sleep(_PAUSE)
        return False

    def _try(self, kind: int) -> bool:
        try:
            fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def open_lease(directory: Path) -> Lease | None:
    """The lease of a private directory; None where there is no such file of this user's.

    A symbolic link, a pipe, or another user's file is no lease, whatever its name.
    """
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(directory / LEASE_FILE, flags)
    except OSError:
        return None
    status = os.fstat(descriptor)
    if status.st_uid != os.getuid() or not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        return None
    return Lease(directory, descriptor)


def private_directories(bases: Iterable[Path]) -> Iterator[Path]:
    """Private directories of this user; what is gone meanwhile is left out.

    One that is being born is left out too: its keeper has not locked it yet. Those that lie in
    another one come before it.
    """
    for base in bases:
        try:
            entries = list(os.scandir(base))
        except OSError:
            continue
        for path in (Path(entry.path) for entry in entries if _is_private(entry)):
            yield from private_directories([path])
            yield path


def outer_directory() -> Path | None:
    """The private directory of the kernel that this process is part of, while that is kept."""
    directory = Path(os.environ.get(VARIABLE, ""))
    lease = open_lease(directory) if directory.name.startswith(PREFIX) else None
    if lease is None:
        return None
    with lease:
        return directory if lease.is_held() else None


def _is_private(entry: os.DirEntry[str]) -> bool:
    if not entry.name.removeprefix(".").startswith(PREFIX):
        return False
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return False
    if status.st_uid != os.getuid() or not stat.S_ISDIR(status.st_mode):
        return False
    return not is_newborn_name(entry.name) or time.time() - status.st_mtime >= _NEWBORN_SECONDS


def is_newborn_name(name: str) -> bool:
    """Whether a private directory still has the name that it is born under."""
    return name.startswith(".")


def marks_of(record: dict[str, Any]) -> Marks | None:
    """The marks that a lease file names; None when it names none that can be trusted."""
    try:
        marks = Marks(**record["marks"])
        own_limit = resource.getrlimit(resource.RLIMIT_MSGQUEUE)[1]
        numbers = (marks.limit, marks.uid, marks.since)
        trusted = (
            all(type(number) is int and number >= 0 for number in numbers)
            and marks.uid == os.getuid()
            # A limit that this process has as well would mark all that its user runs.
            and marks.limit != own_limit
            and _TOKEN.fullmatch(marks.token) is not None
        )
    except (KeyError, TypeError):
        return None
    return marks if trusted else None
