"""A real Jupyter server, in a process of its own."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.integration.stock import PATIENCE, wait_until


class Server:
    """A Jupyter server's REST interface."""

    def __init__(self, port: int, token: str) -> None:
        self._base = f"http://127.0.0.1:{port}/api/"
        self._headers = {"Authorization": f"token {token}"}

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._base + path, data=data, headers=self._headers, method=method
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return json.loads(response.read() or b"null")

    def is_up(self) -> bool:
        try:
            self.call("GET", "status")
        except urllib.error.URLError:
            return False
        return True


@contextmanager
def served(root: Path, **more: object) -> Iterator[tuple[subprocess.Popen[str], Server]]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    token = secrets.token_hex(16)
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.root_dir": root,
        "ServerApp.open_browser": False,
        "ServerApp.allow_root": True,
        "ServerApp.log_level": "ERROR",
        "IdentityProvider.token": token,
    }
    arguments = [f"--{name}={value}" for name, value in (options | more).items()]
    command = [sys.executable, "-m", "jupyter_server", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process, _killed(process):
        server = Server(port, token)
        wait_until(lambda: process.poll() is not None or server.is_up())
        assert process.poll() is None, "the server has exited"
        yield process, server


@contextmanager
def _killed(process: subprocess.Popen[str]) -> Iterator[None]:
    try:
        yield
    finally:
        process.kill()
