"""Which modules have been imported since a fork server had all that it imports."""

from __future__ import annotations

import sys
from typing import Any

_PACKAGE = __name__.partition(".")[0]


class Imported:
    """The modules that there are at this moment.

    In a fork of this process, each object that is looked at is written to, as that counts its
    references; and what is written to is no longer shared. So nothing here goes through all the
    names of ``sys.modules``, which are spread over hundreds of pages, unless it has to.
    """

    def __init__(self) -> None:
        self._ours = list(filter(is_ours, sys.modules))
        self._theirs = frozenset(sys.modules).difference(self._ours)
        self._last = next(name for name in reversed(sys.modules) if name in self._theirs)
        self._last_module = sys.modules[self._last]
        self._hidden: list[Any] = []

    def hide_ours(self) -> None:
        """Take this package's modules out of ``sys.modules``, and keep them from being undone."""
        self._hidden += map(sys.modules.pop, self._ours)
        self._hidden += map(sys.modules.pop, filter(is_ours, self.since()))

    def since(self) -> list[str]:
        """The names of the modules that have come; to be asked once ours are gone."""
        came = []
        for name in reversed(sys.modules):
            if name in self._theirs:
                break
            came.append(name)
        as_it_was = name == self._last and sys.modules[name] is self._last_module
        if as_it_was and len(sys.modules) == len(self._theirs) + len(came):
            return came
        # Some are gone, or have been imported again, and stand among the new ones.
        return [name for name in sys.modules if name not in self._theirs]


def is_ours(module: str) -> bool:
    """Whether a module of this name is one of this package's."""
    return module.partition(".")[0] == _PACKAGE
