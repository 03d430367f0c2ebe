"""What a project needs before its first server, each made only where it is missing."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from notebook_executor.commands import run_command
from notebook_executor.errors import ServerError
from notebook_executor.lifecycle.project.places import kernel_file, make_folders
from notebook_executor.lifecycle.project.registered import register_project
from notebook_executor.lifecycle.project.settings import Project

_INSTALL_SECONDS = 120.0
# What a kernel of the project must have from its spec, whoever starts it.
_KERNEL_VARIABLES = ("IPYTHONDIR", "MPLCONFIGDIR")


def bootstrap(project: Project) -> list[str]:
    """Make the folders, register the kernel into this environment, and note the project.

    Done twice in a row, the second time changes nothing.

    Returns:
        What was done, in words; empty when all was there.

    Raises:
        ServerError: The folders cannot be made, or the kernel cannot be registered.
    """
    done = [f"made {folder}" for folder in make_folders(project)]
    file = kernel_file(project)
    if not _is_registered(project, file):
        _register_kernel(project)
        done.append(f"registered the kernel {project.kernel_name} in {file.parent}")
    register_project(project.root)
    return done


def kernel_variables(project: Project) -> dict[str, str]:
    """The environment that the project's kernelspec gives to a kernel."""
    return {name: project.isolation[name] for name in _KERNEL_VARIABLES}


def kernel_display_name(project: Project) -> str:
    return f"Python ({project.display_name})"


def _is_registered(project: Project, file: Path) -> bool:
    try:
        spec = json.loads(file.read_bytes())
        found = spec["argv"][0], spec["display_name"], dict(spec["env"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return False
    python, display_name, variables = found
    named = (python, display_name) == (sys.executable, kernel_display_name(project))
    return named and kernel_variables(project).items() <= variables.items()


def _register_kernel(project: Project) -> None:
    # From the working directory nothing is imported: -P.
    argv = [sys.executable, "-P", "-m", "ipykernel", "install", "--sys-prefix"]
    argv += ["--name", project.kernel_name, "--display-name", kernel_display_name(project)]
    for name, value in kernel_variables(project).items():
        argv += ["--env", name, value]
    finished = run_command(argv, timeout=_INSTALL_SECONDS)
    if finished.code != 0:
        raise ServerError(
            f"The kernel {project.kernel_name} cannot be registered: {finished.complaint}",
            hint="ipykernel has to be installed in this environment, and it has to be writable.",
        )
