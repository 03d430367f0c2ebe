"""The host's side of guard and keepers: it asks for kernels, and never signals by bare pid."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from notebook_executor.errors import KernelStartError
from notebook_executor.lifecycle.wire import Wire

Tier = Literal["namespace", "subreaper"]

_KEPT_VARIABLES = ("LD_LIBRARY_PATH",)
_GUARD_SECONDS = 20.0
_END_SECONDS = 30.0
_PACKAGES = Path(__file__).parents[2]
# The guard needs nothing but the standard library: no site-packages, no user's environment.
_START = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from notebook_executor.lifecycle.guard import main; "
    "main(int(sys.argv[2]), int(sys.argv[3]))"
)


class Supervisor:
    """One guard process, started when first needed; ``close`` ends it with all its keepers.

    Safe to use from several threads; a forked copy of the host starts a guard of its own.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._guard: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._owner = 0
        self._ready = False
        self._namespace_problem = ""

    def launch(self) -> None:
        """Start the guard unless it is there, and do not wait for it: whoever needs it does.

        Where it cannot be started, whoever needs it is told.
        """
        with contextlib.suppress(OSError), self._lock:
            self._launch()

    def keep(self, tier: Tier, directory: Path, server: str | None = None) -> Wire:
        """Have a keeper forked, which then waits for what to launch.

        Args:
            tier: How the kernel is contained.
            directory: The private directory that the keeper is to make.
            server: The fork server to fork it, if there is one of that name; the keeper says
                whether it was.

        Returns:
            The wire to the keeper; the caller owns it. Its end is the kernel's end.

        Raises:
            KernelStartError: There is no guard to be had.
        """
        request = {"do": "keep", "tier": tier, "directory": str(directory), "server": server}
        ours, theirs = socket.socketpair()
        try:
            with theirs, self._lock:
                self._ensure()
                self._ask(request, [theirs.fileno()])
        except BaseException:
            ours.close()
            raise
        return Wire(ours)

    def serve(self, server: str, command: dict[str, Any]) -> Wire:
        """Have the guard start a fork server; does not wait for a guard that is just starting.

        Args:
            server: What ``keep`` names it by.
            command: ``argv``, ``env`` and ``cwd`` of an interpreter.

        Returns:
            The wire to it, on which it is told what to import and says how that went; the caller
            owns it.

        Raises:
            KernelStartError: There is no guard to be had.
        """
        ours, theirs = socket.socketpair()
        spec = os.memfd_create("fork-server", os.MFD_CLOEXEC)
        try:
            with os.fdopen(spec, "wb") as file, theirs, self._lock:
                file.write(json.dumps(command).encode())
                file.flush()
                self._launch()
                self._ask({"do": "serve", "server": server}, [spec, theirs.fileno()])
        except BaseException:
            ours.close()
            raise
        return Wire(ours)

    def forget(self, server: str) -> None:
        """End a fork server; its kernels live on."""
        with self._lock:
            if self._control is not None and self._owner == os.getpid():
                with contextlib.suppress(KernelStartError):
                    self._ask({"do": "forget", "server": server}, [])

    def _ask(self, request: dict[str, Any], descriptors: Sequence[int]) -> None:
        message = json.dumps(request).encode()
        for attempt in (1, 2):
            assert self._control is not None
            try:
                socket.send_fds(self._control, [message], descriptors)
            except OSError as error:
                # The guard was killed since it was last used.
                self._drop()
                if attempt == 2:
                    raise KernelStartError("The guard process is gone", retryable=True) from error
                self._ensure()
            else:
                return

    def problem(self) -> str:
        """Why there is no PID namespace to be had here; empty when there is."""
        with self._lock:
            self._ensure()
            return self._namespace_problem

    def _ensure(self) -> None:
        self._launch()
        if not self._ready:
            self._wait_ready()

    def _launch(self) -> None:
        if self._owner != os.getpid():
            # After a fork, the guard is the other process's, and so is its socket.
            self._guard = self._control = None
        if self._guard is None:
            self._guard, self._control = _start_guard()
            self._owner, self._ready = os.getpid(), False

    def _wait_ready(self) -> None:
        assert self._control is not None
        self._control.settimeout(_GUARD_SECONDS)
        try:
            answer = self._control.recv(4096).decode()
        except OSError:
            answer = ""
        if not answer.startswith("ready"):
            assert self._guard is not None
            self._guard.kill()
            self._drop()
            raise KernelStartError("The guard process did not start", retryable=True)
        self._ready = True
        self._namespace_problem = answer.partition(" ")[2]

    def close(self) -> None:
        """End the guard and, with it, whatever is still leased; may be called again."""
        with self._lock:
            if self._owner == os.getpid():
                self._drop()

    def _drop(self) -> None:
        if self._control is not None:
            # A forked copy of this process may hold the socket open: closing alone would not do.
            with contextlib.suppress(OSError):
                self._control.send(b"bye")
            self._control.close()
        if self._guard is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._guard.wait(_END_SECONDS)
        self._guard = self._control = None


def _start_guard() -> tuple[subprocess.Popen[bytes], socket.socket]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        words = [str(_PACKAGES), str(theirs.fileno()), str(os.getpid())]
        try:
            guard = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _START, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ},
                cwd="/",
            )
        except OSError:
            ours.close()
            raise
    return guard, ours
