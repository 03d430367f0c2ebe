"""What a host has left: processes, by every mark that they can carry, and files."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

_PAUSE = 0.002
_LIMITS = {"Max file locks": "locks", "Max msgqueue size": "queue"}


@dataclass
class Marks:
    """How the processes of one host are recognised.

    Attributes:
        locks: A hard limit that the host gave itself; all that descends from it has it, the
            supervisors and what has cleared its environment included.
        place: The host's ``TMPDIR``, in the environment of all that have one.
        leases: Token and queue limit of each kernel that was seen.
        groups: Their control groups, where they have some.
    """

    locks: int
    place: Path
    leases: dict[str, int] = field(default_factory=dict)
    groups: set[Path] = field(default_factory=set)

    def notice(self) -> None:
        """Take in the leases that lie in the private directories now."""
        for file in self.place.glob("nbx-*/lease.json"):
            try:
                lease = json.loads(file.read_text())
                self.leases[lease["marks"]["token"]] = lease["marks"]["limit"]
            except (OSError, ValueError, KeyError):
                continue
            if "group" in lease:
                self.groups.add(Path(lease["group"]))

    def of_host(self, pid: int) -> bool:
        """Whether a process descends from the host, by any of the marks."""
        limits, environment = _limits(pid), _environment(pid)
        queue = limits.get("queue", 0)
        return (
            limits.get("locks") == self.locks
            or (queue != 0 and queue in self.leases.values())
            or any(token.encode() in environment for token in self.leases)
            or (b"NBX_LEASE=" in environment and f"TMPDIR={self.place}\0".encode() in environment)
        )


def supervises(pid: int) -> bool:
    """Whether a process is a guard, a keeper, a fork server, or a kernel that waits for a run."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        # What a fork server has forked looks like it; a kernel that runs has gone elsewhere.
        waits = b"lifecycle.fork_server" in words and Path(f"/proc/{pid}/cwd").readlink() == Path(
            "/"
        )
    except OSError:
        return False
    return waits or b"lifecycle.guard" in words


def waits_for_a_run(directory: Path) -> bool:
    """Whether a private directory is that of a kernel that waits for a run."""
    try:
        return bool(json.loads((directory / "lease.json").read_bytes()).get("stand_by"))
    except (OSError, ValueError):
        return False


def processes(marked: Callable[[int], bool]) -> list[int]:
    """Living processes other than this one; what is a zombie has ended."""
    me = os.getpid()
    found = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
    return [pid for pid in found if pid != me and marked(pid) and _lives(pid)]


def described(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        words = ""
    return f"{pid} {words[:120]}"


def files_below(place: Path) -> list[str]:
    """Everything below a private place, sockets and directories included."""
    found = (
        Path(where, name)
        for where, directories, files in os.walk(place)
        for name in (*directories, *files)
    )
    return sorted(str(path.relative_to(place)) for path in found if not is_probe(path))


def is_probe(path: Path) -> bool:
    """Whether it is what ``tempfile`` writes and removes to see whether it can write there.

    Python does so once a process, in the first cell for instance; killed at that, it leaves it.
    """
    if not re.fullmatch("[a-z0-9_]{8}", path.name):
        return False
    try:
        return path.read_bytes() in (b"", b"blat")
    except OSError:
        return False


def directories_of(host: int) -> list[Path]:
    """Private directories in the place where they go when TMPDIR will not do."""
    found = []
    for file in Path("/tmp").glob("nbx-*/lease.json"):
        try:
            if json.loads(file.read_text()).get("host_pid") == host:
                found.append(file.parent)
        except (OSError, ValueError):
            continue
    return found


def until_none(look: Callable[[], list[str]], patience: float) -> list[str]:
    """Look again until nothing is found or the patience is at its end; what was found last."""
    deadline = time.monotonic() + patience
    while (found := look()) and time.monotonic() < deadline:
        time.sleep(_PAUSE)
    return found


def kill_all(marked: Callable[[int], bool]) -> None:
    """For what a test has left: by pidfd, and only what is still marked then."""
    for pid in processes(marked):
        try:
            handle = os.pidfd_open(pid)
        except OSError:
            continue
        try:
            if marked(pid):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        except OSError:
            pass
        finally:
            os.close(handle)


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state not in "ZX"


def _limits(pid: int) -> dict[str, int]:
    try:
        lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    except OSError:
        return {}
    return dict(_hard_limits(lines))


def _hard_limits(lines: list[str]) -> Iterator[tuple[str, int]]:
    for line in lines:
        for title, name in _LIMITS.items():
            value = line.removeprefix(title).split()
            if line.startswith(title) and value[1].isdigit():
                yield name, int(value[1])


def _environment(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes() + b"\0"
    except OSError:
        return b""
