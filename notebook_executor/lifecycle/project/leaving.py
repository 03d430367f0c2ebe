"""Stopping a server from one of its own terminals, which ends with it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil

from notebook_executor.errors import UsageError
from notebook_executor.lifecycle.directories import VARIABLE
from notebook_executor.lifecycle.project.finding import find_servers
from notebook_executor.lifecycle.project.settings import Project

OUTPUT = "app.log"


def is_within_server(project: Project) -> bool:
    """Whether this process runs in a terminal of one of the project's servers.

    Raises:
        UsageError: It runs in a kernel, out of which nothing escapes that outlives the kernel.
    """
    above = {process.pid for process in psutil.Process().parents()}
    within = any(server.pid in above for server in find_servers(project))
    if within and VARIABLE in os.environ:
        raise UsageError(
            "This runs in a kernel of the server that it would end, and would end first",
            hint="Use a terminal.",
        )
    return within


def leave(project: Project) -> bool:
    """Go on in a process of our own, which belongs to no terminal and is not below the server.

    Returns:
        True in that process, whose output goes to ``.logs/app.log``; False in this one, which has
        nothing left to do.
    """
    output = _output(project)
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return False
    os.setsid()
    if os.fork():
        os._exit(0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor, source in ((0, nothing), (1, output), (2, output)):
        os.dup2(source, descriptor)
    return True


def _output(project: Project) -> int:
    path: Path = project.logs / OUTPUT
    print(f"this terminal ends with the server; how it goes on is told in {path}", flush=True)
    sys.stderr.flush()
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
