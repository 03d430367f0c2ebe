"""Making and removing a private directory, with its lease and all that goes with it.

Of the standard library alone, for the supervisors: they make and remove it, never the host.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from typing import Any

from notebook_executor.lifecycle.directories import PREFIX
from notebook_executor.lifecycle.lease_group import end_recorded
from notebook_executor.lifecycle.owned import (
    FIELD,
    count_files,
    make_owned,
    remove_owned,
    remove_tree,
)

LEASE_FILE = "lease.json"
_RECORD_BYTES = 4096


def make_directory(path: str, record: dict[str, Any], owned: str | None = None) -> int:
    """Make the private directory: born under a dot-name, locked, then renamed.

    A reaper removes directories whose lease it can lock; it would take a newborn for a dead one.

    Args:
        path: Where; its parent must be there.
        record: What the lease file is to say; gets what is owned.
        owned: Another directory to make, which goes with this one.

    Returns:
        A descriptor of the lease file, whose lock this process holds until it is gone.
    """
    parent, name = os.path.split(path)
    newborn = os.path.join(parent, f".{name}")
    os.mkdir(newborn, 0o700)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    lock = os.open(os.path.join(newborn, LEASE_FILE), flags, 0o600)

    def note(made: dict[str, Any]) -> None:
        record[FIELD] = made
        describe(lock, record)

    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        describe(lock, record)
        if owned is not None:
            make_owned(owned, newborn, note)
        os.rename(newborn, path)
    except OSError:
        os.close(lock)
        remove_owned(record)
        shutil.rmtree(newborn, ignore_errors=True)
        raise
    return lock


def describe(lock: int, record: dict[str, Any]) -> None:
    """Write who this is into the lease file, for whoever looks or has to clean up."""
    # In one call and never shorter than before: a reader sees the old record or the new one.
    os.pwrite(lock, json.dumps(record).encode().ljust(_RECORD_BYTES - 1) + b"\n", 0)


def remove_directory(path: str) -> int:
    """Remove the directory, under either of its names, and what else its lease owns.

    A control group goes with whoever is in it. With the directory go those that lie in it: of
    kernels and sessions that were part of this one.

    Returns:
        The number of files that would not go; a control group is one.
    """
    parent, name = os.path.split(path)
    both = path, os.path.join(parent, f".{name}")
    left = sum(map(remove_directory, _inner_directories(path)))
    records = list(map(_read_record, both))
    left += sum(map(remove_owned, records))
    left += sum(not end_recorded(record, path) for record in records)
    # Where something is left, the lease has to stay, for the reaper to go by.
    remove = count_files if left else remove_tree
    return left + sum(map(remove, both))


def _inner_directories(path: str) -> list[str]:
    try:
        names = os.listdir(path)
    except OSError:
        return []
    return [os.path.join(path, name) for name in names if name.removeprefix(".").startswith(PREFIX)]


def _read_record(directory: str) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError, RecursionError):
        with open(os.path.join(directory, LEASE_FILE), "rb") as file:
            loaded = json.load(file)
        return loaded if isinstance(loaded, dict) else {}
    return {}
