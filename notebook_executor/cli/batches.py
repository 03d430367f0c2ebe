"""Batches of edits, as JSON from a file or from standard input."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from notebook_executor.errors import UsageError

_PIPE = "-"


def read_batch(edits: str | None) -> Any:
    """What a file holds; None and ``-`` are standard input.

    Raises:
        UsageError: It cannot be read, or is not JSON.
    """
    piped = edits in (None, _PIPE)
    if piped and sys.stdin.isatty():
        raise UsageError(
            "There is no operation, and no batch on standard input",
            hint="nbx edit --help lists the operations.",
        )
    name = "standard input" if piped else str(edits)
    try:
        text = sys.stdin.read() if piped else Path(name).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{name} cannot be read: {error}") from error
    return read_json(text, name)


def read_json(text: str, name: str) -> Any:
    """What a text means.

    Raises:
        UsageError: It is not JSON.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(f"{name} is not JSON: {error}") from error
