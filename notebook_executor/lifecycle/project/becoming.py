"""What a server's process does before it is one: it notes itself, and executes JupyterLab.

So that there is no moment at which a server runs and no PID file names it, whoever is killed.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from notebook_executor.lifecycle.installed import PROVISIONER
from notebook_executor.lifecycle.project.pid_file import ServerRecord, start_time, write_pid_file
from notebook_executor.lifecycle.project.places import kernel_file
from notebook_executor.lifecycle.project.ports import HOST
from notebook_executor.lifecycle.project.settings import Project, read_project

# Where somebody else's token or address could come from, or a launcher that is not ours.
_NOT_PASSED = (
    "JUPYTER_TOKEN",
    "JUPYTER_PORT",
    "JUPYTER_IP",
    "JPY_PARENT_PID",
    "JPY_SESSION_NAME",
    "NBX_PROGRAM",
)
_FIRST_DESCRIPTOR = 3
_MODULE = "notebook_executor.lifecycle.project.becoming"


def becoming_arguments(
    project: Project, folder: Path, port: int, *, ends_with_us: bool
) -> list[str]:
    """The command of a process that becomes the project's server.

    Args:
        project: Whose.
        folder: Where its PID file goes.
        port: Where it listens, or ends.
        ends_with_us: Whether it is asked to end when this process is gone, where the system can.
    """
    words = [project.root, folder, port, os.getpid() if ends_with_us else 0]
    return [sys.executable, "-P", "-m", _MODULE, *map(str, words)]


def server_environment(project: Project, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a project's server, and so of its kernels: no token is in it."""
    kept = {name: value for name, value in environment.items() if name not in _NOT_PASSED}
    # The server reads the file when it starts, so that no command line and no kernel has it.
    return {**kept, **project.isolation, "JUPYTER_TOKEN_FILE": str(project.token_file)}


def server_arguments(project: Project, port: int) -> list[str]:
    """JupyterLab's command line: what belongs to the project, and nothing that a user sets."""
    arguments = [
        "--no-browser",
        f"--ip={HOST}",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={project.root}",
        f"--KernelProvisionerFactory.default_provisioner_name={PROVISIONER}",
    ]
    if kernel_file(project).is_file():
        arguments.append(f"--MultiKernelManager.default_kernel_name={project.kernel_name}")
    if project.notebooks.is_dir():
        arguments.append(f"--FileContentsManager.preferred_dir={project.notebooks}")
    if os.geteuid() == 0:
        # Whoever starts it as root knows.
        arguments.append("--allow-root")
    return [sys.executable, "-P", "-m", "jupyterlab", *arguments]


def main(root: str, folder: str, port: str, parent: str) -> None:
    if int(parent) and sys.platform == "linux":
        _end_with(int(parent))
    os.chdir(root)
    # What our own caller had open would stay open as long as the server runs.
    os.closerange(_FIRST_DESCRIPTOR, os.sysconf("SC_OPEN_MAX"))
    project = read_project(root)
    write_pid_file(Path(folder), _record(project, int(port)))
    arguments = server_arguments(project, int(port))
    os.execv(arguments[0], arguments)


def _end_with(parent: int) -> None:
    from notebook_executor.lifecycle.syscalls import die_with_parent

    die_with_parent(signal.SIGTERM)
    if os.getppid() != parent:
        raise SystemExit("whoever started this server is gone")


def _record(project: Project, port: int) -> ServerRecord:
    return ServerRecord(
        pid=os.getpid(),
        start_time=start_time(os.getpid()) or 0,
        port=port,
        url=f"http://{HOST}:{port}/lab",
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        project=project.name,
        root=str(project.root),
        python=sys.executable,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
