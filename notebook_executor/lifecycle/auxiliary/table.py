"""The sessions of this process: registered, launched, and all of them ended when it ends."""

from __future__ import annotations

import atexit
import os
import threading
from pathlib import Path

from notebook_executor.errors import UsageError
from notebook_executor.lifecycle.auxiliary.exit_signals import ExitSignals
from notebook_executor.lifecycle.auxiliary.registered import RegisteredSession
from notebook_executor.lifecycle.auxiliary.session import (
    EndedSession,
    Patience,
    Session,
    checked_directory,
    checked_port,
    end_all,
)


class SessionTable:
    """Safe to use from several threads; a forked copy of the process knows nothing of them."""

    def __init__(self) -> None:
        self._forget()
        self._signals = ExitSignals(self.end_registered)
        os.register_at_fork(after_in_child=self._fork)

    def _forget(self) -> None:
        # Reentrant, both: a signal's handler runs in the middle of what the main thread is doing.
        self._lock = threading.RLock()
        self._ending = threading.RLock()
        self._registered: dict[int, RegisteredSession] = {}
        self._launched: dict[Session, int | None] = {}
        self._ender = 0

    def _fork(self) -> None:
        for session in self._registered.values():
            session.forget()
        self._forget()

    def register(self, port: int, pid: int, directory: Path | None) -> None:
        """See ``register_session``."""
        with self._lock:
            known = self._registered.get(port)
            if known is not None and not known.tree.alive:
                # It has gone by itself: what it has left goes before the next one comes.
                self._registered.pop(port).finish()
            elif known is not None or port in self._launched.values():
                raise UsageError(
                    f"There is a living session on port {port} already",
                    hint=f"Call unregister_session({port}) first, or end that one.",
                )
            self._registered[port] = RegisteredSession(port, pid, directory)
        self._end_at_exit()
        self._signals.install()

    def unregister(self, port: int) -> bool:
        """See ``unregister_session``."""
        with self._lock:
            session = self._registered.pop(port, None)
        if session is not None:
            session.release()
        return session is not None

    def add(self, session: Session, port: int | None) -> None:
        """Have a launched session ended with the others."""
        with self._lock:
            self._launched[session] = port
        self._end_at_exit()

    def discard(self, session: Session) -> None:
        with self._lock:
            self._launched.pop(session, None)

    def _end_at_exit(self) -> None:
        # The latest to be registered runs first, and this has to be before guards end.
        atexit.unregister(self.end_at_exit)
        atexit.register(self.end_at_exit)

    def end_at_exit(self) -> None:
        self.end(_grace_at_exit())

    def end_registered(self, final: bool) -> None:
        """End what no guard ends, while a signal is being handled.

        Args:
            final: Whether this thread goes nowhere afterwards. Else, what it is ending already
                is left to it: it would find its own steps done when it comes back.
        """
        if self._ender == threading.get_ident() and not final:
            return
        with self._lock:
            sessions = list(self._registered.values())
        with self._ending:
            end_all(sessions, _grace_at_exit())
        self._drop(sessions)

    def end(self, grace: float) -> list[EndedSession]:
        """End all; who comes while another thread does it waits for that."""
        with self._ending:
            self._ender = threading.get_ident()
            with self._lock:
                registered = list(self._registered.values())
                sessions: list[Session] = [*registered, *self._launched]
            ended = end_all(sessions, grace)
            self._drop(registered)
            self._ender = 0
        return ended

    def _drop(self, sessions: list[RegisteredSession]) -> None:
        with self._lock:
            for session in sessions:
                if self._registered.get(session.port) is session:
                    del self._registered[session.port]


def _grace_at_exit() -> float:
    try:
        return Patience.from_environment().grace
    except UsageError:
        # Set to nonsense since the session began, and there is nobody left to tell.
        return Patience().grace


TABLE = SessionTable()


def register_session(port: int, pid: int, directory: str | os.PathLike[str] | None = None) -> None:
    """Have a process that somebody else has started ended with this one.

    Best effort: the process, held by pidfd so that a reused pid never stands for it, and the
    descendants that can be seen below it get SIGTERM, a grace of ``NBX_SESSION_TIMEOUT`` seconds
    (3), and SIGKILL. A descendant whose parent was gone before anybody looked escapes. ``launch``
    has no such gaps.

    It ends with ``cleanup_all_sessions``, at this process's exit, and on SIGTERM, SIGHUP and
    SIGINT where they end it. Handlers for those can be set by the main thread only: where all
    registrations come from other threads, and for SIGKILL, it is the next reaper that ends the
    session (``nbx reap``, or any kernel's start by this user).

    Args:
        port: Where the session listens; its name among the others. One that has ended is
            replaced.
        pid: Its process; any but this one and its ancestors.
        directory: The session's private directory, which exists, belongs to this user, and is
            removed at the end; None for none.

    Raises:
        UsageError: What was passed cannot be meant, the port's session lives, or an environment
            variable makes no sense.
        KernelError: The process cannot be held; on systems but Linux, always.
    """
    Patience.from_environment()
    path = None if directory is None else checked_directory(directory)
    TABLE.register(checked_port(port, lowest=1), pid, path)


def unregister_session(port: int) -> bool:
    """Let a registered session live, and its directory stay; False where there is none."""
    return TABLE.unregister(checked_port(port, lowest=1))


def cleanup_all_sessions(force: bool = False) -> list[EndedSession]:
    """End all sessions of this process, registered and launched ones, and remove their directories.

    Blocks for at most the grace, and some seconds more for what is hard to kill.

    Args:
        force: SIGKILL at once; so does ``NBX_SESSION_FORCE=1``.

    Raises:
        UsageError: An environment variable makes no sense; nothing was ended then.
    """
    patience = Patience.from_environment()
    return TABLE.end(0.0 if force else patience.grace)
