"""One kernel from start to end: directory, process, channels, and the way they are undone."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

from notebook_executor.errors import KernelDiedError, KernelStartError
from notebook_executor.lifecycle.choice import Containment
from notebook_executor.lifecycle.connection import Channels
from notebook_executor.lifecycle.containment import Contained, ContainedEnd, Tier
from notebook_executor.lifecycle.keeper import read_tail
from notebook_executor.lifecycle.kept_outputs import keeps_all_outputs
from notebook_executor.lifecycle.kernelspecs import LaunchSpec
from notebook_executor.lifecycle.limits import NO_LIMITS, LimitHit, ResourceLimits
from notebook_executor.lifecycle.standby import Opened, open_kernel
from notebook_executor.lifecycle.warm import WarmKernels
from notebook_executor.lifecycle.zmtp import NotSpokenError

_TERMINATE_GRACE = 0.3


# What an idle ipykernel does before it is asked to shut down. It ends the children in its process
# group and collects them: its own shutdown does only the first, and then waits for up to 28 s
# until nobody is left, zombies included. And it lets go of its output streams, and has its exit
# wait for its control thread: that would flush them once more and publish that it is idle, and
# wait for ever if the thread that publishes has just been stopped (the race of ipykernel#1518).
_GET_READY_TO_END = {
    "code": """
import atexit, os, psutil, sys, time
began, asked = time.monotonic(), False
while time.monotonic() < began + 2:
    try:
        if os.waitpid(0, os.WNOHANG)[0] == 0:
            forceful = time.monotonic() > began + 0.5
            if forceful or not asked:
                for child in psutil.Process().children():
                    if os.getpgid(child.pid) == os.getpgrp():
                        child.kill() if forceful else child.terminate()
            asked = True
            time.sleep(0.005)
    except (OSError, psutil.Error):
        break
sys.stdout.flush(), sys.stderr.flush()
sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
atexit.register(get_ipython().kernel.control_thread.join, 2)
""",
    "silent": True,
    "store_history": False,
    "user_expressions": {},
    "allow_stdin": False,
    "stop_on_error": False,
}
_READY_SECONDS = 3.0
# A limit that ends each kernel at once would use up all that wait, and all that take their place.
_MOST_REPLACEMENTS = 3


@dataclass(frozen=True)
class Graces:
    """How long each step of an end may take, in seconds, before the next one follows."""

    shutdown: float = 5.0
    interrupt: float = 2.0
    terminate: float = _TERMINATE_GRACE


@dataclass(frozen=True)
class KernelEnd:
    """What is known once a kernel is gone."""

    exit_code: int | None = None
    stderr_tail: str = ""
    peak_memory_bytes: int = 0
    processes_ended: int = 0
    processes_left: int = 0
    files_left: int = 0
    seconds: float = 0.0
    limit_hits: tuple[LimitHit, ...] = ()
    oom_kills: int | None = None


@dataclass
class Kernel:
    """A running kernel; only ``start_kernel`` makes one, and it also ends it.

    Attributes:
        spec: What was launched.
        channels: For the thread that runs the notebook.
        contained: Its process, and its private directory.
        info: The content of the kernel's kernel_info reply.
        busy: Set by whoever executes: a busy kernel is interrupted before it is shut down.
        end: What is known of the end, once it is over.
        why_cold: Why it could not be a warm one, where one was wanted; else empty.
    """

    spec: LaunchSpec
    channels: Channels
    contained: Contained
    info: dict[str, Any] = field(default_factory=dict)
    busy: bool = False
    end: KernelEnd | None = None
    why_cold: str = ""

    @property
    def warm(self) -> bool:
        """Whether it is a fork of a process that had everything imported."""
        return self.contained.warm

    @property
    def containment(self) -> Tier:
        return self.contained.tier

    def set_deadline(self, at: float | None) -> None:
        """Have the kernel ended at this time of the monotonic clock whatever becomes of us."""
        self.contained.set_deadline(at)

    @property
    def transport(self) -> Literal["ipc", "tcp"]:
        return self.channels.connection.transport

    @property
    def connection_file(self) -> Path:
        """For any Jupyter client, as long as the kernel is there."""
        return self.channels.connection.file

    @property
    def alive(self) -> bool:
        return self.contained.alive

    def interrupt(self) -> None:
        """Interrupt what the kernel is doing, the way its kernelspec asks for; any thread."""
        if self.spec.interrupt_mode == "message":
            self.channels.request_interrupt()
        else:
            self.contained.send_signal(signal.SIGINT)
            self.channels.nudge()

    def terminate(self) -> None:
        """SIGTERM to the kernel's process group; any thread."""
        self.contained.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to the kernel's process group; any thread."""
        self.contained.send_signal(signal.SIGKILL)

    def stderr_tail(self) -> str:
        """The end of what the kernel process itself wrote, outside of any cell."""
        return read_tail(str(self.contained.directory))


@contextmanager
def start_kernel(
    spec: LaunchSpec,
    containment: Containment,
    *,
    cwd: Path,
    env: Mapping[str, str],
    start_timeout: float,
    extra_arguments: tuple[str, ...] = (),
    graces: Graces | None = None,
    prepare: Callable[[Path], Mapping[str, str]] = lambda _: {},
    transport: Literal["ipc", "tcp"] = "ipc",
    host_view: bool = False,
    required: Tier | None = None,
    limits: ResourceLimits = NO_LIMITS,
    about: Mapping[str, Any] | None = None,
    unwanted: Callable[[], bool] = lambda: False,
    warm: WarmKernels | None = None,
) -> Iterator[Kernel]:
    """Start a kernel, wait until it answers, and end it with everything it started.

    Whatever leaves the block, and an interrupted start too, the kernel's processes are ended and
    waited for, and its directory is removed; ``kernel.end`` then tells how that went.

    Args:
        spec: What to launch.
        containment: Where the kernel's processes and files are kept together.
        cwd: The kernel's working directory. The host's own is not touched.
        env: The kernel's whole environment, but for what the kernelspec adds.
        start_timeout: Seconds until the kernel must have answered.
        extra_arguments: Appended to the kernel's command line.
        graces: How long each step of the end may take.
        prepare: Called with the private directory before the launch; what it puts there goes
            with the kernel, what it returns is added to the environment. Once more, for another
            directory, where a warm kernel was killed before it answered and is replaced.
        transport: How messages travel; not every kernel can speak ``ipc``.
        host_view: Whether the kernel is to see the host's processes.
        required: The least tier of containment that will do; None for any.
        limits: What the kernel and all it starts may use.
        about: Added to what the lease file says of the kernel.
        unwanted: Asked every now and then while the kernel starts; True gives it up.
        warm: Where a warm kernel may be had; None for a cold one.

    Raises:
        KernelStartError: It did not start, died while starting, did not answer in time, or was
            given up.
    """
    graces = graces or Graces()
    deadline = time.monotonic() + start_timeout
    end = _End()

    def begin(opened: Opened, attempt: ExitStack) -> Kernel:
        _launch(spec, extra_arguments, env, prepare, cwd, limits, record, opened)
        channels = opened.channels
        if channels is None:
            channels = Channels(opened.connection, opened.contained.death_fd)
            attempt.callback(channels.close)
        kernel = Kernel(spec, channels, opened.contained)
        attempt.callback(end.stop, kernel, graces)
        kernel.info = _wait_ready(kernel, deadline, start_timeout, unwanted)
        channels.waits_for_us = kernel.warm or (spec.is_ipykernel and keeps_all_outputs(channels))
        if not channels.waits_for_us:
            channels.keep_up()
        return kernel

    record = {"kernel": spec.name, "cwd": str(cwd), "host_pid": os.getpid(), **(about or {})}
    try:
        with ExitStack() as stack:
            view = _View(host_view, required, record)
            another = partial(_open, spec, containment, warm, extra_arguments, env, transport, view)
            yield _begun(stack, end, another, begin, cwd)
    except KernelStartError as error:
        error.details["end"] = end.report()
        raise
    finally:
        end.tell()


def _begun(
    stack: ExitStack,
    end: _End,
    another: Callable[[], tuple[Opened, str]],
    begin: Callable[[Opened, ExitStack], Kernel],
    cwd: Path,
) -> Kernel:
    """A kernel that answers; one that has waited may be killed until then, and is replaced."""
    replacements = _MOST_REPLACEMENTS
    while True:
        with ExitStack() as attempt:
            opened, why_cold = another()
            attempt.callback(end.kill, opened.contained)
            if opened.channels is not None:
                attempt.callback(opened.channels.close)
            try:
                kernel = begin(opened, attempt)
            except KernelStartError:
                waited = opened.channels is not None
                if not waited or opened.contained.alive or not replacements or not cwd.is_dir():
                    raise
                replacements -= 1
                continue
            kernel.why_cold = why_cold
            stack.push(attempt.pop_all())
            return kernel


def _launch(
    spec: LaunchSpec,
    extra: tuple[str, ...],
    env: Mapping[str, str],
    prepare: Callable[[Path], Mapping[str, str]],
    cwd: Path,
    limits: ResourceLimits,
    record: Mapping[str, Any],
    opened: Opened,
) -> None:
    opened.contained.launch(
        spec.command(opened.connection.file, extra),
        spec.environment({**env, **prepare(opened.contained.directory)}),
        cwd,
        limits,
        {**record, "stand_by": False, "started_at": datetime.now(UTC).isoformat()},
    )


class _View(NamedTuple):
    host_view: bool
    required: Tier | None
    record: Mapping[str, Any]


def _open(
    spec: LaunchSpec,
    containment: Containment,
    warm: WarmKernels | None,
    extra: tuple[str, ...],
    env: Mapping[str, str],
    transport: Literal["ipc", "tcp"],
    view: _View,
) -> tuple[Opened, str]:
    """A kernel to launch, a warm one if it can be, and why it cannot where it should."""
    why_cold = ""
    if warm is not None and transport == "ipc":
        opened = warm.take(spec, extra, env, **view._asdict())
        if not isinstance(opened, str):
            return opened, ""
        why_cold = opened
    return open_kernel(containment, spec, transport=transport, **view._asdict()), why_cold


class _End:
    """The steps of a kernel's end, and what they found; undone in the reverse of their order."""

    def __init__(self) -> None:
        self._kernel: Kernel | None = None
        self._began: float | None = None
        self._seconds = 0.0
        self._contained = ContainedEnd()

    def stop(self, kernel: Kernel, graces: Graces) -> None:
        """End the kernel as politely as its state allows; what remains is killed afterwards."""
        self._kernel = kernel
        self._began = time.monotonic()
        if not kernel.alive:
            return
        if kernel.busy:
            kernel.interrupt()
        elif kernel.spec.is_ipykernel:
            kernel.channels.ask("execute_request", _GET_READY_TO_END, _READY_SECONDS)
        kernel.channels.send("control", "shutdown_request", {"restart": False})
        if kernel.contained.wait(graces.interrupt if kernel.busy else graces.shutdown):
            return
        kernel.terminate()
        kernel.contained.wait(graces.terminate)

    def kill(self, contained: Contained) -> None:
        self._contained = contained.end()
        if self._began is not None:
            self._seconds = time.monotonic() - self._began

    def report(self) -> KernelEnd:
        ended = self._contained
        return KernelEnd(
            exit_code=ended.exit_code,
            stderr_tail=ended.output_tail,
            peak_memory_bytes=ended.peak_memory_bytes,
            processes_ended=ended.ended,
            processes_left=ended.left,
            files_left=ended.files_left,
            seconds=self._seconds,
            limit_hits=ended.limit_hits,
            oom_kills=ended.oom_kills,
        )

    def tell(self) -> None:
        if self._kernel is not None:
            self._kernel.end = self.report()


def _wait_ready(
    kernel: Kernel, deadline: float, start_timeout: float, unwanted: Callable[[], bool]
) -> dict[str, Any]:
    try:
        return kernel.channels.wait_ready(deadline, unwanted)
    except KernelDiedError as error:
        raise _died_at_start(kernel) from error
    except NotSpokenError as error:
        kernel.busy = True
        raise KernelStartError(
            f"The kernel {kernel.spec.name!r} cannot be spoken to: {error}",
            hint="Does it listen on the addresses of its connection file, by ZeroMQ 4?",
            stderr_tail=kernel.stderr_tail(),
        ) from error
    except InterruptedError as error:
        kernel.busy = True
        raise KernelStartError("The kernel was given up while it was starting") from error
    except TimeoutError as error:
        kernel.busy = True
        raise KernelStartError(
            f"The kernel {kernel.spec.name!r} did not answer within {start_timeout:g} s",
            hint="Try again, or raise the start timeout.",
            retryable=True,
            stderr_tail=kernel.stderr_tail(),
        ) from error


def _died_at_start(kernel: Kernel) -> KernelStartError:
    tail = kernel.stderr_tail()
    command = kernel.spec.executable
    hint = "What it wrote last is in kernel.stderr_tail."
    if "No module named ipykernel" in tail or "No module named 'ipykernel'" in tail:
        hint = f"Install ipykernel for that interpreter: {command} -m pip install ipykernel"
    last = tail.splitlines()[-1] if tail else "it wrote nothing"
    return KernelStartError(
        f"The kernel {kernel.spec.name!r} ({command}) exited while starting: {last}",
        hint=hint,
        retryable="No module named" not in tail,
        stderr_tail=tail,
    )
