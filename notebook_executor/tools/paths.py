"""Which files tools may read and write."""

from __future__ import annotations

import os
from pathlib import Path

from hermes_runtime.confinement import Confinement
from notebook_executor.models import Record


class FileRules(Record):
    """Folders below which files may be read, and below which they may be written.

    What decides is where a path leads, ``..`` and symbolic links included. A file that has other
    names (hard links) may be read only where the root is a mount point: below any other, it may
    be one from outside.

    Attributes:
        read: Roots; relative ones start at the project's root, ``~`` is the user's home.
        write: Likewise. What may be written may not therefore be read.
    """

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()

    def rooted(self, root: Path) -> FileRules:
        """The same rules with the roots as they are now: absolute, without symbolic links.

        That has to be done before a notebook runs, which might move what is in the way.
        """
        return FileRules(read=_real(self.read, root), write=_real(self.write, root))

    @property
    def readable(self) -> Confinement:
        """Opens what may be read; of rooted rules."""
        return Confinement(self.read, "read")

    @property
    def writable(self) -> Confinement:
        """Writes what may be written; of rooted rules."""
        return Confinement(self.write, "write")


def _real(roots: tuple[str, ...], start: Path) -> tuple[str, ...]:
    return tuple(os.path.realpath(start / Path(root).expanduser()) for root in roots)
