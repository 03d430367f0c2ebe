"""A port for a session that is about to start, which nobody else is likely to take before it."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from collections import deque
from pathlib import Path

HOST = "127.0.0.1"
_LOWEST = 20_000
_FIRST_GIVEN_OUT = 32_768
_TRIES = 50
_lock = threading.Lock()
_latest: deque[int] = deque(maxlen=1000)


def free_port() -> int:
    """A port that is free now, is none of the latest answers, and that the system gives to nobody.

    Somebody else binds to it, after it was tried here. Of the ports that the system gives out by
    itself, to whoever connects or binds to 0, a third process could have it first.
    """
    candidates = random.SystemRandom().sample(range(_LOWEST, _first_given_out()), _TRIES)
    with _lock:
        for candidate in candidates:
            if candidate not in _latest and _is_free(candidate):
                _latest.append(candidate)
                return candidate
    with socket.create_server((HOST, 0)) as free:
        return int(free.getsockname()[1])


def _is_free(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_server((HOST, port)):
        return True
    return False


def _first_given_out() -> int:
    try:
        given_out = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
        first = int(given_out.split()[0])
    except (OSError, ValueError, IndexError):
        return _FIRST_GIVEN_OUT
    return first if first > _LOWEST + _TRIES else _FIRST_GIVEN_OUT
