"""A directory elsewhere that a lease owns: named in its record, and removed with it.

It is known by its inode: what somebody else has made at the same path since is left alone.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Callable
from typing import Any

FIELD = "owned"


def describe_owned(path: str) -> dict[str, Any]:
    """What a record says of an existing directory.

    Raises:
        OSError: There is no such directory, or it is a symbolic link or another user's.
    """
    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(f"{path} is not a directory")
    if status.st_uid != os.getuid():
        raise PermissionError(f"{path} is another user's")
    return {"path": path, "device": status.st_dev, "inode": status.st_ino}


def make_owned(path: str, nursery: str, note: Callable[[dict[str, Any]], None]) -> None:
    """Make a directory that is in the record before it is at its place.

    Args:
        path: Where; nothing may be there.
        nursery: An existing private directory, which it is born in if that can be.
        note: Writes what the record is to say of it.

    Raises:
        OSError: It cannot be made there.
    """
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, f"{path} exists")
    born = os.path.join(nursery, "newborn")
    os.mkdir(born, 0o700)
    note({**describe_owned(born), "path": path})
    try:
        os.rename(born, path)
    except OSError as error:
        os.rmdir(born)
        if error.errno != errno.EXDEV:
            raise OSError(error.errno, f"{path}: {error.strerror}") from error
        os.mkdir(path, 0o700)
        note(describe_owned(path))


def remove_owned(record: dict[str, Any]) -> int:
    """Remove what a record owns; the number of files that would not go."""
    owned = record.get(FIELD)
    try:
        is_there = describe_owned(owned["path"]) == owned  # type: ignore[index]
    except (OSError, KeyError, TypeError, ValueError):
        return 0
    return remove_tree(record[FIELD]["path"]) if is_there else 0


def remove_tree(path: str) -> int:
    """Remove a directory, read-only ones in it too; the number of files that would not go."""
    for folder, _, _ in os.walk(path):
        with contextlib.suppress(OSError):
            os.chmod(folder, 0o700)
    shutil.rmtree(path, ignore_errors=True)
    return count_files(path)


def count_files(path: str) -> int:
    """How many files and folders there are, itself included; 0 when it is gone."""
    return sum(1 + len(files) for _, _, files in os.walk(path))
