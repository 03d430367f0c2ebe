"""Our kernels under stock managers: nbclient, nbconvert, jupyter_client, jupyter_server."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import nbclient
import nbformat
import psutil
import pytest
from jupyter_client.manager import KernelManager
from jupyter_client.multikernelmanager import AsyncMultiKernelManager, MultiKernelManager
from nbconvert.preprocessors import ExecutePreprocessor

from notebook_executor.lifecycle.registry import live_kernels
from tests.integration.stock import (
    NAME,
    PATIENCE,
    installed_in,
    private_directories,
    started,
    wait_until,
)

# Children that a kernel by itself would leave: one in another session, one without environment.
_CHILDREN = """
import subprocess
children = [
    subprocess.Popen(["setsid", "sleep", "600"], stdout=subprocess.DEVNULL),
    subprocess.Popen(["env", "-i", "setsid", "sleep", "600"], stdout=subprocess.DEVNULL),
]
print(*(child.pid for child in children))
"""


@pytest.fixture(scope="module", autouse=True)
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with installed_in(tmp_path_factory.mktemp("prefix")) as made:
        yield made


def _notebook(*sources: str) -> nbformat.NotebookNode:
    node: nbformat.NotebookNode = nbformat.v4.new_notebook()
    node.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return node


def _assert_gone(pids: list[int]) -> None:
    assert pids
    left = [pid for pid in pids if psutil.pid_exists(pid)]
    assert not left, f"processes left: {[psutil.Process(pid).cmdline() for pid in left]}"


def test_nbclient_gets_an_ipc_kernel_that_takes_all_it_started_with_it() -> None:
    connection = "from ipykernel import get_connection_file; print(get_connection_file())"
    node = _notebook(connection, _CHILDREN)
    nbclient.NotebookClient(node, kernel_name=NAME).execute()
    file = Path(node.cells[0].outputs[0].text.strip())
    assert file.parent.name.startswith("nbx-")
    assert not file.parent.exists()
    _assert_gone([int(pid) for pid in node.cells[1].outputs[0].text.split()])


def test_nbconvert_executes_in_it(tmp_path: Path) -> None:
    node = _notebook("import os; print(os.getcwd())", _CHILDREN)
    preprocessor = ExecutePreprocessor(kernel_name=NAME, timeout=60)  # type: ignore[no-untyped-call]
    executed, _ = preprocessor.preprocess(node, {"metadata": {"path": str(tmp_path)}})
    assert executed.cells[0].outputs[0].text.strip() == str(tmp_path)
    _assert_gone([int(pid) for pid in executed.cells[1].outputs[0].text.split()])
    assert not private_directories()


def test_the_connection_file_and_the_sockets_are_private() -> None:
    with started() as kernel:
        (told,) = live_kernels([Path(os.environ["TMPDIR"])])
        assert kernel.manager.provisioner is not None
        assert told.name == kernel.manager.provisioner.kernel_id
        assert told.directory == kernel.directory
        file = Path(kernel.manager.connection_file)
        assert kernel.manager.transport == "ipc"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700
        sockets = [path for path in file.parent.iterdir() if path.is_socket()]
        assert len(sockets) == 5
    assert not file.parent.exists()


def test_a_restart_keeps_address_and_clients() -> None:
    with started() as kernel:
        content = Path(kernel.manager.connection_file).read_text()
        first = kernel.run("import os; x = 1; print(os.getpid())")
        children = kernel.run(_CHILDREN).split()
        kernel.manager.restart_kernel()
        _assert_gone([int(pid) for pid in children])
        kernel.client.wait_for_ready(timeout=PATIENCE)
        assert Path(kernel.manager.connection_file).read_text() == content
        second = kernel.run("import os; print(os.getpid(), 'x' in globals())")
        assert second.split()[1] == "False"
        assert second.split()[0] != first
        assert len(private_directories()) == 1


def test_a_kernel_that_died_is_restarted_at_its_address() -> None:
    """As jupyter_client's restarter does it, which asks for new ports at first."""
    with started() as kernel:
        children = [int(pid) for pid in kernel.run(_CHILDREN).split()]
        kernel.client.execute("import os; os._exit(7)")
        wait_until(lambda: not kernel.manager.is_alive())
        # Nobody has to ask for the end of what it has started.
        _assert_gone(children)
        assert kernel.manager.has_kernel
        kernel.manager.restart_kernel(now=True, newports=True)
        kernel.client.wait_for_ready(timeout=PATIENCE)
        assert kernel.run("print('again')") == "again"


def test_what_a_dying_kernel_wrote_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with started() as kernel, caplog.at_level(logging.WARNING):
        kernel.manager.log.propagate = True
        kernel.client.execute("import os; os.write(2, b'the last words\\n'); os._exit(7)")
        wait_until(lambda: not kernel.manager.is_alive())
    assert "exited with 7" in caplog.text
    assert "the last words" in caplog.text


def test_an_interrupt_reaches_the_cell() -> None:
    with started() as kernel:
        # ipykernel would abort what is asked right after the error, along with what was queued.
        code = "import time\nprint('here')\ntime.sleep(60)"
        request = kernel.client.execute(code, stop_on_error=False)
        while kernel.client.get_iopub_msg(timeout=PATIENCE)["msg_type"] != "stream":
            pass
        kernel.manager.interrupt_kernel()
        # A slow kernel was asked for its info more than once, and still answers that.
        reply = kernel.client.get_shell_msg(timeout=PATIENCE)
        while reply["parent_header"]["msg_id"] != request:
            reply = kernel.client.get_shell_msg(timeout=PATIENCE)
        assert reply["content"]["ename"] == "KeyboardInterrupt"
        assert kernel.run("print('still here')") == "still here"


def test_a_kernel_that_holds_the_gil_is_killed_on_demand() -> None:
    manager = KernelManager(kernel_name=NAME)
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=PATIENCE)
    client.execute("sum(range(10**12))")
    client.stop_channels()
    # What a polite end, which this kernel does not hear of, would take.
    manager.shutdown_wait_time = 100
    began = time.monotonic()
    manager.shutdown_kernel(now=True)
    assert time.monotonic() - began < 50
    assert not manager.is_alive()


def test_several_kernels_of_one_manager_do_not_meet() -> None:
    kernels = MultiKernelManager()
    first = kernels.start_kernel(kernel_name=NAME)
    second = kernels.start_kernel(kernel_name=NAME)
    files = {kernels.get_kernel(kernel).connection_file for kernel in (first, second)}
    assert len({Path(file).parent for file in files}) == 2
    kernels.shutdown_kernel(first)
    assert kernels.is_alive(second)
    kernels.shutdown_all(now=True)
    assert not private_directories()


async def _start_many(count: int) -> int:
    kernels = AsyncMultiKernelManager()
    ids = [await kernels.start_kernel(kernel_name=NAME) for _ in range(count)]
    alive = [await kernels.is_alive(kernel) for kernel in ids]
    await kernels.shutdown_all(now=True)
    return sum(alive)


def test_an_event_loop_may_manage_them() -> None:
    assert asyncio.run(_start_many(2)) == 2
    assert not private_directories()


def test_a_manager_that_is_forgotten_leaves_nothing() -> None:
    manager = KernelManager(kernel_name=NAME)
    manager.start_kernel()
    assert private_directories()
    # Its sockets are jupyter_client's own; the kernel is ours.
    manager.context.destroy(linger=0)
    del manager
    gc.collect()
    wait_until(lambda: not private_directories())
