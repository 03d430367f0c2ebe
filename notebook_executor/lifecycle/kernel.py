"""One kernel from start to end: directory, process, channels, and the way they are undone."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from notebook_executor.errors import KernelDiedError, KernelStartError
from notebook_executor.lifecycle.connection import Channels, Connection
from notebook_executor.lifecycle.directories import (
    make_private_directory,
    remove_private_directory,
)
from notebook_executor.lifecycle.kernelspecs import LaunchSpec
from notebook_executor.lifecycle.processes import KernelProcess, ProcessEnd

_OUTPUT = "output.log"
_STDERR_TAIL = 4000
_TERMINATE_GRACE = 0.3


# ipykernel's shutdown terminates the kernel's children and waits until they are gone, but nobody
# collects them: each is a zombie, and the kernel stays for up to 28 s. This lets it collect them.
_COLLECT_CHILDREN = {
    "code": """
import os, psutil, time
began = time.monotonic()
while time.monotonic() < began + 2:
    try:
        if os.waitpid(-1, os.WNOHANG)[0] == 0:
            time.sleep(0.005)
            if time.monotonic() > began + 0.5:
                [child.kill() for child in psutil.Process().children()]
    except OSError:
        break
""",
    "silent": True,
    "store_history": False,
    "user_expressions": {},
    "allow_stdin": False,
    "stop_on_error": False,
}


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


@dataclass
class Kernel:
    """A running kernel; only ``start_kernel`` makes one, and it also ends it.

    Attributes:
        spec: What was launched.
        directory: The kernel's private directory, removed at its end.
        channels: For the thread that runs the notebook.
        info: The content of the kernel's kernel_info reply.
        busy: Set by whoever executes: a busy kernel is interrupted before it is shut down.
        end: What is known of the end, once it is over.
    """

    spec: LaunchSpec
    directory: Path
    channels: Channels
    process: KernelProcess
    info: dict[str, Any] = field(default_factory=dict)
    busy: bool = False
    end: KernelEnd | None = None

    containment: Literal["best_effort"] = "best_effort"

    @property
    def transport(self) -> Literal["ipc", "tcp"]:
        return self.channels.connection.transport

    @property
    def alive(self) -> bool:
        return self.process.alive

    def interrupt(self) -> None:
        """Interrupt what the kernel is doing, the way its kernelspec asks for; any thread."""
        if self.spec.interrupt_mode == "message":
            self.channels.request_interrupt()
        else:
            self.process.send_signal(signal.SIGINT)
            self.channels.nudge()

    def terminate(self) -> None:
        """SIGTERM to the kernel's process group; any thread."""
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to the kernel's process group; any thread."""
        self.process.send_signal(signal.SIGKILL)

    def stderr_tail(self) -> str:
        """The end of what the kernel process itself wrote, outside of any cell."""
        return read_tail(self.directory / _OUTPUT)


@contextmanager
def start_kernel(
    spec: LaunchSpec,
    *,
    cwd: Path,
    env: Mapping[str, str],
    start_timeout: float,
    extra_arguments: tuple[str, ...] = (),
    graces: Graces | None = None,
    prepare: Callable[[Path], Mapping[str, str]] = lambda _: {},
) -> Iterator[Kernel]:
    """Start a kernel, wait until it answers, and end it with everything it started.

    Whatever leaves the block, and an interrupted start too, the kernel's processes are ended and
    waited for, and its directory is removed; ``kernel.end`` then tells how that went.

    Args:
        spec: What to launch.
        cwd: The kernel's working directory. The host's own is not touched.
        env: The kernel's whole environment, but for what the kernelspec adds.
        start_timeout: Seconds until the kernel must have answered.
        extra_arguments: Appended to the kernel's command line.
        graces: How long each step of the end may take.
        prepare: Called with the private directory before the launch; what it puts there goes
            with the kernel, what it returns is added to the environment.

    Raises:
        KernelStartError: It did not start, died while starting, or did not answer in time.
    """
    graces = graces or Graces()
    deadline = time.monotonic() + start_timeout
    end = _End()
    try:
        with ExitStack() as stack:
            directory = make_private_directory()
            stack.callback(end.remove, directory)
            connection = Connection.create(directory, spec.name)
            process = KernelProcess.launch(
                spec.command(connection.file, extra_arguments),
                spec.environment({**env, **prepare(directory)}),
                cwd,
                directory / _OUTPUT,
            )
            stack.callback(end.kill, process, directory)
            channels = Channels(connection, process.death_fd)
            stack.callback(channels.close)
            kernel = Kernel(spec, directory, channels, process)
            stack.callback(end.stop, kernel, graces)
            kernel.info = _wait_ready(kernel, deadline, start_timeout)
            yield kernel
    except KernelStartError as error:
        error.details["end"] = end.report()
        raise
    finally:
        end.tell()


class _End:
    """The steps of a kernel's end, and what they found; undone in the reverse of their order."""

    def __init__(self) -> None:
        self._kernel: Kernel | None = None
        self._began: float | None = None
        self._seconds = 0.0
        self._process = ProcessEnd(None, 0, 0, 0)
        self._files_left = 0
        self._tail = ""

    def stop(self, kernel: Kernel, graces: Graces) -> None:
        """End the kernel as politely as its state allows; what remains is killed afterwards."""
        self._kernel = kernel
        self._began = time.monotonic()
        if not kernel.alive:
            return
        if kernel.busy:
            kernel.interrupt()
        elif kernel.spec.is_ipykernel:
            kernel.channels.send("shell", "execute_request", _COLLECT_CHILDREN)
        kernel.channels.send("control", "shutdown_request", {"restart": False})
        if kernel.process.wait(graces.interrupt if kernel.busy else graces.shutdown):
            return
        kernel.terminate()
        kernel.process.wait(graces.terminate)

    def kill(self, process: KernelProcess, directory: Path) -> None:
        self._process = process.end()
        self._tail = read_tail(directory / _OUTPUT)

    def remove(self, directory: Path) -> None:
        self._files_left = remove_private_directory(directory)
        if self._began is not None:
            self._seconds = time.monotonic() - self._began

    def report(self) -> KernelEnd:
        return KernelEnd(
            exit_code=self._process.exit_code,
            stderr_tail=self._tail,
            peak_memory_bytes=self._process.peak_memory_bytes,
            processes_ended=self._process.ended,
            processes_left=self._process.left,
            files_left=self._files_left,
            seconds=self._seconds,
        )

    def tell(self) -> None:
        if self._kernel is not None:
            self._kernel.end = self.report()


def read_tail(file: Path) -> str:
    """The end of a kernel's raw output; empty when there is none."""
    try:
        with file.open("rb") as raw:
            raw.seek(max(0, file.stat().st_size - _STDERR_TAIL))
            return raw.read().decode("utf-8", "replace").strip()
    except OSError:
        return ""


def _wait_ready(kernel: Kernel, deadline: float, start_timeout: float) -> dict[str, Any]:
    try:
        return kernel.channels.wait_ready(deadline)
    except KernelDiedError as error:
        raise _died_at_start(kernel) from error
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
