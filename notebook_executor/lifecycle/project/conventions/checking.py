"""The ten conventions in order, for any project."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from notebook_executor.errors import UsageError
from notebook_executor.findings import Finding
from notebook_executor.lifecycle.project.conventions import found, written
from notebook_executor.lifecycle.project.conventions.defects import joined
from notebook_executor.lifecycle.project.conventions.ignored import gitignore
from notebook_executor.lifecycle.project.conventions.kernels import kernel
from notebook_executor.lifecycle.project.conventions.scripts import read_scripts
from notebook_executor.lifecycle.project.listening import listeners
from notebook_executor.lifecycle.project.orphans import orphans_among
from notebook_executor.lifecycle.project.processes import look
from notebook_executor.lifecycle.project.seen_servers import find_servers, project_at

TOPICS = (
    *("isolation variables", "kernel", "app.sh", "PID file", "ports"),
    *("background start", "stop", "orphans", "stale files", ".gitignore"),
)


def check_conventions(folder: str | os.PathLike[str]) -> Iterator[Finding]:
    """Go through the conventions one by one: a finding for each of ``TOPICS``, in that order.

    Reads the project's scripts, kernelspecs and PID files, asks git what it ignores, and looks at
    the project's server if one runs. The one thing that it runs of the project is
    ``scripts/app.sh status``, for at most thirty seconds.

    Args:
        folder: The project's root.

    Raises:
        UsageError: There is no such folder.
    """
    root = Path(os.path.realpath(folder))
    if not root.is_dir():
        raise UsageError(f"There is no folder {root}", hint="Name the project's root.")
    project, scripts, table = project_at(root), read_scripts(root), look()
    every = find_servers(table, [root], listeners())
    own = [server for server in every if server.root == root and server.mine]
    left = orphans_among(table, {server.pid for server in every})
    remarks = (
        [*written.isolation(scripts, project), *found.isolation(project, own)],
        kernel(project),
        found.app_script(project, scripts),
        [*written.pid_file(scripts), *found.pid_file(project, own)],
        [*written.ports(scripts), *found.ports(own)],
        written.background(scripts),
        written.stop(scripts),
        [
            *written.orphans(scripts),
            *found.orphans([orphan for orphan in left if orphan.root == root]),
        ],
        [*written.stale_files(scripts), *found.stale_files(project)],
        gitignore(project),
    )
    for topic, about in zip(TOPICS, remarks, strict=True):
        yield joined(topic, about)
