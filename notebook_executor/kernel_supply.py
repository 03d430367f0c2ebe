"""Where the kernels of one executor come from, and the threads its started runs go on in."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING

from notebook_executor.errors import UsageError

if TYPE_CHECKING:
    from notebook_executor.backends.local import LocalBackend
    from notebook_executor.execution.crew import Crew
    from notebook_executor.execution.request import RunRequest
    from notebook_executor.lifecycle.warm import Warmth


class KernelSupply:
    """A backend and a crew, made when they are first needed.

    They are ended by ``close``, and when nobody holds the supply any more.

    Args:
        warm: As ``NotebookExecutor`` takes it.
        preload: Likewise.
        at_once: How many started runs go on at the same time.

    Raises:
        UsageError: ``warm`` or ``preload`` means nothing.
    """

    def __init__(self, warm: Warmth, preload: Iterable[str], at_once: int) -> None:
        self._warm, self._preload = _checked_warmth(warm, preload)
        self._at_once = at_once
        self._lock = threading.Lock()
        self._backend: LocalBackend | None = None
        self._crew: Crew | None = None

    def backend(self) -> LocalBackend:
        """The backend, which has begun to prepare for its first lease."""
        from notebook_executor.backends.local import LocalBackend

        with self._lock:
            if self._backend is None:
                self._backend = LocalBackend(self._warm, self._preload)
                self._end = weakref.finalize(self, self._backend.close)
            self._backend.prepare()
            return self._backend

    def backend_for(self, request: RunRequest) -> LocalBackend:
        """The backend, which makes ready for the request while its caller imports and reads."""
        from notebook_executor.lifecycle.environment import filter_environment

        def environment() -> dict[str, str]:
            passed, _ = filter_environment(os.environ, set(request.pass_env))
            return {**passed, **(request.env or {})}

        backend = self.backend()
        python = None if request.python is None else os.fspath(request.python)
        backend.expect(request.kernel_name, python, environment)
        return backend

    def crew(self) -> Crew:
        from notebook_executor.execution.crew import Crew

        backend = self.backend()
        with self._lock:
            if self._crew is None:
                self._crew = Crew(self._at_once, backend.close)
                # From now on it is the crew that closes the backend, when all is over.
                self._end.detach()
                weakref.finalize(self, self._crew.abandon).atexit = False
            return self._crew

    def close(self) -> None:
        """Cancel what was started and wait for its end; end the guard process and what waits."""
        with self._lock:
            crew, backend = self._crew, self._backend
        if crew is not None:
            crew.close()
        elif backend is not None:
            backend.close()


def _checked_warmth(warm: Warmth, preload: Iterable[str]) -> tuple[Warmth, tuple[str, ...]]:
    names = (preload,) if isinstance(preload, str) else tuple(preload)
    if warm not in ("auto", True, False):
        raise UsageError(f"warm {warm!r} means nothing", hint="Use 'auto', True or False.")
    for name in names:
        if not isinstance(name, str) or not all(part.isidentifier() for part in name.split(".")):
            raise UsageError(
                f"preload: {name!r} is not the name of a module",
                hint="Give names as in an import statement, such as 'pandas'.",
            )
    return warm, names
