"""Files of entries that may change while they are in use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from notebook_executor.errors import UsageError
from notebook_executor.schedule.entry import Entry
from notebook_executor.schedule.loading import Loaded, find_files, load_entries

_Print = tuple[tuple[str, int, int, int], ...]


class EntryFiles:
    """Entries that are read again when their files have changed.

    An entry that was good stays as it was while its file, or what the file says of it, is not.

    Args:
        paths: Files and folders.
        complain: Called with each mistake, once for each change.
    """

    def __init__(self, paths: Iterable[Path], complain: Callable[[str], None]) -> None:
        self._paths = tuple(paths)
        self._complain = complain
        self._print: _Print | str | None = None
        self._entries: dict[str, tuple[Entry, str]] = {}

    def changed(self) -> list[Entry] | None:
        """All entries; None where nothing has changed since the last call."""
        found = _fingerprint(self._paths)
        if found == self._print:
            return None
        self._print = found
        try:
            loaded = load_entries(self._paths)
        except UsageError as error:
            self._complain(error.message)
        else:
            for problem in loaded.problems:
                self._complain(str(problem))
            self._entries = {**self._kept(loaded), **_with_files(loaded)}
        return [entry for entry, _ in self._entries.values()]

    def _kept(self, loaded: Loaded) -> dict[str, tuple[Entry, str]]:
        broken = {(problem.file, problem.entry) for problem in loaded.problems}
        return {
            name: (entry, file)
            for name, (entry, file) in self._entries.items()
            if (file, name) in broken or (file, None) in broken
        }


def _with_files(loaded: Loaded) -> dict[str, tuple[Entry, str]]:
    return {entry.name: (entry, loaded.source(entry.name).file) for entry in loaded.entries}


def _fingerprint(paths: Iterable[Path]) -> _Print | str:
    """What another one means that a file may have changed."""
    try:
        return tuple(_look(file) for file in find_files(paths))
    except UsageError as error:
        return error.message


def _look(file: Path) -> tuple[str, int, int, int]:
    try:
        status = file.stat()
    except OSError:
        return str(file), 0, 0, 0
    return str(file), status.st_mtime_ns, status.st_size, status.st_ino
