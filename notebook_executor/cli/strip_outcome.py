"""How ``nbx strip`` tells what became of a notebook."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

from notebook_executor.cli.exits import ExitCode
from notebook_executor.cli.screen import Screen, write_json
from notebook_executor.errors import DocumentError


def tell_outcome(
    path: str, strip: Callable[[], bool], *, shown: str, check: bool, as_json: bool
) -> ExitCode:
    """Strip one notebook and tell of it.

    Args:
        path: What the JSON calls it.
        strip: Does it, or with ``check`` only looks: was, or is, there something to strip?
        shown: What lines for a reader call it.
        check: Whether it is only looked at.
        as_json: A line of JSON, instead of one for a reader.
    """
    problem, changed = "", False
    try:
        changed = strip()
    except DocumentError as error:
        problem = str(error)
    if as_json:
        write_json(sys.stdout, {"path": path, "changed": changed, "error": problem or None})
    elif problem:
        Screen(sys.stderr).line(f"error: {problem}", "bad")
    elif changed:
        Screen(sys.stdout).line(f"{'not stripped' if check else 'stripped'}: {shown}")
    if problem:
        return ExitCode.USAGE
    return ExitCode.DIFFERS if check and changed else ExitCode.SUCCESS


def heaviest(codes: Iterable[ExitCode]) -> ExitCode:
    """A file that cannot be read weighs more than one that is not stripped."""
    found = {ExitCode.SUCCESS, *codes}
    return ExitCode.USAGE if ExitCode.USAGE in found else max(found)
