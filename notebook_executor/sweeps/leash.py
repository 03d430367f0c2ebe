"""How a sweep holds a run in another process: by files that both of them see.

``<n>`` lies in the sweep's directory until the point is taken by a worker, which renames it to
``<n>.taken``; a point is taken once, also where a scheduler hands it out again. The run goes on as
long as that file is there. The host keeps ``host`` locked, so that workers on the same machine
notice when it is gone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from notebook_executor.config import Settings
from notebook_executor.errors import DocumentError
from notebook_executor.execution.cancelling import Cancellation
from notebook_executor.lifecycle.threads import new_thread

_PERIOD = 0.25
_HOST = "host"
_YOUNG_SECONDS = 60.0


@dataclass(frozen=True)
class Leash:
    """The worker's end, for one point."""

    file: Path
    host: tuple[str, int]

    @property
    def _taken(self) -> Path:
        return self.file.with_suffix(".taken")

    def take(self) -> bool:
        """Take the point; False if it has been taken already, or is not wanted any more."""
        try:
            self.file.rename(self._taken)
        except FileNotFoundError:
            return False
        return True

    def let_go(self) -> bool:
        """The host's part: have the point end; True if nobody had taken it, and nobody can."""
        for file in (self.file, self._taken):
            try:
                file.unlink()
            except OSError:
                continue
            return file == self.file
        return False

    @contextmanager
    def watched(self, cancellation: Cancellation) -> Iterator[None]:
        """Within the block, cancel when the host lets go, or is gone."""
        done = threading.Event()

        def watch() -> None:
            while not done.wait(_PERIOD):
                reason = self._reason()
                if reason:
                    cancellation.cancel(reason)
                    return

        thread = new_thread(watch, "leash")
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _reason(self) -> str:
        if not self._taken.exists():
            return "its sweep was cancelled"
        name, pid = self.host
        # A process that opens a file which it has locked loses the lock when it closes it.
        if name != socket.gethostname() or pid == os.getpid():
            return ""
        try:
            with (self.file.parent / _HOST).open("rb") as file:
                fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return ""
        return "the process that started its sweep is gone"


class Leashes:
    """The host's end, for one sweep; ``close`` lets all points go.

    Raises:
        DocumentError: There is no place that can be written.
    """

    def __init__(self, root: Path, settings: Settings) -> None:
        self._directory = _new_directory(root, settings)
        self._lock = (self._directory / _HOST).open("wb")
        with contextlib.suppress(OSError):
            fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._host = (socket.gethostname(), os.getpid())

    def new(self, number: int) -> Leash:
        leash = Leash(self._directory / str(number), self._host)
        leash.file.touch()
        return leash

    def close(self) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)
        self._lock.close()


def _new_directory(root: Path, settings: Settings) -> Path:
    places = [root / ".nbx", *([Path(settings.state_dir)] if settings.state_dir else [])]
    reasons = []
    for place in places:
        try:
            sweeps = place / "sweeps"
            sweeps.mkdir(parents=True, exist_ok=True)
            _remove_abandoned(sweeps)
            return Path(tempfile.mkdtemp(prefix=f"{_host_name()}.{os.getpid()}.", dir=sweeps))
        except OSError as error:
            reasons.append(f"{place}: {error.strerror}")
    raise DocumentError(
        f"The sweep has no place to hold its runs by: {'; '.join(reasons)}",
        hint="Set NBX_STATE_DIR to a directory that all workers can write.",
        kind="output_error",
    )


def _remove_abandoned(sweeps: Path) -> None:
    """Remove the directories of hosts of this machine that were killed."""
    for directory in sweeps.iterdir():
        with contextlib.suppress(OSError):
            if _is_abandoned(directory):
                shutil.rmtree(directory, ignore_errors=True)


def _is_abandoned(directory: Path) -> bool:
    name, _, rest = directory.name.rpartition(".")[0].rpartition(".")
    # Our own lock would be lost by looking at it; another machine's cannot be relied upon to show.
    if name != _host_name() or rest == str(os.getpid()):
        return False
    # One that has just been made is not locked yet.
    if time.time() - directory.stat().st_mtime < _YOUNG_SECONDS:
        return False
    with (directory / _HOST).open("r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return True


def _host_name() -> str:
    return socket.gethostname().replace("/", "-")
