"""The folders and files that a server of a project needs before it starts."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import sys
import tempfile
from pathlib import Path

from notebook_executor.errors import ServerError
from notebook_executor.lifecycle.project.pid_file import write_atomically
from notebook_executor.lifecycle.project.settings import Project

# More than a PID file and its record need.
_NEEDED_BYTES = 8192
_SHORTEST_TOKEN = 16


def make_folders(project: Project) -> list[Path]:
    """Make the folders of the project's own state, the runtime one for its user alone.

    Returns:
        Those that were not there, or that others could look into.

    Raises:
        ServerError: One cannot be made.
    """
    changed = []
    for folder in map(Path, project.isolation.values()):
        try:
            is_new = not folder.is_dir()
            folder.mkdir(parents=True, exist_ok=True)
            if folder == project.runtime and stat.S_IMODE(folder.stat().st_mode) != 0o700:
                folder.chmod(0o700)
                is_new = True
        except OSError as error:
            raise ServerError(
                f"The folder {folder} cannot be made: {error.strerror or error}",
                hint="The project's folder has to be writable, and yours.",
            ) from error
        if is_new:
            changed.append(folder)
    return changed


def ensure_token(project: Project) -> str:
    """The token of the project's servers: it stays, so that open pages go on after a restart.

    Whoever could have read it, or cut it short, makes a new one necessary.

    Raises:
        ServerError: It cannot be written.
    """
    kept = read_token(project)
    if kept is not None:
        return kept
    token = secrets.token_hex(24)
    try:
        # Without an end of line: the server takes the file as it is.
        write_atomically(project.token_file, token, 0o600)
    except OSError as error:
        raise ServerError(
            f"The token cannot be written to {project.token_file}: {error.strerror}",
            hint="Free some space, or make the folder writable.",
        ) from error
    return token


def read_token(project: Project) -> str | None:
    """The token that is there, if it is this user's secret."""
    try:
        status = project.token_file.lstat()
        text = project.token_file.read_text("ascii")
    except (OSError, ValueError):
        return None
    is_secret = stat.S_ISREG(status.st_mode) and not status.st_mode & 0o077
    if not is_secret or status.st_uid != os.geteuid():
        return None
    return text if len(text) >= _SHORTEST_TOKEN and text.isalnum() else None


def place_for_pid_file(project: Project) -> Path:
    """The first of the folders for PID files that has room for one.

    Raises:
        ServerError: None has.
    """
    reasons = []
    for folder in project.pid_file_folders:
        try:
            ensure_room(folder)
        except OSError as error:
            reasons.append(f"{folder}: {error.strerror}")
        else:
            return folder
    raise ServerError(
        f"The PID file cannot be written: {'; '.join(reasons)}",
        hint="Free some space, or make one of the folders writable.",
    )


def kernel_file(project: Project) -> Path:
    """The project's own kernelspec in this environment, whether or not it is there."""
    kernels = Path(sys.prefix, "share", "jupyter", "kernels")
    return kernels / project.kernel_name / "kernel.json"


def ensure_room(folder: Path) -> None:
    """Have the folder, and room in it for a small file.

    Raises:
        OSError: There is none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"\0" * _NEEDED_BYTES)
        file.flush()


def forget(path: Path) -> bool:
    """Remove a file; whether it was there and could be."""
    with contextlib.suppress(OSError):
        path.unlink()
        return True
    return False
