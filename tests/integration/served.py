"""A real Jupyter server, in a process of its own."""

from __future__ import annotations

import base64
import http.client
import json
import os
import secrets
import select
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.integration.stock import PATIENCE, wait_until

_PING = b"\x89"  # a frame of two bytes, RFC 6455


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket: a port that is free now may be taken when a server binds it."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(str(self._path))


class Server:
    """A Jupyter server's REST interface, at its socket."""

    def __init__(self, path: Path, token: str) -> None:
        self._path = path
        self._headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        connection = _Connection(self._path)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, f"/api/{path}", data, self._headers)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        assert response.status < 300, content
        return json.loads(content or b"null")

    @contextmanager
    def connected(self, kernel: str) -> Iterator[Callable[[], bool]]:
        """A websocket of the kernel's, as long as which is open it is not culled.

        Yields:
            Whether it has passed a message of the kernel's on. Before that the server is still
            asking the kernel for a sign of life, and would not notice that we close.
        """
        connection = _Connection(self._path)
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        asks = {"Connection": "Upgrade", "Upgrade": "websocket"}
        asks |= {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key}
        try:
            path = f"/api/kernels/{kernel}/channels"
            connection.request("GET", path, headers={**self._headers, **asks})
            assert connection.getresponse().status == http.client.SWITCHING_PROTOCOLS
            yield lambda: _has_message(connection.sock)
        finally:
            connection.close()

    def is_up(self) -> bool:
        try:
            self.call("GET", "status")
        except OSError:
            return False
        return True


def _has_message(websocket: socket.socket) -> bool:
    while select.select([websocket], [], [], 0)[0]:
        if websocket.recv(1, socket.MSG_PEEK) != _PING:
            return True
        websocket.recv(2)
    return False


@contextmanager
def served(root: Path, **more: object) -> Iterator[tuple[subprocess.Popen[str], Server]]:
    # Not below pytest's directories, whose paths are too long for sockets.
    path = Path(os.environ["TMPDIR"], f"server-{secrets.token_hex(4)}")
    token = secrets.token_hex(16)
    options = {
        "ServerApp.sock": path,
        "ServerApp.root_dir": root,
        "ServerApp.open_browser": False,
        "ServerApp.allow_root": True,
        "ServerApp.log_level": "ERROR",
        "IdentityProvider.token": token,
    }
    arguments = [f"--{name}={value}" for name, value in (options | more).items()]
    command = [sys.executable, "-m", "jupyter_server", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process, _killed(process):
        server = Server(path, token)
        wait_until(lambda: process.poll() is not None or server.is_up())
        assert process.poll() is None, "the server has exited"
        yield process, server
    path.unlink(missing_ok=True)


@contextmanager
def _killed(process: subprocess.Popen[str]) -> Iterator[None]:
    try:
        yield
    finally:
        process.kill()
