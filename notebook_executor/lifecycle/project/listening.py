"""Who listens on which TCP port of this machine, other users included."""

from __future__ import annotations

import contextlib
import pwd
from dataclasses import dataclass

import psutil

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
# Columns of /proc/net/tcp (proc(5)), and the state in which a socket listens.
_LOCAL, _STATE, _UID = 1, 3, 7
_LISTENS = "0A"


@dataclass(frozen=True)
class Listener:
    """A socket that listens.

    Attributes:
        port: Where.
        pid: Whose socket it is; None where that cannot be seen.
        user: The same by its user's name; None likewise.
    """

    port: int
    pid: int | None
    user: str | None


def listeners() -> list[Listener]:
    """All listening sockets, by port; one that several processes share is told for each."""
    owners = _owners()
    found = {Listener(port, pid, _user(pid) or owners.get(port)) for port, pid in _sockets()}
    seen = {listener.port for listener in found}
    found |= {Listener(port, None, user) for port, user in owners.items() if port not in seen}
    return sorted(found, key=lambda listener: (listener.port, listener.pid or 0))


def _sockets() -> list[tuple[int, int | None]]:
    try:
        connections = psutil.net_connections("tcp")
    except (psutil.Error, OSError, RuntimeError):
        # macOS tells an ordinary user of its own processes alone, and only one by one. And psutil
        # raises RuntimeError for a line of /proc/net/tcp that it cannot read.
        return [
            (port, process.pid) for process in psutil.process_iter() for port in _ports_of(process)
        ]
    return [
        (found.laddr.port, found.pid)
        for found in connections
        if found.status == psutil.CONN_LISTEN and found.laddr
    ]


def _ports_of(process: psutil.Process) -> list[int]:
    with contextlib.suppress(psutil.Error, OSError):
        connections = process.net_connections("tcp")
        return [found.laddr.port for found in connections if found.status == psutil.CONN_LISTEN]
    return []


def _owners() -> dict[int, str]:
    """The user of each listening port, as the kernel tells it of all; nothing but on Linux."""
    found: dict[int, str] = {}
    for table in _TABLES:
        with contextlib.suppress(OSError), open(table, encoding="ascii", errors="replace") as file:
            for words in (line.split() for line in file):
                if len(words) > _UID and words[_STATE] == _LISTENS:
                    found[int(words[_LOCAL].rpartition(":")[2], 16)] = _name(int(words[_UID]))
    return found


def _user(pid: int | None) -> str | None:
    with contextlib.suppress(psutil.Error, OSError):
        return psutil.Process(pid).username() if pid else None
    return None


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
