"""Processes beside a kernel, within its containment: what starts one, and its handle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, Self


class SpawnedProcess(Protocol):
    """A process that ends with its block, or with the kernel's lease if that comes first.

    What it has started, daemons included, is killed as soon as it has exited by itself.
    """

    def wait(self, timeout: float | None) -> int | None:
        """Block until it has exited, and all it has started is gone; one thread at a time.

        Returns:
            Its exit code, below zero for the signal that ended it; None after ``timeout`` seconds.

        Raises:
            ChildProcessError: Nobody knows: what watches over it was killed, or the lease is over.
        """

    def kill(self) -> None:
        """Kill it with all it has started; any thread. Returns at once, and may be called again."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None:
        """Kill it, unless it has exited, and wait."""


class Spawn(Protocol):
    """Starts a process in the containment of a leased kernel."""

    def __call__(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
    ) -> SpawnedProcess:
        """Start a program in a session of its own; never through a shell. From any thread.

        Blocks until it runs, or cannot be started.

        Args:
            argv: The program, looked up in the PATH of ``env``, and its arguments.
            cwd: Where it starts.
            env: Its whole environment.
            stdin: A descriptor of this process that it gets; None for /dev/null, as below.
            stdout: Likewise; the caller's own copy stays the caller's to close.
            stderr: Likewise.

        Raises:
            OSError: It cannot be started, or the lease is over.
        """
        ...
