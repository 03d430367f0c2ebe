"""One start or stop of a project's server at a time, and a stop that starts under way hear of."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from notebook_executor.errors import ServerError
from notebook_executor.lifecycle.project.settings import Project

_PAUSE = 0.05


@contextlib.contextmanager
def locked(project: Project, patience: float) -> Iterator[None]:
    """Hold the project's lock in the block; it goes with this process, however that ends.

    Args:
        project: Its runtime folder has to be there.
        patience: Seconds to wait while another process holds it.

    Raises:
        ServerError: It cannot be had.
    """
    path = project.runtime / "server.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ServerError(f"{path} cannot be opened: {error.strerror}") from error
    try:
        _wait(descriptor, path, time.monotonic() + patience)
        yield
    finally:
        os.close(descriptor)


def _wait(descriptor: int, path: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise ServerError(
                    f"Another start or stop of this server goes on (it holds {path})",
                    hint="Try again when it is done.",
                ) from None
            time.sleep(_PAUSE)
        except OSError as error:
            raise ServerError(f"{path} cannot be locked: {error.strerror}") from error
        else:
            return


class StopRequests:
    """The stops that were asked for since this object was made.

    A start that is between two attempts has no process that a stop could end; it looks here.
    """

    def __init__(self, project: Project) -> None:
        self._path = project.runtime / "stop-requested"
        self._seen = self._last()

    def ask(self) -> None:
        """Have the starts that are under way give up, as far as the disk allows for a note."""
        with contextlib.suppress(OSError):
            self._path.touch(0o600)
            # Not "now", which may be the time that is there: clocks are coarse.
            latest = max(time.time_ns(), (self._last() or 0) + 1)
            os.utime(self._path, ns=(latest, latest))

    @property
    def came(self) -> bool:
        return self._last() != self._seen

    def _last(self) -> int | None:
        try:
            return self._path.stat().st_mtime_ns
        except OSError:
            return None
