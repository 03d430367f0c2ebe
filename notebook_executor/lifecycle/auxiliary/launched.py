"""A session inside the containment: nothing of it survives, whatever is killed."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from notebook_executor.errors import KernelDiedError, KernelError, KernelStartError, UsageError
from notebook_executor.lifecycle.auxiliary.free_ports import HOST, free_port
from notebook_executor.lifecycle.auxiliary.session import (
    EndedSession,
    Patience,
    checked_directory,
    checked_port,
    end_all,
)
from notebook_executor.lifecycle.auxiliary.table import TABLE
from notebook_executor.lifecycle.containment import Contained, ContainedEnd, Tier
from notebook_executor.lifecycle.keeper import read_tail
from notebook_executor.lifecycle.limits import NO_LIMITS, ResourceLimits
from notebook_executor.lifecycle.registry import pid_of
from notebook_executor.lifecycle.shared_containment import SHARED

_PAUSE = 0.02


class LaunchedSession:
    """A process under a keeper of its own; only ``launch`` makes one.

    Leaving a ``with`` block ends it, and so does the exit of this process. Methods may be called
    from any thread.

    Attributes:
        name: What ``nbx ps`` calls it.
        pid: Its process as this one sees it, for looking; None where that cannot be told.
        port: Where it listens, if that was told.
        directory: Its own directory, until its end.
    """

    def __init__(
        self, contained: Contained, name: str, port: int | None, directory: Path | None
    ) -> None:
        self._contained = contained
        self._lock = threading.Lock()
        self._ended: EndedSession | None = None
        self._end: ContainedEnd | None = None
        self.name = name
        self.port = port
        self.directory = directory or contained.directory
        self.pid = pid_of(contained.directory)

    @property
    def containment(self) -> Tier:
        return self._contained.tier

    @property
    def alive(self) -> bool:
        """Whether the process itself is there; what it has started may be in any case."""
        return self._end is None and self._contained.alive

    @property
    def exit_code(self) -> int | None:
        """Its own, negative for a signal; None before ``end``, and where nobody saw it."""
        return self._end.exit_code if self._end is not None else None

    def output(self) -> str:
        """The end of what it has written to its standard output and error so far."""
        if self._end is not None:
            return self._end.output_tail
        return read_tail(str(self._contained.directory))

    def wait_listening(self, timeout: float = 30.0) -> None:
        """Block until somebody answers at its port, for at most ``timeout`` seconds.

        Raises:
            UsageError: It was launched without a port.
            KernelDiedError: It has exited.
            KernelError: The time is over.
        """
        if self.port is None:
            raise UsageError(f"{self.name!r} has no port", hint="Launch it with port=.")
        deadline = time.monotonic() + timeout
        while not _listens(self.port):
            if not self.alive:
                raise KernelDiedError(
                    f"{self.name!r} exited before it listened on port {self.port}: "
                    f"{_last_line(self.output())}",
                    hint="What it wrote last is in the error's details.",
                    output=self.output(),
                )
            if time.monotonic() >= deadline:
                raise KernelError(
                    f"{self.name!r} does not listen on port {self.port} after {timeout:g} s",
                    hint="Raise the timeout, or see what it wrote: output().",
                    output=self.output(),
                )
            # Its exit ends the pause early.
            self._contained.wait(_PAUSE)

    def wait(self, until: float) -> bool:
        """Block until the process has exited, or this time of the monotonic clock."""
        return not self.alive or self._contained.wait(max(0.0, until - time.monotonic()))

    def ask(self) -> None:
        """SIGTERM to its process group."""
        if self.alive:
            self._contained.send_signal(signal.SIGTERM)

    def finish(self) -> EndedSession:
        """Kill all of it that is left, wait for that, and remove its directory."""
        with self._lock:
            if self._ended is None:
                end = SHARED.end(self._contained)
                SHARED.rest()
                self._end = end
                self._ended = EndedSession(
                    self.name, self.port, self.pid, end.ended, end.left, end.files_left
                )
            TABLE.discard(self)
            return self._ended

    def end(self, *, force: bool = False) -> EndedSession:
        """SIGTERM, a grace of ``NBX_SESSION_TIMEOUT`` seconds (3), then the end of all of it.

        Args:
            force: No grace; so does ``NBX_SESSION_FORCE=1``.

        Raises:
            UsageError: An environment variable makes no sense; nothing was ended then.
        """
        patience = Patience.from_environment()
        (ended,) = end_all([self], 0.0 if force else patience.grace)
        return ended

    def __enter__(self) -> LaunchedSession:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()


def launch(
    argv: Sequence[str | os.PathLike[str]],
    *,
    directory: str | os.PathLike[str] | None = None,
    port: int | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    name: str | None = None,
    host_view: bool = True,
    required: Tier | None = None,
    limits: ResourceLimits = NO_LIMITS,
) -> LaunchedSession:
    """Start a process (a browser, an X server, a database) inside the containment.

    It gets a guard and a keeper as a kernel does: it ends, with all that it has started, when its
    handle or this process does, also by SIGKILL. Inside a contained kernel it lies in that one's
    containment, too. Blocks until it was executed; ``wait_listening`` waits for more.

    Args:
        argv: The command and its arguments; no shell. ``{directory}`` and ``{port}`` in them,
            and in the values of ``env``, stand for what the session gets.
        directory: A directory that is made for it, 0700, and removed at its end; nothing may be
            there yet. None for the private one that it has anyway.
        port: Where it is going to listen; 0 chooses one that is free now, and that the system
            gives to nobody by itself.
        env: Its whole environment; None for this process's.
        cwd: Its working directory; None for this process's.
        name: What ``nbx ps`` calls it; the command's name by default.
        host_view: Whether it shares this process's PID namespace: pids in its lock files then
            mean what they say, and setuid helpers work. ``False`` gets it the tier ``namespace``
            where there is one.
        required: The least tier that will do; None for any.
        limits: What it and all that it starts may use.

    Raises:
        UsageError: What was passed cannot be meant.
        KernelStartError: It cannot be executed, or not in the tier that is required.
    """
    Patience.from_environment()
    words = _words(argv)
    given = {
        _text(key, "The environment"): _text(value, "The environment")
        for key, value in (env or {}).items()
    }
    chosen = None if port is None else checked_port(port, lowest=0) or free_port()
    owned = None if directory is None else checked_directory(directory)
    place = Path(os.path.abspath(cwd or os.curdir))
    called = name or os.path.basename(words[0])
    record = {
        "kernel": "session",
        "name": called,
        "port": chosen,
        "cwd": str(place),
        "host_pid": os.getpid(),
    }
    with ExitStack() as stack:
        stack.callback(SHARED.rest)
        try:
            contained = SHARED.open(
                host_view=host_view, required=required, record=record, owned=owned
            )
            stack.callback(SHARED.end, contained)
            known = {"{directory}": str(owned or contained.directory), "{port}": str(chosen)}
            command = [_filled(word, known) for word in words]
            filled = {key: _filled(value, known) for key, value in given.items()}
            contained.launch(command, dict(os.environ) if env is None else filled, place, limits)
        except KernelStartError as error:
            raise _named(error, called) from error
        session = LaunchedSession(contained, called, chosen, owned)
        TABLE.add(session, chosen)
        stack.pop_all()
    return session


def _words(argv: Sequence[str | os.PathLike[str]]) -> list[str]:
    if isinstance(argv, str | bytes) or not argv:
        raise UsageError(
            f"The command {argv!r:.50} is not a list of words",
            hint='Pass a list, such as ["chromium", "--headless"].',
        )
    return [_text(word, "The command") for word in argv]


def _text(word: object, of: str) -> str:
    if not isinstance(word, str | os.PathLike) or "\0" in (text := os.fsdecode(word)):
        raise UsageError(
            f"{of} has a word that is no text: {word!r:.50}",
            hint="Pass text and paths, without NUL characters.",
        )
    return text


def _filled(word: str, known: Mapping[str, str]) -> str:
    for placeholder, value in known.items():
        word = word.replace(placeholder, value)
    return word


def _named(error: KernelStartError, name: str) -> KernelStartError:
    """The same, told of a session instead of a kernel."""
    message = error.message.replace("The kernel's", f"The session {name!r}: its")
    hint = error.hint.replace("Install the kernel again, or choose another one.", "Install it.")
    return KernelStartError(message, hint=hint, **error.details)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0


def _last_line(text: str) -> str:
    return text.splitlines()[-1] if text else "it wrote nothing"
