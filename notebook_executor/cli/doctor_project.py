"""``nbx doctor --project``: whether a project keeps the conventions of this machine's projects."""

from __future__ import annotations

from collections.abc import Iterator

from notebook_executor.cli.project import absolute
from notebook_executor.findings import Finding


def project_findings(folder: str) -> Iterator[Finding]:
    """A finding for each convention."""
    from notebook_executor.lifecycle.project.conventions.checking import check_conventions

    return check_conventions(absolute(folder))
