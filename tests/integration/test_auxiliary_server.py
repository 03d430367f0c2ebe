"""Sessions of kernels that a Jupyter server culls, ends, or takes with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from jupyter_client.blocking.client import BlockingKernelClient

from notebook_executor.lifecycle import live_kernels
from tests.integration.gated import own_base
from tests.integration.served import Server, served
from tests.integration.sessions import (
    living,
    private_directories,
    told_in,
    tree_command,
    wait_gone,
    wait_until,
)
from tests.integration.stock import PATIENCE, installed_in

_EXTENSION = {"ServerApp.jpserver_extensions": {"notebook_executor": True}}
_CULLS = {
    "MappingKernelManager.cull_idle_timeout": 3,
    "MappingKernelManager.cull_interval": 1,
    "MappingKernelManager.cull_busy": True,
    "KernelManager.shutdown_wait_time": 0.5,
}
# In a session of its own, as what is started there outlives a kernel by itself.
_REGISTERS = """
import os, subprocess
from notebook_executor.lifecycle import register_session
os.mkdir(DIRECTORY)
process = subprocess.Popen(COMMAND, stdout=subprocess.DEVNULL, start_new_session=True)
register_session(PORT, process.pid, DIRECTORY)
"""
_HOLDS_GIL = "sum(range(10**12))"


@pytest.fixture(scope="module", autouse=True)
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with installed_in(tmp_path_factory.mktemp("prefix")) as made:
        yield made


@contextmanager
def client_of(prefix: Path, kernel: str) -> Iterator[BlockingKernelClient]:
    client = BlockingKernelClient()
    client.load_connection_file(str(prefix / "runtime" / f"kernel-{kernel}.json"))
    # Not wait_for_ready: it takes a second without heartbeat for the kernel's death.
    client.start_channels()
    try:
        yield client
    finally:
        client.stop_channels()


class Kernel:
    """A stock kernel of the server's that registers a session, and then does what it is told."""

    def __init__(
        self, server: Server, prefix: Path, place: Path, port: int, then: str = "pass"
    ) -> None:
        self.id = server.call("POST", "kernels", {"name": "python3"})["id"]
        self.directory = place / f"session-{port}"
        told = place / f"told-{port}"
        source = _REGISTERS.replace("DIRECTORY", repr(str(self.directory)))
        source = source.replace("COMMAND", repr(tree_command(told))).replace("PORT", str(port))
        with server.connected(self.id) as has_message, client_of(prefix, self.id) as client:
            reply = client.execute(f"{source}\n", reply=True, timeout=PATIENCE)
            assert reply["content"]["status"] == "ok", json.dumps(reply["content"])
            *self.session, self.escaped = told_in(told)
            while not has_message():
                client.execute("pass", reply=True, timeout=PATIENCE)
            client.execute(then)

    def has_lost_its_session(self) -> bool:
        return not living(self.session) and not self.directory.exists()


@contextmanager
def none_escapes(kernels: list[Kernel]) -> Iterator[None]:
    """A daemon whose parent is gone cannot be found by anybody but the test."""
    try:
        yield
    finally:
        stray: list[psutil.Process] = living([kernel.escaped for kernel in kernels])
        for process in stray:
            process.kill()
        wait_gone(stray)


@pytest.mark.parametrize("then", ["pass", _HOLDS_GIL], ids=["idle", "holding the GIL"])
def test_a_culled_kernel_takes_its_session_along(prefix: Path, tmp_path: Path, then: str) -> None:
    kernels: list[Kernel] = []
    with none_escapes(kernels), served(tmp_path, **_EXTENSION, **_CULLS) as (_, server):
        kernels.append(Kernel(server, prefix, tmp_path, 5000, then))
        wait_until(lambda: server.call("GET", "kernels") == [])
        wait_until(kernels[0].has_lost_its_session)
        wait_until(lambda: not private_directories())


def test_a_server_that_stops_leaves_no_session(prefix: Path, tmp_path: Path) -> None:
    kernels: list[Kernel] = []
    quick = {"KernelManager.shutdown_wait_time": 0.5}
    with none_escapes(kernels), served(tmp_path, **_EXTENSION, **quick) as (process, server):
        kernels.append(Kernel(server, prefix, tmp_path, 5000))
        kernels.append(Kernel(server, prefix, tmp_path, 5001, _HOLDS_GIL))
        kernels.append(Kernel(server, prefix, tmp_path, 5002))
        assert len(live_kernels(own_base())) == 3
        server.call("DELETE", f"kernels/{kernels[0].id}")
        wait_until(kernels[0].has_lost_its_session)
        assert not kernels[1].has_lost_its_session()
        process.terminate()
        process.wait(PATIENCE)
        # No patience here: the server has seen to it before it was gone.
        assert all(kernel.has_lost_its_session() for kernel in kernels)
        assert not private_directories()
