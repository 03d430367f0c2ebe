"""The private directory of one kernel: its connection file, its sockets, its raw output."""

from __future__ import annotations

import os
from pathlib import Path

from notebook_executor.errors import KernelStartError

# sockaddr_un.sun_path holds 108 bytes on Linux and 104 on macOS, terminating zero included.
_SOCKET_PATH_BYTES = 103
_LONGEST_SOCKET_NAME = "s-5"

PREFIX = "nbx-"
# Names a kernel's own private directory to the kernel and all that it starts.
VARIABLE = "NBX_DIRECTORY"


def new_directory_path(outer: Path | None = None) -> Path:
    """A path for a private directory, not made yet, that is short enough for sockets.

    Below the temporary directory, or ``/tmp`` where that one's path is too long.

    Args:
        outer: Preferred to both: the private directory of the kernel that this process is part
            of, with which it then goes.

    Raises:
        KernelStartError: No place is writable, or none is short enough.
    """
    reasons = []
    for base in [*([outer] if outer else []), *bases()]:
        path = base / f"{PREFIX}{os.urandom(6).hex()}"
        if len(os.fsencode(path / _LONGEST_SOCKET_NAME)) > _SOCKET_PATH_BYTES:
            reasons.append(f"{base}: the path is too long for a socket")
        elif not os.access(base, os.W_OK | os.X_OK):
            reasons.append(f"{base}: it cannot be written")
        else:
            return path
    raise KernelStartError(
        f"There is no place for the kernel's sockets: {'; '.join(reasons)}",
        hint="Set TMPDIR to a writable directory with a short path.",
    )


def bases() -> list[Path]:
    """Where private directories may be, in the order of preference."""
    # tempfile.gettempdir() remembers its answer and makes probe files; the variable is enough.
    wanted = os.path.abspath(os.environ.get("TMPDIR") or "/tmp")
    return [Path(base) for base in dict.fromkeys((wanted, "/tmp"))]
