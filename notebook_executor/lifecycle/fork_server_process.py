"""A fork server, seen from the guard that has started it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
from pathlib import Path
from typing import Any

from notebook_executor.lifecycle import syscalls
from notebook_executor.lifecycle.supervising import IGNORED

_FORK_MILLISECONDS = 5000
_PACKAGES = str(Path(__file__).parents[2])
# Only our own package comes from there, and only now; what is installed there is not for kernels.
_START = (
    "import sys; del sys.path[0]; sys.path.insert(0, sys.argv[1]); "
    "from notebook_executor.lifecycle.fork_server import main; "
    "del sys.path[0]; main(int(sys.argv[2]), int(sys.argv[3]))"
)


class ForkServerProcess:
    """Starts the process, and asks it for keepers, which are the guard's children.

    Args:
        spec: An open file with ``argv`` (an interpreter and its options), ``env`` and ``cwd``.
        status: A socket for the host to learn how it went. Both are closed here in any case.

    Raises:
        OSError: There can be no more processes or descriptors.
    """

    def __init__(self, spec: int, status: int) -> None:
        with os.fdopen(spec, "rb") as file:
            file.seek(0)
            wanted = json.load(file)
        me = os.getpid()
        with socket.socket(fileno=status), contextlib.ExitStack() as undo:
            self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            undo.callback(self._control.close)
            with theirs:
                self.pid = os.fork()
                if self.pid == 0:
                    try:
                        _execute(wanted, theirs.fileno(), status, me)
                    finally:
                        os._exit(127)
            self._handle = os.pidfd_open(self.pid)
            undo.pop_all()

    def fork(self, tier: str, directory: str, descriptors: list[int]) -> int:
        """Have a keeper forked; its pid, or 0 when the server does not do it in time."""
        request = json.dumps({"tier": tier, "directory": directory}).encode()
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        try:
            socket.send_fds(self._control, [request], descriptors)
            answer = self._control.recv(100) if poll.poll(_FORK_MILLISECONDS) else b""
        except OSError:
            return 0
        return max(0, int(answer or b"0"))

    def let_go(self) -> None:
        """In a forked process: close what belongs to the guard."""
        self._control.close()
        os.close(self._handle)

    def close(self) -> None:
        """Kill it. Its kernels live on: they have keepers of their own."""
        self._control.close()
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)
        os.close(self._handle)


def _execute(wanted: dict[str, Any], control: int, status: int, guard: int) -> None:
    syscalls.die_with_parent(signal.SIGKILL)
    if os.getppid() != guard:
        os._exit(127)
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (*IGNORED, signal.SIGCHLD, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    for descriptor in (control, status):
        os.set_inheritable(descriptor, True)
    os.chdir(wanted["cwd"])
    words = [*wanted["argv"], "-c", _START, _PACKAGES, str(control), str(status)]
    os.execvpe(words[0], words, wanted["env"])
