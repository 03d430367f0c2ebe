"""Which projects there are on this machine for this user: a small file for each.

They lie in ``$NBX_STATE_DIR/projects``, else in ``$XDG_STATE_HOME/notebook_executor/projects``,
which is in ``~/.local/state`` by default (the XDG base directory specification).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_SCHEMA = 1
_SUFFIX = ".json"
_RECORD_BYTES = 65536


@dataclass(frozen=True)
class RegisteredProject:
    """A project that was bootstrapped or started.

    Attributes:
        root: Its folder, without symbolic links; it may be gone by now.
        registered_at: When it was first noted, in ISO 8601; None where the file does not say.
        file: What notes it.
    """

    root: Path
    registered_at: str | None
    file: Path

    @property
    def vanished(self) -> bool:
        """Whether there is no such folder any more; one that cannot be looked at is none such."""
        try:
            os.stat(self.root)
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            return False
        return not self.root.is_dir()


def register_project(root: str | os.PathLike[str]) -> bool:
    """Note a project; once noted, its file is not written again.

    Args:
        root: The project's folder.

    Returns:
        False where it cannot be noted, which is no reason to keep a server from starting.
    """
    place = Path(os.path.realpath(root))
    file = _file_of(place)
    if _read(file) is not None:
        return True
    record = {
        "schema": _SCHEMA,
        "root": os.fsdecode(place),
        "registered_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _replace(file, json.dumps(record) + "\n")
    except OSError:
        return False
    return True


def registered_projects() -> list[RegisteredProject]:
    """All that are noted, in the order of their folders; files that say nothing are passed over."""
    found = (_read(file) for file in _files())
    return sorted(filter(None, found), key=lambda project: project.root)


def forget_vanished() -> list[RegisteredProject]:
    """Remove the notes of projects whose folder is gone, and tell which.

    Of two processes that forget the same one at once, both may tell it.
    """
    gone = [project for project in registered_projects() if project.vanished]
    return [project for project in gone if forget(project)]


def forget(project: RegisteredProject) -> bool:
    """Remove the note of a project; False where it cannot be removed."""
    with contextlib.suppress(FileNotFoundError):
        try:
            project.file.unlink()
        except PermissionError:
            return False
    return True


def state_directory() -> Path:
    """Where projects are noted, whether or not it exists."""
    own = os.environ.get("NBX_STATE_DIR")
    if own:
        return Path(os.path.abspath(own)) / "projects"
    base = os.environ.get("XDG_STATE_HOME", "")
    # The specification has relative paths ignored.
    if not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".local", "state")
    return Path(base) / "notebook_executor" / "projects"


def _files() -> Iterator[Path]:
    try:
        entries = sorted(state_directory().iterdir())
    except OSError:
        return
    yield from (entry for entry in entries if entry.suffix == _SUFFIX)


def _file_of(root: Path) -> Path:
    digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:32]
    return state_directory() / f"{digest}{_SUFFIX}"


def _read(file: Path) -> RegisteredProject | None:
    try:
        record: Any = json.loads(_content(file))
        root = Path(record["root"])
        at = record.get("registered_at")
        is_its_own = root.is_absolute() and file.name == _file_of(root).name
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    if not is_its_own or "\0" in str(root):
        return None
    return RegisteredProject(root, at if isinstance(at, str) else None, file)


def _content(file: Path) -> bytes:
    # A pipe of that name would be waited for.
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        return os.read(descriptor, _RECORD_BYTES)
    finally:
        os.close(descriptor)


def _replace(file: Path, text: str) -> None:
    temporary = file.with_name(f".{file.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
