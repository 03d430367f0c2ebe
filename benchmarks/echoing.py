"""The least that a call over a Unix socket can take: an echo of lines, and nothing else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


@contextmanager
def echo_server(path: Path) -> Iterator[str]:
    """Echo what one client sends, on a thread of this process, as long as the block lasts."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1)
        thread = threading.Thread(target=_echo, args=(listener,), daemon=True)
        thread.start()
        yield str(path)
        thread.join()


def _echo(listener: socket.socket) -> None:
    with closing(listener.accept()[0]) as client:
        while received := client.recv(65536):
            client.sendall(received)
