"""What a backend is: something that leases kernels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from notebook_executor.lifecycle.connection import Channels
from notebook_executor.lifecycle.containment import Tier
from notebook_executor.lifecycle.kernel import Graces, KernelEnd
from notebook_executor.lifecycle.limits import NO_LIMITS, ResourceLimits
from notebook_executor.lifecycle.spawning import Spawn


@dataclass(frozen=True)
class KernelRequest:
    """The kernel a run asks for.

    Attributes:
        kernel_name: A kernelspec asked for by name; it must exist.
        wanted: The kernelspec that the notebook names; something may stand in for it.
        language: The notebook's language; empty when it says none.
        python: An interpreter to run instead; it needs only ipykernel.
        cwd: The kernel's working directory.
        env: The kernel's environment.
        host_view: Whether the kernel is to see the host's processes.
        required: The least containment that will do; None for any.
        limits: What the kernel and all it starts may use.
        start_timeout: Seconds until it must answer.
        graces: How long each step of its end may take.
        about: What ``nbx ps`` tells of it: ``run_id`` and ``notebook``.
        unwanted: Asked while the kernel starts: True once nobody needs it any more.
        prepare: Called with the kernel's private directory before it starts, and again where it
            has to be started anew in another; what it puts there goes with the kernel, what it
            returns is added to the environment.
    """

    kernel_name: str | None
    wanted: str | None
    language: str
    python: str | None
    cwd: Path
    env: Mapping[str, str]
    start_timeout: float
    host_view: bool = False
    required: Tier | None = None
    limits: ResourceLimits = NO_LIMITS
    graces: Graces = field(default_factory=Graces)
    about: Mapping[str, str] = field(default_factory=dict)
    unwanted: Callable[[], bool] = lambda: False
    prepare: Callable[[Path], Mapping[str, str]] = lambda _: {}


class KernelHandle(Protocol):
    """The controls of a leased kernel; usable from any thread until the lease ends."""

    busy: bool

    @property
    def alive(self) -> bool: ...

    def interrupt(self) -> None:
        """Interrupt the running cell; returns at once, and promises nothing."""

    def terminate(self) -> None:
        """Ask all of the kernel's processes to exit; returns at once."""

    def kill(self) -> None:
        """Kill all of the kernel's processes; returns at once."""

    def set_deadline(self, at: float | None) -> None:
        """Have all ended at this time of the monotonic clock; None for not at all.

        That holds even if this process is stopped or stuck by then. Returns at once.
        """


@dataclass(frozen=True)
class Lease:
    """A kernel that is ready to execute; it ends with the block that opened it.

    Attributes:
        handle: Its controls.
        channels: Its messages, for the one thread that executes.
        info: The content of its kernel_info reply.
        name: The kernelspec's name.
        python: The interpreter or command that runs.
        transport: How messages travel.
        containment: What the end of the lease promises (the tiers of ``lifecycle``).
        warnings: What the user should know about the choice of this kernel.
        ended: How it ended; None until the block has been left.
        spawn: Starts processes beside it, which end with the lease at the latest.
        warm: Whether it is a fork of a process that had everything imported.
    """

    handle: KernelHandle
    channels: Channels
    info: dict[str, Any]
    name: str
    python: str
    transport: Literal["ipc", "tcp"]
    containment: Literal["namespace", "subreaper", "best_effort"]
    ended: Callable[[], KernelEnd | None]
    spawn: Spawn
    warm: bool = False
    warnings: tuple[str, ...] = ()


class Backend(Protocol):
    """Leases kernels; one object may serve many runs at once."""

    def close(self) -> None:
        """Release what is kept between leases; may be called again."""

    def lease(self, request: KernelRequest) -> AbstractContextManager[Lease]:
        """A block within which the kernel is there.

        Whatever leaves the block, the kernel and everything it started is gone afterwards, and
        ``lease.ended()`` says so.

        Raises:
            KernelStartError: On entering: there is no such kernel, it did not come up, or it has
                become unwanted.
        """
        ...
