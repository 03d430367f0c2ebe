"""Which commands the terminal may run."""

from __future__ import annotations

from notebook_executor.models import Record


class TerminalRules(Record):
    """Rules on the arguments of a command; ``*`` alone allows any, and a shell.

    Attributes:
        commands: Each a command line, whose words are patterns: ``git status``, ``ls *``.
    """

    commands: tuple[str, ...] = ()
