"""The private directory of one kernel: its connection file, its sockets, its raw output."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from notebook_executor.errors import KernelStartError

# sockaddr_un.sun_path holds 108 bytes on Linux and 104 on macOS, terminating zero included.
_SOCKET_PATH_BYTES = 103
_LONGEST_SOCKET_NAME = "/s-5"


def make_private_directory() -> Path:
    """Make an empty directory, mode 0700, whose path is short enough for sockets.

    The temporary directory is used, or ``/tmp`` where that one's path is too long; the caller
    owns the directory and removes it with ``remove_private_directory``.

    Raises:
        KernelStartError: No place is writable, or none is short enough.
    """
    reasons = []
    for base in dict.fromkeys((_temporary_directory(), "/tmp")):
        try:
            made = tempfile.mkdtemp(prefix="nbx-", dir=base)
        except OSError as error:
            reasons.append(f"{base}: {error.strerror}")
            continue
        if len(os.fsencode(made + _LONGEST_SOCKET_NAME)) <= _SOCKET_PATH_BYTES:
            return Path(made)
        os.rmdir(made)
        reasons.append(f"{base}: the path is too long for a socket")
    raise KernelStartError(
        f"There is no place for the kernel's sockets: {'; '.join(reasons)}",
        hint="Set TMPDIR to a writable directory with a short path.",
    )


def _temporary_directory() -> str:
    # tempfile.gettempdir() caches its answer and creates probe files; the variable is enough.
    return os.path.abspath(os.environ.get("TMPDIR") or "/tmp")


def remove_private_directory(path: Path) -> int:
    """Remove the directory and everything in it.

    Returns:
        The number of files that could not be removed.
    """
    shutil.rmtree(path, ignore_errors=True)
    return sum(1 for _ in path.rglob("*")) + 1 if path.exists() else 0
