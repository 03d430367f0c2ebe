"""How a kernel is contained: the tiers, what each promises, and the best one to be had here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from notebook_executor.errors import KernelStartError
from notebook_executor.lifecycle.limits import NO_LIMITS, LimitHit, ResourceLimits
from notebook_executor.lifecycle.spawning import SpawnedProcess

Tier = Literal["namespace", "subreaper", "best_effort"]


@dataclass(frozen=True)
class ContainedEnd:
    """How a contained kernel ended.

    Attributes:
        exit_code: The kernel's own; negative for the signal that killed it, None if unknown.
        peak_memory_bytes: The kernel's largest resident set.
        ended: Processes that were killed or collected by the end.
        left: Processes that are still there.
        files_left: Files of the private directory that are.
        output_tail: The end of what the kernel process itself wrote.
        limit_hits: The limits that were exceeded, in order.
        oom_kills: Processes that the system killed for lack of memory while the kernel was there,
            the kernel's or others; None if unknown.
    """

    exit_code: int | None = None
    peak_memory_bytes: int = 0
    ended: int = 0
    left: int = 0
    files_left: int = 0
    output_tail: str = ""
    limit_hits: tuple[LimitHit, ...] = ()
    oom_kills: int | None = None


class Contained(Protocol):
    """A private directory, and then a kernel in it; ``end`` ends both whatever state they are in.

    Attributes:
        tier: What is promised.
        directory: The private directory; the host may put files into it.
        death_fd: Becomes readable once the kernel has exited; valid until ``end`` has returned.
        warm: Whether the kernel is a fork of one that has everything imported.
    """

    tier: Tier
    directory: Path
    death_fd: int

    @property
    def warm(self) -> bool: ...

    def launch(
        self,
        argv: list[str],
        env: Mapping[str, str],
        cwd: Path,
        limits: ResourceLimits = NO_LIMITS,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        """Start the kernel; at most once.

        Args:
            argv: Its command.
            env: Its whole environment.
            cwd: Its working directory.
            limits: What it and all it starts may use.
            about: Added to what the lease file says of it.

        Raises:
            KernelStartError: The command or the working directory does not exist, or there are
                limits that cannot be enforced here.
        """

    @property
    def alive(self) -> bool: ...

    def wait(self, timeout: float) -> bool:
        """Block until the kernel has exited, at most ``timeout`` seconds; True if it has."""
        ...

    def send_signal(self, number: int) -> None:
        """Signal the kernel's process group; from any thread, and nothing once it is gone."""

    def spawn(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
    ) -> SpawnedProcess:
        """See ``Spawn``; after the launch."""
        ...

    def set_deadline(self, at: float | None) -> None:
        """Have everything ended at this time of the monotonic clock; None for not at all.

        Where there is a keeper, that holds even if this process is stopped by then.
        """

    def end(self) -> ContainedEnd:
        """End the kernel and all it started, wait for it, and remove the directory.

        Called again, it says again how that went.
        """
        ...


def not_launched(argv: list[str], cwd: Path, reason: str) -> KernelStartError:
    """What to raise where a kernel's command could not be executed."""
    if not cwd.is_dir():
        return KernelStartError(
            f"The kernel's working directory {cwd} is not a directory",
            hint="Create it, or pass another cwd.",
        )
    return KernelStartError(
        f"The kernel's command {argv[0]!r} cannot be executed: {reason}",
        hint="Install the kernel again, or choose another one.",
    )


def not_made(directory: Path, reason: str) -> KernelStartError:
    """What to raise where a private directory could not be made."""
    return KernelStartError(
        f"The private directory {directory} could not be made: {reason}",
        hint="Set TMPDIR to a directory that can be written.",
    )
