"""What Jupyter servers say of themselves: ``jpserver-PID.json`` in a runtime directory.

jupyter_server writes it when it starts and removes it when it ends, but not when it is killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from notebook_executor.lifecycle.project.pid_file import whose_process

_NAME = re.compile(r"(?:jpserver|nbserver)-(\d{1,10})\.json")
_MOST_BYTES = 65536


@dataclass(frozen=True)
class ServerFile:
    """A server's file as it was read.

    Attributes:
        path: Where.
        pid: Whose it is, as its name says.
        alive: Whether that process is still there, and this user's.
        stale: Whether it is gone: another user's is neither.
        port: Where it listens; None where the file does not say.
        url: Its address, without the token.
        directory: Which folder it serves.
    """

    path: Path
    pid: int
    alive: bool
    stale: bool
    port: int | None
    url: str | None
    directory: str | None


def server_files(runtime: Path) -> Iterator[ServerFile]:
    """The files of servers in a runtime directory; there may be no such directory."""
    try:
        names = sorted(os.listdir(runtime))
    except OSError:
        return
    for name in names:
        match = _NAME.fullmatch(name)
        if match is not None:
            yield from _read(runtime / name, int(match[1]))


def runtime_directory(environment: Mapping[str, str]) -> Path:
    """Where a Jupyter program of that environment keeps such files, as jupyter_core has it."""
    if environment.get("JUPYTER_RUNTIME_DIR"):
        return Path(environment["JUPYTER_RUNTIME_DIR"])
    if environment.get("JUPYTER_DATA_DIR"):
        return Path(environment["JUPYTER_DATA_DIR"], "runtime")
    home = Path(environment.get("HOME") or os.path.expanduser("~"))
    if sys.platform == "darwin":
        return home / "Library" / "Jupyter" / "runtime"
    data = environment.get("XDG_DATA_HOME")
    return (Path(data) if data else home / ".local" / "share") / "jupyter" / "runtime"


def _read(path: Path, pid: int) -> Iterator[ServerFile]:
    try:
        modified = path.stat().st_mtime
        loaded = json.loads(path.read_bytes()[:_MOST_BYTES]) if path.is_file() else {}
    except FileNotFoundError:
        return
    except (OSError, ValueError, RecursionError):
        # It is being written, or is somebody else's idea of such a file.
        modified, loaded = 0.0, {}
        with contextlib.suppress(OSError):
            modified = path.stat().st_mtime
    said = loaded if isinstance(loaded, dict) else {}
    port, url, directory = said.get("port"), said.get("url"), said.get("root_dir")
    whose = whose_process(pid, None, before=modified)
    yield ServerFile(
        path=path,
        pid=pid,
        alive=whose == "ours",
        stale=whose == "nobody's",
        port=port if type(port) is int else None,
        url=url.partition("?")[0] if isinstance(url, str) else None,
        directory=directory if isinstance(directory, str) else None,
    )
