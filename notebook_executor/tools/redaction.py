"""What is struck out of arguments and results before they are written anywhere."""

from __future__ import annotations

from notebook_executor.models import Record

REDACTED = "[redacted]"
"""Stands where something secret was, as the whole of a value or within a text."""


class RedactionRules(Record):
    """What counts as secret, besides the secret parameters and variables of the run.

    Attributes:
        names: Patterns of keys whose values are struck out, wherever in a call they are.
        patterns: Regular expressions; what they match in a text is struck out.
    """

    names: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
