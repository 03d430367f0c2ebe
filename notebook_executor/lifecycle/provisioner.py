"""Our kernels for other people's managers: JupyterLab, nbclient, nbconvert, plain jupyter_client.

A kernelspec that names this provisioner (see ``installed``) is launched by whatever Jupyter
program reads it in a private directory under guard and keeper.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets import CaselessStrEnum

from notebook_executor.errors import KernelStartError
from notebook_executor.lifecycle.containment import Contained, ContainedEnd, Tier
from notebook_executor.lifecycle.leases import open_lease
from notebook_executor.lifecycle.shared_containment import SHARED

_POLL_SECONDS = 0.05
_Answer = TypeVar("_Answer")


class ContainedProvisioner(LocalProvisioner):
    """Launches a kernel that ends with its host, and with it all it started.

    From ``LocalProvisioner`` come the command line, the environment, cached TCP ports and
    transport encryption. The manager is told to use IPC sockets and a connection file in the
    private directory; a restarted kernel gets a directory at the same path, with the same file in
    it, so that clients stay connected.

    What may block (a keeper's answers, milliseconds as a rule) is done in a thread; ``poll`` of a
    living kernel reads a variable.
    """

    transport = CaselessStrEnum(
        ["ipc", "tcp"],
        default_value="ipc",
        config=True,
        help="How the kernel is talked to; tcp for kernels that cannot speak IPC.",
    )
    containment = CaselessStrEnum(
        ["auto", "subreaper", "namespace"],
        default_value="auto",
        config=True,
        help="The tier: 'auto' is the best one in which the kernel sees the processes of its "
        "host; the others are that tier, or no kernel.",
    )
    # Known where the kernel shares the host's PID namespace; for looking, never for signalling.
    pid: int | None = None

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._lock = threading.Lock()
        self._contained: Contained | None = None
        self._last: Contained | None = None
        self._ended: ContainedEnd | None = None
        self._launched = False
        self._end_wanted = False

    @property
    def has_process(self) -> bool:
        return self._launched

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Make the private directory, and have the manager put its connection file there.

        Raises:
            KernelStartError: There is no place for the directory, or no tier that will do; or the
                kernel is asked to outlive its host.
        """
        if kwargs.pop("independent", False):
            raise KernelStartError(
                f"The kernel {self._name!r} cannot be independent: it ends with its host",
                hint="Start it without independent=True, or use another kernelspec.",
            )
        cwd = Path(os.path.abspath(kwargs.get("cwd") or os.curdir))
        try:
            await _aside(lambda: self._open(cwd, kwargs.get("env") or {}))
            self._connect_privately()
            return await super().pre_launch(**{**kwargs, "cwd": str(cwd)})
        except BaseException:
            await _aside(self._finish)
            raise

    def _open(self, cwd: Path, env: Mapping[str, str]) -> None:
        record = {
            "kernel": self._name,
            "name": self.kernel_id,
            # Jupyter servers say so which notebook they start a kernel for.
            "notebook": env.get("JPY_SESSION_NAME"),
            "cwd": str(cwd),
            "host_pid": os.getpid(),
        }
        with self._lock:
            self._end()
            self._end_wanted = False
            self._contained = SHARED.open(
                host_view=self.containment != "namespace",
                required=self._required,
                record=record,
                directory=self._last.directory if self._last is not None else None,
            )
            self._last = self._contained
            self._forgotten = weakref.finalize(self, SHARED.end_forgotten, self._contained)
            # At exit, the shared containment ends everything by itself.
            self._forgotten.atexit = False

    @property
    def _name(self) -> str:
        return str(getattr(self.parent, "kernel_name", ""))

    @property
    def _required(self) -> Tier | None:
        tiers: dict[str, Tier] = {"subreaper": "subreaper", "namespace": "namespace"}
        return tiers.get(self.containment)

    def _connect_privately(self) -> None:
        manager: Any = self.parent
        contained = self._contained
        assert contained is not None
        manager.transport = self.transport
        if self.transport == "ipc":
            # jupyter_client's default is relative to the working directory.
            manager.ip = str(contained.directory / "s")
        manager.connection_file = str(contained.directory / "connection.json")

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the kernel; what it writes outside of cells goes into the private directory.

        Raises:
            KernelStartError: The command or the working directory does not exist.
        """
        self.cwd = kwargs["cwd"]
        try:
            await _aside(lambda: self._launch(cmd, kwargs["env"], Path(kwargs["cwd"])))
        except BaseException:
            await _aside(self._finish)
            raise
        return self.connection_info

    def _launch(self, cmd: list[str], env: dict[str, str], cwd: Path) -> None:
        with self._lock:
            contained = self._contained
            if contained is None:
                raise KernelStartError(f"The kernel {self._name!r} was ended while it started")
            contained.launch(cmd, env, cwd)
            self._ended = None
            self._launched = True
            self.pid = self.pgid = _pid_on_host(contained)

    async def poll(self) -> int | None:
        """None while the kernel runs; then its exit code, once all it had started is gone too."""
        contained = self._contained
        if contained is not None and contained.alive:
            return None
        ended = await _aside(self._finish)
        if ended is None:
            return 0
        # Nobody saw the exit of a kernel that was killed because its keeper was.
        return -signal.SIGKILL if ended.exit_code is None else ended.exit_code

    async def wait(self) -> int | None:
        while (code := await self.poll()) is None:
            await asyncio.sleep(_POLL_SECONDS)
        self._launched = False
        return code

    async def send_signal(self, signum: int) -> None:
        contained = self._contained
        if contained is not None:
            await _aside(lambda: contained.send_signal(signum))

    async def terminate(self, restart: bool = False) -> None:
        self._end_wanted = True
        await self.send_signal(signal.SIGTERM)

    async def kill(self, restart: bool = False) -> None:
        """Kill the kernel and all it has started, and wait until they are gone."""
        self._end_wanted = True
        await _aside(self._finish)

    async def shutdown_requested(self, restart: bool = False) -> None:
        self._end_wanted = True

    async def cleanup(self, restart: bool = False) -> None:
        """End what is still there; without a restart to come, the guard as well if it can rest."""
        self._end_wanted = True
        await _aside(self._finish)
        self._launched = False
        await super().cleanup(restart)
        if not restart:
            await _aside(SHARED.rest)

    def _finish(self) -> ContainedEnd | None:
        with self._lock:
            self._end()
            return self._ended

    def _end(self) -> None:
        contained, self._contained = self._contained, None
        if contained is not None:
            self._forgotten.detach()
            self._ended = SHARED.end(contained)
            self._tell(self._ended)

    def _tell(self, ended: ContainedEnd) -> None:
        if not self._end_wanted and ended.output_tail:
            self.log.warning(
                "The kernel %r exited with %s; it wrote last:\n%s",
                self._name,
                ended.exit_code,
                ended.output_tail,
            )
        if ended.left or ended.files_left:
            self.log.error(
                "Of the kernel %r, %d processes and %d files could not be removed",
                self._name,
                ended.left,
                ended.files_left,
            )

    async def get_provisioner_info(self) -> dict[str, Any]:
        """What the base class knows, the tier, and the private directory."""
        info = await KernelProvisionerBase.get_provisioner_info(self)
        if self._last is not None:
            info |= {"containment": self._last.tier, "directory": str(self._last.directory)}
        return info

    async def load_provisioner_info(self, provisioner_info: dict[str, Any]) -> None:
        """Load what the base class knows: a kernel that ended with its host cannot be adopted."""
        await KernelProvisionerBase.load_provisioner_info(self, provisioner_info)


def _pid_on_host(contained: Contained) -> int | None:
    """The kernel's pid, which its keeper has noted, where host and keeper count alike."""
    lease = open_lease(contained.directory) if contained.tier == "subreaper" else None
    if lease is None:
        return None
    with lease:
        return lease.read().get("kernel_pid")


async def _aside(function: Callable[[], _Answer]) -> _Answer:
    """Call what may block in a thread; here, where the interpreter is exiting and starts none."""
    try:
        answer = asyncio.get_running_loop().run_in_executor(None, function)
    except RuntimeError:
        return function()
    return await answer
