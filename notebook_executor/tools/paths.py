"""Which files tools may read and write."""

from __future__ import annotations

from pathlib import Path

from notebook_executor.models import Record


class FileRules(Record):
    """Folders below which files may be read, and below which they may be written.

    Attributes:
        read: Roots; relative ones start at the project's root, ``~`` is the user's home.
        write: Likewise. What may be written may not therefore be read.
    """

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()

    def rooted(self, root: Path) -> FileRules:
        """The same rules, with absolute roots."""
        return FileRules(read=_absolute(self.read, root), write=_absolute(self.write, root))


def _absolute(roots: tuple[str, ...], start: Path) -> tuple[str, ...]:
    return tuple(str(start / Path(root).expanduser()) for root in roots)
