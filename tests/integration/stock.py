"""A kernelspec of ours in an environment of its own, and jupyter_client's managers for it."""

from __future__ import annotations

import os
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from jupyter_client.multikernelmanager import MultiKernelManager

from notebook_executor.lifecycle.installed import install_kernel

NAME = "nbx-python3"
PATIENCE = 60.0


@contextmanager
def installed_in(prefix: Path) -> Iterator[Path]:
    """An environment with our kernelspec, which Jupyter searches; and no other state of Jupyter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(prefix / "share" / "jupyter"))
        for name in ("CONFIG", "DATA", "RUNTIME"):
            patch.setenv(f"JUPYTER_{name}_DIR", str(prefix / name.lower()))
        patch.setenv("IPYTHONDIR", str(prefix / "ipython"))
        install_kernel(prefix=prefix)
        _make_event_loops()
        yield prefix


def _make_event_loops() -> None:
    """What jupyter_client makes when it is first used, and keeps for the whole process."""
    kernels = MultiKernelManager()
    kernels.start_kernel(kernel_name=NAME)
    kernels.shutdown_all(now=True)


@dataclass
class Started:
    manager: KernelManager
    client: BlockingKernelClient

    @property
    def directory(self) -> Path:
        return Path(self.manager.connection_file).parent

    def run(self, source: str) -> str:
        """Execute, and return what was printed; an error's name where there was one."""
        texts: list[str] = []

        def note(message: dict[str, Any]) -> None:
            content = message["content"]
            texts.append(str(content.get("text") or content.get("ename") or ""))

        self.client.execute_interactive(
            textwrap.dedent(source), timeout=PATIENCE, output_hook=note, allow_stdin=False
        )
        return "".join(texts).strip()


@contextmanager
def started(name: str = NAME) -> Iterator[Started]:
    manager = KernelManager(kernel_name=name)
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)
        yield Started(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


def private_directories() -> list[Path]:
    return list(Path(os.environ["TMPDIR"]).glob("nbx-*"))


def wait_until(reached: Callable[[], Any], patience: float = PATIENCE) -> None:
    deadline = time.monotonic() + patience
    while not reached():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
