"""Threads of our own, which leave the application's signals to its main thread."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

_LEFT_TO_MAIN = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


def new_thread(target: Callable[[], None], name: str) -> threading.Thread:
    """A daemon thread, not started yet, that no signal of the process is delivered to.

    Python runs handlers in the main thread only: a signal that another thread gets does not
    interrupt what the main thread is blocked in.
    """

    def run() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, _LEFT_TO_MAIN)
        target()

    return threading.Thread(target=run, name=f"nbx-{name}", daemon=True)
