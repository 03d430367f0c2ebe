"""Servers that a service manager runs: systemd, of the system and of users, and launchd.

To stop one by a signal is in vain, for its manager starts it again. Which unit a process belongs to
its cgroup says; whether it is what that unit is there for, and not merely something that a
service has started, the manager is asked. What that answers is not relied upon: it may be nothing,
or nonsense, or not come at all.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from notebook_executor.commands import run_command
from notebook_executor.lifecycle.project.processes import ProcessTable, Seen

Scope = Literal["system", "user", "launchd"]

_SECONDS = 3.0
_ANSWER_BYTES = 4_000_000
_USER_MANAGER = re.compile(r"user@(\d+)\.service")
_UNIT = re.compile(r"[^/]+\.(service|scope)")
_UNIT_NAME = re.compile(r"[A-Za-z0-9@:_.\\-]+\.service")
_DELETED = " (deleted)"
# A unit whose main process is a shell or a wrapper names what it is there for.
_SERVES = re.compile(r"jupyter|notebook|app\.sh", re.IGNORECASE)
_IDLE = -1
_LISTED = re.compile(r"(\d+)\t-?\d+\t(\S.*)")


@dataclass(frozen=True)
class Service:
    """What runs a server.

    Attributes:
        scope: Whose manager it is.
        name: The unit's name, or launchd's label.
        stop: The command that stops it.
        confirmed: Whether the manager itself said so; else its cgroup did, and nobody answered.
    """

    scope: Scope
    name: str
    stop: str
    confirmed: bool


class Services:
    """Asks for services, each of them once.

    Args:
        table: The processes that are asked about.
    """

    def __init__(self, table: ProcessTable) -> None:
        self._table = table
        self._main_pids: dict[tuple[Scope, str], int | None] = {}
        self._silent: set[Scope] = set()
        self._listed: dict[int, tuple[Scope, str]] | None = None

    def running(self, pid: int) -> Service | None:
        """The service that is there for a process; None for none."""
        seen = self._table.get(pid)
        if seen is None or self._table.is_caller(pid):
            return None
        group = _content(f"/proc/{pid}/cgroup")
        if group is None:
            return self._by_list(seen)
        unit = unit_of(group)
        if unit is None or shutil.which("systemctl") is None:
            return None
        scope, name = unit
        if scope == "user" and seen.uid != os.geteuid():
            # Another user's manager does not talk to us.
            return _service(scope, name, confirmed=False)
        main = self._main_pid(scope, name)
        if main is None:
            return _service(scope, name, confirmed=False)
        return _service(scope, name, confirmed=True) if self._is_for(main, seen) else None

    def _is_for(self, main: int, seen: Seen) -> bool:
        if main in (0, seen.pid):
            return True
        wrapper = self._table.get(main)
        return (
            wrapper is not None
            and main in self._table.ancestors(seen.pid)
            and _SERVES.search(wrapper.command) is not None
        )

    def _main_pid(self, scope: Scope, name: str) -> int | None:
        """A unit's main process, 0 where it has none; None where nobody says."""
        key = scope, name
        if key not in self._main_pids:
            self._main_pids[key] = None if scope in self._silent else _main_pid(scope, name)
            if self._main_pids[key] is None:
                # It may have taken seconds to say nothing.
                self._silent.add(scope)
        return self._main_pids[key]

    def _by_list(self, seen: Seen) -> Service | None:
        """For a process whose cgroup cannot be read: by what managers say that they run."""
        if self._listed is None:
            self._listed = _listed_by_systemd() | _listed_by_launchd()
        for pid in (seen.pid, *self._table.ancestors(seen.pid)):
            if pid in self._listed and self._is_for(pid, seen):
                return _service(*self._listed[pid], confirmed=True)
        return None


def unit_of(cgroups: str) -> tuple[Scope, str] | None:
    """The service that a content of ``/proc/PID/cgroup`` says (cgroups(7)); None for none.

    The deepest unit counts: a session's or a container's scope inside of a service is none.
    """
    for line in cgroups.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers not in ("", "name=systemd"):
            continue
        units = [part for part in path.removesuffix(_DELETED).split("/") if _UNIT.fullmatch(part)]
        if units and _UNIT_NAME.fullmatch(units[-1]) and not _USER_MANAGER.fullmatch(units[-1]):
            of_user = any(_USER_MANAGER.fullmatch(unit) for unit in units[:-1])
            return ("user" if of_user else "system"), units[-1]
    return None


def _main_pid(scope: Scope, name: str) -> int | None:
    return dict(_shown(_ask([*_show(scope), "--", name]))).get(name)


def _listed_by_systemd() -> dict[int, tuple[Scope, str]]:
    """Main processes of all units that run."""
    found: dict[int, tuple[Scope, str]] = {}
    scopes: tuple[Scope, ...] = ("system", "user")
    for scope in scopes:
        kinds = ["--type=service", "--state=running", "--no-pager", "--output=json"]
        names = _unit_names(_ask(["systemctl", *_of(scope), "list-units", *kinds]))
        if names:
            shown = _shown(_ask([*_show(scope), "--", *names]))
            found |= {pid: (scope, name) for name, pid in shown if pid > 0}
    return found


def _listed_by_launchd() -> dict[int, tuple[Scope, str]]:
    """``launchctl list`` prints pid, last exit status and label, with tabs between."""
    matches = map(_LISTED.fullmatch, _ask(["launchctl", "list"]).splitlines())
    return {int(match[1]): ("launchd", match[2]) for match in matches if match}


def _unit_names(answer: str) -> list[str]:
    with contextlib.suppress(ValueError, TypeError, KeyError, RecursionError):
        names = [row["unit"] for row in json.loads(answer)]
        return [name for name in names if isinstance(name, str) and _UNIT_NAME.fullmatch(name)]
    return []


def _show(scope: Scope) -> list[str]:
    return ["systemctl", *_of(scope), "show", "--property=Id,MainPID,ActiveState"]


def _shown(answer: str) -> Iterator[tuple[str, int]]:
    """Name and main process of each unit in an answer of ``systemctl show``."""
    for block in re.split(r"\n\s*\n", answer):
        fields = dict(line.strip().partition("=")[::2] for line in block.splitlines())
        name, pid = fields.get("Id"), fields.get("MainPID", "")
        if name and re.fullmatch("[0-9]{1,10}", pid):
            # Of a unit that does not exist, systemd says that it is inactive.
            yield name, _IDLE if fields.get("ActiveState") in ("inactive", "failed") else int(pid)


def _ask(argv: list[str]) -> str:
    """What a manager answers in time; nothing, where there is none or it failed."""
    if shutil.which(argv[0]) is None:
        return ""
    try:
        done = run_command(argv, timeout=_SECONDS, keep=_ANSWER_BYTES)
    except OSError:
        return ""
    return done.stdout.decode("utf-8", "replace") if done.code == 0 else ""


def _service(scope: Scope, name: str, *, confirmed: bool) -> Service:
    if scope == "launchd":
        stop = f"launchctl bootout gui/{os.getuid()}/{name}"
    else:
        stop = " ".join(["systemctl", *_of(scope), "stop", name])
    return Service(scope, name, stop, confirmed)


def _of(scope: Scope) -> list[str]:
    return ["--user"] if scope == "user" else []


def _content(path: str) -> str | None:
    with contextlib.suppress(OSError):
        return Path(path).read_text("utf-8", "replace")
    return None
