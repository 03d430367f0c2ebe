"""Which hosts the web tools may reach."""

from __future__ import annotations

from notebook_executor.models import Record


class WebRules(Record):
    """Hosts that may be reached.

    Attributes:
        hosts: Names, ``*.example.org`` for all below one, ``*`` for every public one.
    """

    hosts: tuple[str, ...] = ()
