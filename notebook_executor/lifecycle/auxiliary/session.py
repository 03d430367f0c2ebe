"""What a session is to those who end it, and how long that may take."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from notebook_executor.errors import UsageError

TIMEOUT_VARIABLE = "NBX_SESSION_TIMEOUT"
FORCE_VARIABLE = "NBX_SESSION_FORCE"
_GRACE_SECONDS = 3.0
_LONGEST = 3600.0
_YES_AND_NO = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off", ""), False),
}


@dataclass(frozen=True)
class EndedSession:
    """How a session ended.

    Attributes:
        name: What it was called.
        port: Where it listened, if that was told.
        pid: Its process.
        processes_ended: Of it, itself included, as far as they could be counted.
        processes_left: Those that could not be ended.
        files_left: Files of its directory that could not be removed.
    """

    name: str
    port: int | None
    pid: int | None
    processes_ended: int = 0
    processes_left: int = 0
    files_left: int = 0


class Session(Protocol):
    """Something that ends in three steps, so that many can end side by side."""

    def ask(self) -> None:
        """Ask it to end; does not block."""

    def wait(self, until: float) -> object:
        """Block until it has ended, at most until this time of the monotonic clock."""

    def finish(self) -> EndedSession:
        """Kill what is left and remove its directory; called again, tell again how that went."""
        ...


@dataclass(frozen=True)
class Patience:
    """How sessions are ended.

    Attributes:
        timeout: Seconds between SIGTERM and SIGKILL.
        force: SIGKILL at once.
    """

    timeout: float = _GRACE_SECONDS
    force: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Patience:
        """What ``NBX_SESSION_TIMEOUT`` and ``NBX_SESSION_FORCE`` say.

        Raises:
            UsageError: One of them says nothing that can be meant.
        """
        given = os.environ if environment is None else environment
        return cls(_seconds(given.get(TIMEOUT_VARIABLE, "")), _truth(given.get(FORCE_VARIABLE, "")))

    @property
    def grace(self) -> float:
        return 0.0 if self.force else self.timeout


def _seconds(text: str) -> float:
    try:
        seconds = float(text or _GRACE_SECONDS)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= _LONGEST:
        raise UsageError(
            f"{TIMEOUT_VARIABLE} is {text!r:.50}, which is no number of seconds "
            f"between 0 and {_LONGEST:g}",
            hint="Set it to the seconds between SIGTERM and SIGKILL, or unset it for 3.",
        )
    return seconds


def _truth(text: str) -> bool:
    try:
        return _YES_AND_NO[text.strip().lower()]
    except KeyError:
        raise UsageError(
            f"{FORCE_VARIABLE} is {text!r:.50}, which is neither yes nor no",
            hint="Set it to 1 to have sessions killed at once, or to 0, or unset it.",
        ) from None


def end_all(sessions: Iterable[Session], grace: float) -> list[EndedSession]:
    """End sessions side by side: one grace, in seconds, for all of them."""
    ending = list(sessions)
    if grace > 0:
        for session in ending:
            session.ask()
        until = time.monotonic() + grace
        for session in ending:
            session.wait(until)
    return [session.finish() for session in ending]


def checked_port(port: object, *, lowest: int) -> int:
    """The port.

    Raises:
        UsageError: It is none.
    """
    if isinstance(port, bool) or not isinstance(port, int) or not lowest <= port <= 65535:
        raise UsageError(
            f"The port {port!r:.50} is not a whole number between {lowest} and 65535",
            hint="Pass the port that the session listens on.",
        )
    return port


def checked_directory(directory: object) -> Path:
    """An absolute path.

    Raises:
        UsageError: It is no path.
    """
    if not isinstance(directory, str | os.PathLike) or not os.fspath(directory):
        raise UsageError(
            f"The directory {directory!r:.50} is not a path",
            hint="Pass the session's own directory as text or as a Path, or leave it out.",
        )
    return Path(os.path.abspath(os.fsdecode(directory)))
