"""``import nbformat`` for a tenth of its price, with nothing missing afterwards."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

_GRAMMAR = "rfc3987_syntax"


class _Deferred(ModuleType):
    """Stands in for ``rfc3987_syntax`` until one of its functions is called."""

    def __init__(self, spec: ModuleSpec) -> None:
        super().__init__(spec.name)
        # Both are looked up by ``from rfc3987_syntax import``, and would not wait for a call.
        self.__spec__ = spec
        self.__path__ = spec.submodule_search_locations or []

    def is_valid_syntax(self, term: str, value: str) -> Any:
        return self._real().is_valid_syntax(term, value)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real(), name)

    def _real(self) -> ModuleType:
        if sys.modules.get(_GRAMMAR) is self:
            del sys.modules[_GRAMMAR]
        return import_module(_GRAMMAR)


def load_nbformat() -> None:
    """Import nbformat; to be called before whatever imports it.

    nbformat imports jsonschema, which imports ``rfc3987_syntax`` where that is installed, as it
    is beside JupyterLab. That module builds a parser of 0.8 s when it is imported, for the formats
    ``iri`` and ``iri-reference``, which no notebook's schema names. Here jsonschema gets a
    stand-in that imports the module when one of the two is first checked: both work as ever, for
    everybody in the process.
    """
    stand_in = None
    spec = None if {"nbformat", "jsonschema"} & sys.modules.keys() else find_spec(_GRAMMAR)
    if spec is not None:
        stand_in = _Deferred(spec)
        # Another thread that imports the module meanwhile keeps its own.
        sys.modules.setdefault(_GRAMMAR, stand_in)
    try:
        # Also while another thread does: whoever went on to ``nbformat.v4`` meanwhile would hold
        # its lock and wait for that of nbformat, which is held by the one that needs the former.
        import nbformat  # noqa: F401
    finally:
        if stand_in is not None and sys.modules.get(_GRAMMAR) is stand_in:
            del sys.modules[_GRAMMAR]
