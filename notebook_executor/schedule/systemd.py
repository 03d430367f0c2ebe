"""What systemd wants to hear of a service: that it is ready, that it lives, that it stops.

One datagram each to the socket that ``NOTIFY_SOCKET`` names, sd_notify(3).
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import MutableMapping

_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class ServiceManager:
    """systemd, if it has started this process and asked to be told; else nobody.

    Args:
        environment: Loses the variables that are for this process alone, so that no kernel speaks
            in its name.
    """

    def __init__(self, environment: MutableMapping[str, str] = os.environ) -> None:
        self._address, microseconds, pid = (environment.pop(name, "") for name in _VARIABLES)
        wanted = microseconds.isdigit() and pid in ("", str(os.getpid()))
        self._period = int(microseconds) / 1e6 if wanted else None
        self._told = time.monotonic()

    def ready(self, status: str) -> None:
        self._tell(f"READY=1\nSTATUS={status}")

    def stopping(self) -> None:
        self._tell("STOPPING=1")

    def alive(self) -> None:
        """To be called often; tells at half of the time after which systemd takes us for hung."""
        if self._period is not None and time.monotonic() - self._told >= self._period / 2:
            self._told = time.monotonic()
            self._tell("WATCHDOG=1")

    def patience(self, seconds: float) -> float:
        """How long we may wait, at most so many seconds, without being taken for hung."""
        return seconds if self._period is None else min(seconds, self._period / 2)

    def _tell(self, message: str) -> None:
        if not self._address:
            return
        # A leading @ is how an address is written that is not in the file system.
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender,
            contextlib.suppress(OSError),
        ):
            sender.settimeout(1)
            sender.sendto(message.encode(), address)
