"""Cleaning up after the dead: directories whose lease nobody holds, and processes they marked."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from notebook_executor.lifecycle.held import HeldTree, find_held
from notebook_executor.lifecycle.lease_group import end_group, members, recorded_group
from notebook_executor.lifecycle.leases import (
    is_newborn_name,
    marks_of,
    open_lease,
    private_directories,
)
from notebook_executor.lifecycle.marks import Marks, find_marked, kill_marked
from notebook_executor.lifecycle.private import LEASE_FILE, remove_directory

_KILL_SECONDS = 10.0
_GRACE_SECONDS = 3.0


@dataclass(frozen=True)
class Leftover:
    """A dead kernel's directory, and what was done about it.

    Attributes:
        directory: Where its files are, or were.
        record: What its lease file says; empty when it cannot be read.
        processes: Pids that carried its marks, or were registered as a session.
        processes_left: How many of them are still there.
        files_left: How many files and directories are; the next reaper finds them by the lease.
    """

    directory: Path
    record: dict[str, Any]
    processes: tuple[int, ...] = ()
    processes_left: int = 0
    files_left: int = 0


def reap(
    bases: Iterable[Path],
    *,
    dry_run: bool = False,
    wanted: Callable[[Mapping[str, Any]], bool] | None = None,
) -> list[Leftover]:
    """Remove what dead kernels of this user have left below the bases.

    Safe beside living kernels, of this user and of others: a directory is touched only while this
    process holds its lease, and a process only if it carries that lease's marks, and those are no
    living kernel's.

    Args:
        bases: Where private directories may be.
        dry_run: Only look.
        wanted: Told what a lease file says, whether to do anything about it; None for all.
    """
    places = list(bases)
    return [
        leftover
        for directory in private_directories(places)
        if (leftover := _reap_one(directory, places, dry_run, wanted)) is not None
    ]


def _reap_one(
    directory: Path,
    bases: list[Path],
    dry_run: bool,
    wanted: Callable[[Mapping[str, Any]], bool] | None,
) -> Leftover | None:
    lease = open_lease(directory)
    if lease is None:
        # Its keeper was killed before it could make the lease. Under its later name, a directory
        # has had one, and whoever took it away may be living there.
        if is_newborn_name(directory.name) and (wanted is None or wanted({})):
            return _finish(directory, {}, None, dry_run)
        return None
    with lease:
        if not lease.seize():
            return None
        record = lease.read()
        if wanted is not None and not wanted(record):
            return None
        marks = marks_of(record)
        others = [other for other in private_directories(bases) if other != directory]
        return _finish(directory, record, marks and _spare_living(marks, others), dry_run)


def _spare_living(marks: Marks, others: list[Path]) -> Marks | None:
    """The marks without those that a living kernel has, too; None when none remain."""
    living = _marks_of_living(others)
    if any(other.token == marks.token for other in living):
        return None
    # Ordinary users draw from fewer limits than would never meet.
    return replace(marks, limit=0) if marks.limit in {other.limit for other in living} else marks


def _marks_of_living(directories: list[Path]) -> list[Marks]:
    found = []
    for directory in directories:
        lease = open_lease(directory)
        if lease is None:
            continue
        with lease:
            marks = marks_of(lease.read()) if lease.is_held() else None
        if marks is not None:
            found.append(marks)
    return found


def _finish(
    directory: Path, record: dict[str, Any], marks: Marks | None, dry_run: bool
) -> Leftover:
    with ExitStack() as stack:
        session = find_held(record)
        if session is not None:
            stack.enter_context(contextlib.closing(session))
        found = tuple(find_marked(marks.carried_by)) if marks else ()
        found += tuple(session.look()) if session else ()
        group = recorded_group(record, str(directory))
        found += tuple(pid for pid in members(group) if pid not in found) if group else ()
        if dry_run:
            return Leftover(directory, record, found)
        left = kill_marked(marks, _KILL_SECONDS)[1] if marks else 0
        left += _end(session) if session else 0
        left += 1 if group and not end_group(group) else 0
    files = _remove(directory, done=not left)
    return Leftover(directory, record, found, left, files)


def _end(session: HeldTree) -> int:
    session.terminate()
    session.wait(time.monotonic() + _GRACE_SECONDS)
    return session.kill()


def _remove(directory: Path, *, done: bool) -> int:
    """Remove the directory; the number of files that are left.

    The lease goes last, and only when all else is done: nobody finds again what has none.
    """
    for entry in _beside_lease(directory):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                os.unlink(entry)
    if done and not _beside_lease(directory):
        return remove_directory(str(directory))
    return sum(1 + len(files) for _, _, files in os.walk(directory))


def _beside_lease(directory: Path) -> list[os.DirEntry[str]]:
    try:
        return [entry for entry in os.scandir(directory) if entry.name != LEASE_FILE]
    except OSError:
        # Its guard, or another reaper, was faster.
        return []
