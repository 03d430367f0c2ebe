"""Cleaning up after the dead: directories whose lease nobody holds, and processes they marked."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from notebook_executor.lifecycle.directories import PREFIX
from notebook_executor.lifecycle.keeper import LEASE_FILE, remove_directory
from notebook_executor.lifecycle.marks import Marks, find_marked, kill_marked

_NEWBORN_SECONDS = 60.0
_KILL_SECONDS = 10.0


@dataclass(frozen=True)
class Leftover:
    """A dead kernel's directory, and what was done about it.

    Attributes:
        directory: Where its files are, or were.
        record: What its lease file says; empty when it cannot be read.
        processes: Pids that carried its marks.
        processes_left: How many of them are still there.
        files_left: How many files are.
    """

    directory: Path
    record: dict[str, Any]
    processes: tuple[int, ...] = ()
    processes_left: int = 0
    files_left: int = 0


def reap(bases: list[Path], *, dry_run: bool = False) -> list[Leftover]:
    """Remove what dead kernels of this user have left below the bases.

    Safe beside living kernels, of this user and of others: a directory is touched only while this
    process holds its lease, and a process only if it carries that lease's marks.
    """
    return [
        leftover
        for base in bases
        for directory in _candidates(base)
        if (leftover := _reap_one(directory, dry_run)) is not None
    ]


def _candidates(base: Path) -> Iterator[Path]:
    try:
        entries = list(os.scandir(base))
    except OSError:
        return
    for entry in entries:
        name = entry.name
        if not name.removeprefix(".").startswith(PREFIX):
            continue
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            continue
        if status.st_uid != os.getuid() or not entry.is_dir(follow_symlinks=False):
            continue
        # Under its dot-name a directory is being born: its keeper has not locked it yet.
        if name.startswith(".") and time.time() - status.st_mtime < _NEWBORN_SECONDS:
            continue
        yield Path(entry.path)


def _reap_one(directory: Path, dry_run: bool) -> Leftover | None:
    try:
        lease = os.open(directory / LEASE_FILE, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        if error.errno != errno.ENOENT or not directory.name.startswith("."):
            return None
        return _remove(directory, {}, dry_run)
    try:
        fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return _remove(directory, _read(lease), dry_run)
    except BlockingIOError:
        return None
    finally:
        os.close(lease)


def _read(lease: int) -> dict[str, Any]:
    try:
        loaded = json.loads(os.pread(lease, 65536, 0))
    except ValueError:
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _remove(directory: Path, record: dict[str, Any], dry_run: bool) -> Leftover:
    marks = marks_of(record)
    found = tuple(find_marked(marks.carried_by)) if marks else ()
    if dry_run:
        return Leftover(directory, record, found)
    left = kill_marked(marks, _KILL_SECONDS)[1] if marks else 0
    files = remove_directory(str(directory))
    return Leftover(directory, record, found, left, files)


def marks_of(record: dict[str, Any]) -> Marks | None:
    """The marks that a lease file names; None when it names none that can be trusted."""
    try:
        marks = Marks(**record["marks"])
    except (KeyError, TypeError):
        return None
    return marks if marks.token and marks.uid == os.getuid() else None
