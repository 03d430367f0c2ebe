"""Programs with kernels of ours that exit, fork, or are killed: what is left of their kernels."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from jupyter_client.blocking.client import BlockingKernelClient

from tests.integration.served import served
from tests.integration.stock import NAME, PATIENCE, installed_in, private_directories, wait_until

# Starts what a kernel by itself would leave, says so in a file, and then never looks up again.
_HOLD_GIL = """
import os, pathlib, subprocess
children = [
    subprocess.Popen(["sleep", "600"]),
    subprocess.Popen(["setsid", "sleep", "600"]),
    subprocess.Popen(["env", "-i", "setsid", "sleep", "600"]),
]
told = pathlib.Path({told!r})
told.with_suffix(".new").write_text(" ".join(str(pid) for pid in
    [os.getpid(), *(child.pid for child in children)]))
told.with_suffix(".new").rename(told)
sum(range(10**12))
"""
_NBCLIENT = """
import sys, nbformat, nbclient
node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(sys.argv[1])])
nbclient.NotebookClient(node, kernel_name="nbx-python3", timeout=600).execute()
"""
_FORGETS = """
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name="nbx-python3")
client.execute_interactive(
    "import subprocess; print(subprocess.Popen(['setsid', 'sleep', '600']).pid, flush=True)"
)
print(manager.provisioner.pid, manager.connection_file, flush=True)
"""
_SHUTS_DOWN_AT_EXIT = """
import atexit, sys
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name="nbx-python3")
client.execute_interactive(
    f"import atexit, pathlib; atexit.register(pathlib.Path({sys.argv[1]!r}).touch); print('ready')"
)
client.stop_channels()
# What it has by default, a loaded machine may need for the polite exit alone.
manager.shutdown_wait_time = 60
atexit.register(manager.shutdown_kernel)
"""
_FORKS = """
import gc, os
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name="nbx-python3")
child = os.fork()
if child == 0:
    del manager
    gc.collect()
    os._exit(0)
os.waitpid(child, 0)
second = os.fork()
if second == 0:
    raise SystemExit
os.waitpid(second, 0)
client.execute_interactive("print('still here')", timeout=60)
assert manager.is_alive()
client.stop_channels()
manager.shutdown_kernel()
"""


@pytest.fixture(scope="module", autouse=True)
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with installed_in(tmp_path_factory.mktemp("prefix")) as made:
        yield made


@contextmanager
def _host(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _living(pids: list[int]) -> list[int]:
    return [pid for pid in pids if psutil.pid_exists(pid)]


def _kill_and_look(host: subprocess.Popen[str], told: Path) -> None:
    """Kill the host once its kernel holds the GIL; nothing of it may stay, a moment later."""
    wait_until(told.exists)
    pids = [int(pid) for pid in told.read_text().split()]
    assert len(_living(pids)) == 4
    host.send_signal(signal.SIGKILL)
    host.wait(PATIENCE)
    wait_until(lambda: not _living(pids) and not private_directories())


def test_nbclients_process_is_killed(tmp_path: Path) -> None:
    told = tmp_path / "told"
    with _host("-c", _NBCLIENT, _HOLD_GIL.format(told=str(told))) as host:
        _kill_and_look(host, told)


def test_a_process_that_exits_takes_its_kernels_along() -> None:
    with _host("-c", _FORGETS) as host:
        said, _ = host.communicate(timeout=PATIENCE)
        # No patience here: the process ends its kernels before it is gone itself.
        child, kernel, file = said.split()
        assert not _living([int(child), int(kernel)])
        assert not Path(file).parent.exists()
    assert host.returncode == 0


def test_a_manager_may_shut_down_while_the_interpreter_exits(tmp_path: Path) -> None:
    told = tmp_path / "told"
    with _host("-c", _SHUTS_DOWN_AT_EXIT, str(told)) as host:
        host.communicate(timeout=PATIENCE)
        assert not private_directories()
    assert told.exists(), "the kernel's own atexit handlers have not run"


def test_a_forked_copy_of_the_process_does_not_end_its_kernel() -> None:
    with _host("-c", _FORKS) as host:
        said, _ = host.communicate(timeout=PATIENCE)
    assert said.strip() == "still here"
    assert host.returncode == 0


@contextmanager
def _client() -> Iterator[BlockingKernelClient]:
    """A client of the one kernel there is."""
    (directory,) = private_directories()
    client = BlockingKernelClient()
    client.load_connection_file(str(directory / "connection.json"))
    # Without heartbeats: a kernel that imports on a loaded machine misses one, and would be said
    # to have "died before replying".
    client.start_channels(hb=False)
    try:
        client.wait_for_ready(timeout=PATIENCE)
        yield client
    finally:
        client.stop_channels()


def test_a_jupyter_server_is_killed_after_a_restart_of_its_kernel(
    prefix: Path, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    with served(tmp_path) as (process, server):
        kernel = server.call("POST", "kernels", {"name": NAME})["id"]
        with _client() as client:
            server.call("POST", f"kernels/{kernel}/restart")
            client.wait_for_ready(timeout=PATIENCE)
            client.execute(_HOLD_GIL.format(told=str(told)))
            _kill_and_look(process, told)
    assert not list(prefix.rglob("kernel-*.json"))


def test_a_jupyter_server_ends_its_kernels(tmp_path: Path) -> None:
    with served(tmp_path) as (process, server):
        first = server.call("POST", "kernels", {"name": NAME})["id"]
        server.call("POST", "kernels", {"name": NAME})
        server.call("DELETE", f"kernels/{first}")
        assert len(private_directories()) == 1
        process.terminate()
        process.wait(PATIENCE)
        assert not private_directories()
