"""Signals mean to the tests what they mean to a program that a user starts."""

from __future__ import annotations

import signal


def restore_dispositions() -> None:
    """Undo what ``nohup`` and a shell's background jobs hand down: signals that are ignored."""
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
