"""What git calls to strip: ``nbx strip`` on standard input and output."""

from __future__ import annotations

import sys

from notebook_executor.cli.exits import ExitCode
from notebook_executor.cli.screen import Screen, write_bytes
from notebook_executor.errors import UsageError

_STDIN = "standard input"


def strip_stdin(*, check: bool) -> ExitCode:
    """Standard input to output; what is no notebook is an error."""
    from notebook_executor.documents.stripping import strip_data

    data = _given()
    stripped = strip_data(data, _STDIN)
    if check:
        return ExitCode.DIFFERS if stripped != data else ExitCode.SUCCESS
    write_bytes(sys.stdout, stripped)
    return ExitCode.SUCCESS


def clean_stdin(name: str) -> ExitCode:
    """One file for git, which calls it so."""
    write_bytes(sys.stdout, _clean(_given(), name))
    return ExitCode.SUCCESS


def clean_for_git() -> ExitCode:
    """All files of a git command."""
    from notebook_executor.git.filtering import serve

    _refuse_a_person()
    serve(sys.stdin.buffer, sys.stdout.buffer, _clean, _tell_error)
    return ExitCode.SUCCESS


def _clean(data: bytes, name: str) -> bytes:
    # Not before there is something to strip: a checkout asks for nothing of it.
    from notebook_executor.documents.stripping import clean_data

    return clean_data(data, name, _tell_warning)


def _given() -> bytes:
    _refuse_a_person()
    return sys.stdin.buffer.read()


def _refuse_a_person() -> None:
    if sys.stdin.isatty():
        raise UsageError("There is nothing to strip", hint="Name notebooks or folders.")


def _tell_warning(text: str) -> None:
    Screen(sys.stderr).line(f"warning: {text}")


def _tell_error(text: str) -> None:
    Screen(sys.stderr).line(f"error: {text}", "bad")
