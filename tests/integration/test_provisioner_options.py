"""What a kernelspec, or the caller of a stock manager, can ask of our provisioner."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

from notebook_executor.errors import KernelStartError
from notebook_executor.lifecycle.installed import install_kernel
from notebook_executor.lifecycle.provisioner import ContainedProvisioner
from tests.integration.stock import NAME, PATIENCE, installed_in, private_directories, started


@pytest.fixture(scope="module", autouse=True)
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with installed_in(tmp_path_factory.mktemp("prefix")) as made:
        yield made


def test_tcp_where_the_kernelspec_says_so(prefix: Path) -> None:
    install_kernel("nbx-tcp", transport="tcp", prefix=prefix)
    with started("nbx-tcp") as kernel:
        assert kernel.manager.transport == "tcp"
        assert kernel.manager.ip == "127.0.0.1"
        assert kernel.directory.name.startswith("nbx-")
        kernel.manager.restart_kernel()
        kernel.client.wait_for_ready(timeout=PATIENCE)
        assert kernel.run("print('reached')") == "reached"


def test_the_kernel_sees_the_hosts_processes_unless_told_otherwise(prefix: Path) -> None:
    look = f"import os; print(os.path.isdir('/proc/{os.getpid()}'))"
    with started() as kernel:
        assert kernel.run(look) == "True"
    install_kernel("nbx-namespace", containment="namespace", prefix=prefix)
    try:
        with started("nbx-namespace") as kernel:
            assert int(kernel.run("import os; print(os.getpid())")) < 10
    except KernelStartError as error:
        if "is required" not in str(error):
            raise
        pytest.skip(f"no PID namespaces here: {error}")


def test_the_environment_is_not_filtered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "kept")
    with started() as kernel:
        assert kernel.run("import os; print(os.environ['SOME_API_KEY'])") == "kept"


def test_what_is_told_of_a_kernel(prefix: Path) -> None:
    with started() as kernel:
        provisioner = kernel.manager.provisioner
        assert isinstance(provisioner, ContainedProvisioner)
        info = asyncio.run(provisioner.get_provisioner_info())
        assert info["directory"] == str(kernel.directory)
        assert info["containment"] == "subreaper"
        assert kernel.manager.resolve_path("no-such-file") is None
        assert str(provisioner.pid) == kernel.run("import os; print(os.getpid())")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"independent": True}, "cannot be independent"),
        ({"cwd": "/no/such/folder"}, "working directory"),
    ],
)
def test_a_start_that_is_refused_leaves_nothing(options: dict[str, Any], reason: str) -> None:
    manager = KernelManager(kernel_name=NAME)
    with pytest.raises(KernelStartError, match=reason):
        manager.start_kernel(**options)
    assert not private_directories()
    assert not manager.has_kernel
    manager.cleanup_resources()


def test_a_command_that_is_missing_leaves_nothing(prefix: Path) -> None:
    kernel = install_kernel("nbx-broken", prefix=prefix)
    file = kernel.directory / "kernel.json"
    spec = json.loads(file.read_text())
    file.write_text(json.dumps({**spec, "argv": ["/no/such/command", "{connection_file}"]}))
    manager = KernelManager(kernel_name="nbx-broken")
    with pytest.raises(KernelStartError, match="/no/such/command"):
        manager.start_kernel()
    assert not private_directories()
    manager.cleanup_resources()
