"""One look at all processes: whose they are, and which of them are not to be touched."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import psutil

_FIELDS = ["pid", "ppid", "uids", "username", "cmdline", "create_time", "status", "memory_info"]


@dataclass(frozen=True)
class Seen:
    """A process as it was seen.

    Attributes:
        pid: In this process's PID namespace.
        parent: Its parent's pid.
        uid: Whose it is.
        user: The same by name.
        started: When it started, in seconds of the epoch.
        memory_bytes: Its resident set.
        words: Its command line; empty where that cannot be seen.
    """

    pid: int
    parent: int
    uid: int
    user: str
    started: float
    memory_bytes: int
    words: tuple[str, ...]

    @property
    def command(self) -> str:
        return " ".join(self.words)


class ProcessTable(Mapping[int, Seen]):
    """The living processes of one moment, by pid; zombies are none.

    Args:
        found: Them.
    """

    def __init__(self, found: Mapping[int, Seen]) -> None:
        self._found = dict(found)
        self._caller = {os.getpid(), *self.ancestors(os.getpid())}

    def __getitem__(self, pid: int) -> Seen:
        return self._found[pid]

    def __iter__(self) -> Iterator[int]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def ancestors(self, pid: int) -> list[int]:
        """Its parent, that one's parent, and so on."""
        found: list[int] = []
        seen = self._found.get(pid)
        while seen is not None and seen.parent > 0 and seen.parent not in found:
            found.append(seen.parent)
            seen = self._found.get(seen.parent)
        return found

    def below(self, pid: int) -> list[int]:
        """Those that descend from it."""
        return [other for other in self._found if pid in self.ancestors(other)]

    def is_caller(self, pid: int) -> bool:
        """Whether it is this process, or one that this one stands on."""
        return pid in self._caller

    def is_here(self, pid: int) -> bool:
        """Whether it is in this process's namespaces, where its paths and pids mean the same."""
        return pid in self._found and all(_same_namespace(pid, kind) for kind in ("mnt", "pid"))

    def is_mine(self, pid: int) -> bool:
        """Whether it is this user's, and here."""
        return pid in self._found and self._found[pid].uid == os.geteuid() and self.is_here(pid)


def look() -> ProcessTable:
    found = {}
    for process in psutil.process_iter(_FIELDS):
        info = process.info
        if info["status"] != psutil.STATUS_ZOMBIE and info["uids"] and info["create_time"]:
            found[process.pid] = Seen(
                pid=process.pid,
                parent=info["ppid"] or 0,
                uid=info["uids"].effective,
                user=info["username"] or str(info["uids"].effective),
                started=info["create_time"],
                memory_bytes=info["memory_info"].rss if info["memory_info"] else 0,
                words=tuple(info["cmdline"] or ()),
            )
    return ProcessTable(found)


def environment_of(pid: int) -> dict[str, str] | None:
    """What a process was started with; None where that cannot be seen."""
    with contextlib.suppress(psutil.Error, OSError):
        return psutil.Process(pid).environ()
    return None


def directory_of(pid: int) -> str | None:
    """Its working directory; None where that cannot be seen."""
    with contextlib.suppress(psutil.Error, OSError):
        return psutil.Process(pid).cwd() or None
    return None


def _same_namespace(pid: int, kind: str) -> bool:
    # Where there are no namespaces, all processes share what they have.
    if not os.path.exists(f"/proc/self/ns/{kind}"):
        return True
    try:
        return os.path.samestat(os.stat(f"/proc/{pid}/ns/{kind}"), os.stat(f"/proc/self/ns/{kind}"))
    except OSError:
        return False
