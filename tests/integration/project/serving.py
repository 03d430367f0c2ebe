"""A project with a real Jupyter server, as its user sees it: through the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from jupyter_client.blocking.client import BlockingKernelClient

from notebook_executor.lifecycle import live_kernels
from notebook_executor.lifecycle.directories import bases
from tests.waiting import wait_until

PATIENCE = 240.0
# What this environment has besides, and every server would import first.
_WITHOUT = ("nbdime", "jupyter_lsp", "ploomber_extension", "notebook_shim", "notebook_executor")
_COMMAND = [sys.executable, "-P", "-m", "notebook_executor.lifecycle"]
_GATE = """
import pathlib, time
while not pathlib.Path({gate!r}).exists():
    time.sleep(0.01)
"""


@dataclass(frozen=True)
class ServedProject:
    """A folder, and what is done with it."""

    root: Path

    @property
    def pid_file(self) -> Path:
        return self.root / ".logs" / "jupyter.pid"

    @property
    def log(self) -> str:
        return (self.root / ".logs" / "jupyter.log").read_text("utf-8")

    @property
    def token(self) -> str:
        return (self.root / ".jupyter_runtime" / "token").read_text("ascii")

    def command(self, *arguments: str) -> list[str]:
        return [*_COMMAND, *arguments, "--root", str(self.root)]

    def call(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Call without waiting; the caller does."""
        return subprocess.Popen(
            self.command(*arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def start(self, *arguments: str) -> dict[str, Any]:
        done = self.call("start", "--json", *arguments)
        assert done.returncode == 0, done.stderr
        loaded: dict[str, Any] = json.loads(done.stdout)
        return loaded

    def status(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(self.call("status", "--json").stdout)
        return loaded

    def configure(self, code: str) -> None:
        """Have the server execute this when it starts, before it takes its port."""
        (self.root / ".jupyter_config" / "jupyter_server_config.py").write_text(code)

    def gate(self) -> Path:
        """A file that a server waits for before it takes its port."""
        path = self.root / "gate"
        self.configure(_GATE.format(gate=str(path)))
        return path

    def noted(self) -> dict[str, Any]:
        """Wait until a server has noted itself; what it says."""
        wait_until(self.pid_file.exists)
        loaded: dict[str, Any] = json.loads(self.pid_file.with_name("jupyter.json").read_bytes())
        return loaded

    def ask(self, path: str, body: Any = None) -> Any:
        """Ask the server's API, as whoever has the token."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.noted()['port']}/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self.token}"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=60) as response:
            return json.loads(response.read())

    def processes(self) -> list[psutil.Process]:
        """All that run with this project's variables; a server, its kernels, what those start."""
        runtime = str(self.root / ".jupyter_runtime")
        return [process for process in psutil.process_iter() if _runtime_of(process) == runtime]


def _runtime_of(process: psutil.Process) -> str | None:
    try:
        is_zombie = process.status() == psutil.STATUS_ZOMBIE
        return None if is_zombie else process.environ().get("JUPYTER_RUNTIME_DIR")
    except psutil.Error:
        return None


@contextmanager
def served(root: Path) -> Iterator[ServedProject]:
    """A new project; what runs of it at the end is stopped, and has to be gone then."""
    config = root / ".jupyter_config"
    config.mkdir(parents=True)
    extensions = dict.fromkeys(_WITHOUT, False)
    (config / "jupyter_server_config.json").write_text(
        json.dumps({"ServerApp": {"jpserver_extensions": extensions}})
    )
    project = ServedProject(root.resolve())
    try:
        yield project
    finally:
        stopped = project.call("stop")
    assert stopped.returncode == 0, stopped.stderr
    wait_until(lambda: not project.processes())


@contextmanager
def kernel_of(project: ServedProject) -> Iterator[tuple[str, BlockingKernelClient]]:
    """A new kernel of the project's server: its id, and a client."""
    identifier = project.ask("api/kernels", {})["id"]

    def files() -> list[Path]:
        kernels = [kernel for kernel in live_kernels(bases()) if kernel.name == identifier]
        return [
            path for kernel in kernels if (path := kernel.directory / "connection.json").exists()
        ]

    wait_until(lambda: bool(files()))
    client = BlockingKernelClient()
    client.load_connection_file(str(files()[0]))
    # A loaded machine's heart beats late, which the client takes for a death.
    client.start_channels(hb=False)
    try:
        client.wait_for_ready(timeout=PATIENCE)
        yield identifier, client
    finally:
        client.stop_channels()


def printed(client: BlockingKernelClient, source: str) -> str:
    """Execute, and return what was printed."""
    texts: list[str] = []

    def note(message: dict[str, Any]) -> None:
        texts.append(str(message["content"].get("text", "")))

    client.execute_interactive(source, timeout=PATIENCE, output_hook=note, allow_stdin=False)
    return "".join(texts).strip()


def gone(pids: list[tuple[int, float]]) -> Callable[[], bool]:
    """Whether none of these processes, by pid and creation time, is there any more."""

    def look() -> bool:
        return not any(_is_there(pid, created) for pid, created in pids)

    return look


def _is_there(pid: int, created: float) -> bool:
    try:
        process = psutil.Process(pid)
        return process.create_time() == created and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
