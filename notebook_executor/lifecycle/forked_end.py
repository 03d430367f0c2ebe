"""How a forked kernel ends: as Python does, but for taking the interpreter apart to no avail.

That takes as long as starting such a kernel: it writes to every page that was shared with the fork
server. What a notebook has of it are finalisers: files get flushed, generators leave their
``try``, ``__del__`` is called. Where a look at what has come since the kernel began shows that
there is nothing left with a finaliser, the process exits; else Python goes on by itself.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import io
import os
import sqlite3
import sys
import threading
from importlib.machinery import ExtensionFileLoader
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any

from notebook_executor.lifecycle.imported import Imported

_OWN_PACKAGES = ("ipykernel", "IPython", "tornado", "zmq")
# Of the standard library's native modules, those that write when an object of theirs goes.
_WRITERS = ("_dbm", "_gdbm")
_COLLECTED = 1 << 14  # Py_TPFLAGS_HAVE_GC


class ForkedEnd:
    """The end of a kernel; made in its fork server."""

    def __init__(self, imported: Imported) -> None:
        self._imported = imported
        self._early: frozenset[str] | None = None
        self._threads: frozenset[int] = frozenset()
        self._own = tuple(
            os.path.join(os.path.dirname(sys.modules[name].__file__ or ""), "")
            for name in _OWN_PACKAGES
        )

    def begin(self) -> None:
        """Take all there is for the kernel's own; to be called before the first cell runs."""
        gc.freeze()
        self._threads = frozenset(sys._current_frames())
        self._early = frozenset(self._imported.since())

    def come(self) -> None:
        """Do what Python does first at its end, and exit; return where it has more to do.

        That waits for threads that are no daemons, and calls what is registered with ``atexit``.
        """
        if self._early is None:
            return
        threading._shutdown()  # type: ignore[attr-defined]
        if self._threads.issuperset(sys._current_frames()):
            atexit._run_exitfuncs()
            if not self._is_anything_left():
                # The C library's way: what others have registered there is called. The GIL is held
                # meanwhile, so that no thread goes on.
                ctypes.PyDLL(None).exit(0)

    def _is_anything_left(self) -> bool:
        try:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            gc.collect()
            return self._has_native_modules() or not all(map(self._is_settled, gc.get_objects()))
        except Exception:  # whatever a notebook's objects make of being looked at
            return True

    def _has_native_modules(self) -> bool:
        """Whether the notebook has loaded any whose objects we cannot judge."""
        known: frozenset[str] = getattr(sys, "stdlib_module_names", frozenset())
        return any(
            isinstance(spec and spec.loader, ExtensionFileLoader)
            for name in self._imported.since()
            if name not in (self._early or ())
            and (name in _WRITERS or name.partition(".")[0] not in known)
            for spec in [sys.modules[name].__spec__]
        )

    def _is_settled(self, thing: Any) -> bool:
        """Whether this object can be left as it is."""
        kind = type(thing)
        if isinstance(thing, type):
            # Objects of such a class are not among those that the collector knows.
            return "__del__" not in vars(thing) or bool(thing.__flags__ & _COLLECTED)
        if kind.__module__ in ("_io", "zmq.sugar.socket"):
            return bool(kind in (io.StringIO, io.BytesIO) or thing.closed)
        if kind is CoroutineType:
            return thing.cr_frame is None or self._is_own(thing.cr_code)
        if kind is GeneratorType:
            return thing.gi_frame is None or self._is_own(thing.gi_code)
        if kind is AsyncGeneratorType:
            return thing.ag_frame is None or self._is_own(thing.ag_code)
        if kind.__module__ == "_asyncio":
            return not getattr(thing, "_log_traceback", False)
        return not isinstance(thing, sqlite3.Connection) and not hasattr(kind, "__del__")

    def _is_own(self, code: Any) -> bool:
        return bool(code.co_filename.startswith(self._own))
