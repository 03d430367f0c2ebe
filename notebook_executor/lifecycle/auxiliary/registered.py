"""A session that somebody else has started: held by pidfd, and noted on disk.

Best effort, for there is no keeper: see ``held``. The note is a private directory with a lease that
this process locks. Once this process is gone, whoever reaps ends the session by that.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from notebook_executor.errors import KernelError, KernelStartError, UsageError
from notebook_executor.lifecycle import held, owned
from notebook_executor.lifecycle.auxiliary.session import EndedSession
from notebook_executor.lifecycle.choice import has_supervisors
from notebook_executor.lifecycle.directories import new_directory_path
from notebook_executor.lifecycle.leases import open_lease, outer_directory
from notebook_executor.lifecycle.marks import Marks
from notebook_executor.lifecycle.private import make_directory, remove_directory
from notebook_executor.lifecycle.proctree import stat_fields
from notebook_executor.lifecycle.registry import described

_PARENT = 1


class RegisteredSession:
    """See ``Session``; ``release`` gives it up instead.

    Args:
        port: Where it listens, as its name among the others.
        pid: Its process.
        directory: Its own directory, which goes with it; None for none.

    Raises:
        UsageError: There is no such process, it is this one or one that this one stands on, or
            the directory cannot be the session's own.
        KernelError: The session cannot be held, or not noted.
    """

    def __init__(self, port: int, pid: int, directory: Path | None) -> None:
        self.port = port
        self.pid = pid
        self.directory = directory
        self._ended: EndedSession | None = None
        known = None if directory is None else _own(directory)
        self.tree = _hold(pid)
        self.name = _name(pid)
        try:
            self._note, self._lock_fd = _write_down(self.tree, self.name, port, known)
        except BaseException:
            self.tree.close()
            raise

    def ask(self) -> None:
        self.tree.terminate()

    def wait(self, until: float) -> bool:
        return self.tree.wait(until)

    def finish(self) -> EndedSession:
        if self._ended is None:
            left = self.tree.kill()
            files = 0 if left else remove_directory(str(self._note))
            self._ended = EndedSession(self.name, self.port, self.pid, self.tree.ended, left, files)
            self.forget()
        return self._ended

    def release(self) -> None:
        """Let it live, and its directory stay."""
        owned.remove_tree(str(self._note))
        self.forget()

    def forget(self) -> None:
        """Close what is held of it here, as a forked copy of this process must."""
        self.tree.close()
        os.close(self._lock_fd)


def _hold(pid: int) -> held.HeldTree:
    if isinstance(pid, bool) or not isinstance(pid, int) or pid <= 0:
        raise UsageError(
            f"The pid {pid!r:.50} is not a whole number above zero",
            hint="Pass the number of the process to end.",
        )
    if pid in _lineage():
        raise UsageError(
            f"The process {pid} is this one, or one that it descends from",
            hint="Register what this process, or somebody for it, has started.",
        )
    if not has_supervisors():
        raise KernelError(
            "Sessions cannot be registered here: that needs Linux and /proc",
            hint="Start the session with launch().",
        )
    try:
        return held.HeldTree(pid)
    except ProcessLookupError:
        raise UsageError(
            f"There is no living process {pid}", hint="Register a session while it runs."
        ) from None
    except OSError as error:
        raise KernelError(f"The process {pid} cannot be held: {error.strerror}") from error


def _lineage() -> set[int]:
    """This process, and all that it descends from."""
    found, pid = {1}, os.getpid()
    while pid > 0:
        found.add(pid)
        fields = stat_fields(pid)
        pid = int(fields[_PARENT]) if fields else 0
    return found


def _own(directory: Path) -> dict[str, Any]:
    try:
        known = owned.describe_owned(str(directory))
    except OSError as error:
        raise UsageError(
            f"The session's directory {directory} cannot be taken: {error.strerror or error}",
            hint="Pass a directory of your own that exists, or leave it out.",
        ) from None
    real = directory.resolve()
    for needed in (Path.home(), Path.cwd(), Path(tempfile.gettempdir()), Path("/tmp")):
        if needed.resolve().is_relative_to(real):
            raise UsageError(
                f"The session's directory {directory} holds {needed}, and would be removed with it",
                hint="Pass the directory that was made for this session, or leave it out.",
            )
    return known


def _write_down(
    tree: held.HeldTree, name: str, port: int, known: dict[str, Any] | None
) -> tuple[Path, int]:
    record = {
        "kernel": "session",
        "name": name,
        "port": port,
        "kernel_pid": tree.pid,
        "host_pid": os.getpid(),
        held.FIELD: held.identity(tree),
        **({owned.FIELD: known} if known else {}),
    }
    try:
        note = new_directory_path(_outer_of(tree.pid))
        return note, make_directory(str(note), described(record, "best_effort"))
    except KernelStartError as error:
        raise KernelError(error.message, hint=error.hint) from None
    except OSError as error:
        raise KernelError(f"The session cannot be noted: {error.strerror}") from error


def _outer_of(pid: int) -> Path | None:
    """The private directory of this process's kernel, if the session ends with that anyway."""
    directory = outer_directory()
    lease = open_lease(directory) if directory is not None else None
    if lease is None:
        return None
    with lease:
        try:
            return directory if Marks(**lease.read()["marks"]).carried_by(pid) else None
        except (KeyError, TypeError):
            return None


def _name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return "?"
