"""Projects, servers and kernels for the hub to look at, and what it says of them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import psutil

from notebook_executor.lifecycle.project.hub import Machine, ProjectView, survey

# A server as far as the outside can tell: it listens, says where, and has the name of one.
STAND_IN = """
import json, os, signal, socket, subprocess, sys
sockets = socket.create_server(("127.0.0.1", int(os.environ.get("PORT", "0"))))
print(sockets.getsockname()[1], flush=True)
if sys.argv[1:]:
    sys.exit(subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL).returncode)
signal.pause()
"""

Hub = Callable[..., tuple[int, str, str]]


class Start(Protocol):
    def __call__(self, *argv: str | Path, **options: Any) -> subprocess.Popen[str]: ...


def of_project(root: Path) -> dict[str, str]:
    return {**os.environ, "JUPYTER_RUNTIME_DIR": str(root / ".jupyter_runtime")}


def said_port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def seen(root: Path, machine: Machine | None = None) -> ProjectView:
    (found,) = [one for one in (machine or survey()).projects if one.root == root]
    return found


def is_gone(process: psutil.Process) -> bool:
    """Also while nobody has collected it."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
