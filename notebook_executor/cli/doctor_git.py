"""What ``nbx doctor`` says of git, and its ``--fix``."""

from __future__ import annotations

from collections.abc import Iterator

from notebook_executor.cli.project import working_directory
from notebook_executor.errors import DocumentError
from notebook_executor.findings import Finding
from notebook_executor.git import hygiene


def git_findings(*, fix: bool) -> Iterator[Finding]:
    """Look at the repository that the working directory is in, after it was set up if asked."""
    here = working_directory()
    if fix:
        yield from hygiene.fix(here)
    yield from hygiene.examine(here, _is_stripped)


def _is_stripped(data: bytes, path: str) -> bool:
    """Of what is no notebook, ``nbx strip --check`` and ``nbx validate`` tell."""
    from notebook_executor.documents.stripping import strip_data

    try:
        return strip_data(data, path) == data
    except DocumentError:
        return True
