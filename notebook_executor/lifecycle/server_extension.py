"""A Jupyter Server extension: sessions end with the kernels that registered them.

A kernel that exits politely ends its sessions by itself, in its exit handlers. One that was killed
(it was busy when it was culled, or did not answer) leaves them to a reaper; this extension calls
that when the server has shut a kernel down, for whatever reason, and once more when it stops.
"""

from __future__ import annotations

import asyncio
import atexit
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

_KERNEL_ACTIONS = "https://events.jupyter.org/jupyter_server/kernel_actions/v1"


def _load_jupyter_server_extension(server: ServerApp) -> None:
    """Called by the server when it starts."""

    # The server looks at the names of the arguments.
    async def kernel_action(logger: Any, schema_id: str, data: dict[str, Any]) -> None:  # noqa: ARG001
        if data.get("action") == "shutdown":
            await asyncio.to_thread(_reap, server)

    events: Any = server.event_logger
    events.add_listener(schema_id=_KERNEL_ACTIONS, listener=kernel_action)
    # The server's own sessions end in an exit handler too; its kernels have gone before.
    atexit.register(_reap, server)


def _reap(server: ServerApp) -> None:
    from notebook_executor.lifecycle.directories import bases
    from notebook_executor.lifecycle.reaper import reap

    for leftover in reap(bases()):
        server.log.info(
            "Ended what %s had left: processes %s",
            leftover.record.get("name") or leftover.directory,
            ", ".join(map(str, leftover.processes)) or "none",
        )
        if leftover.processes_left or leftover.files_left:
            server.log.error(
                "%d processes and %d files of %s could not be removed",
                leftover.processes_left,
                leftover.files_left,
                leftover.directory,
            )
