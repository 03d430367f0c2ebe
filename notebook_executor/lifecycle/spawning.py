"""Processes beside a kernel, within its containment: what starts one, and its handle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol


class SpawnedProcess(Protocol):
    """A process that ends with the kernel's lease at the latest; usable from any thread."""

    def wait(self, timeout: float | None) -> int | None:
        """Block until it has exited.

        Returns:
            Its exit code, below zero for the signal that ended it; None after ``timeout`` seconds.
        """

    def kill(self) -> None:
        """Kill it with all it has started; returns at once, and may be called again."""


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
        """Start a program in a session of its own; never through a shell.

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
