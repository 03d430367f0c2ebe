"""Is a file a valid notebook, and where is it not: told, never raised."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Literal

from notebook_executor.documents.canonical import non_finite_places
from notebook_executor.documents.reading import parse_json, parse_notebook, read_file
from notebook_executor.documents.schema import Violation, violations
from notebook_executor.documents.structure import CURRENT_MINOR, check_version, format_version
from notebook_executor.errors import DocumentError
from notebook_executor.models import Record

_SHOWN = 20
_HINTS = {
    "missing_id": "Give each cell a unique id, or save the file with Jupyter.",
    "duplicate_id": "Give each cell an id of its own.",
    "invalid_id": "An id has 1 to 64 letters, digits, hyphens and underscores.",
}


class Issue(Record):
    """One thing that is wrong with a notebook file."""

    level: Literal["error", "warning"]
    code: str
    message: str
    place: str = ""  # like cells[3].outputs[0].data; empty when it is the file as a whole
    cell_index: int | None = None
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        advice = f" ({self.hint})" if self.hint else ""
        return f"{self.level}: {where}{self.message}{advice}"


class ValidationReport(Record):
    """What is wrong with a notebook file; warnings do not make it invalid."""

    path: str
    valid: bool
    nbformat: str | None = None  # like "4.5"; None when the file does not get that far
    issues: tuple[Issue, ...] = ()

    def __str__(self) -> str:
        version = f" (nbformat {self.nbformat})" if self.nbformat else ""
        lines = [f"{self.path}{version}: {'valid' if self.valid else 'not valid'}"]
        lines += [f"  {issue}" for issue in self.issues[:_SHOWN]]
        if len(self.issues) > _SHOWN:
            lines.append(f"  … and {len(self.issues) - _SHOWN} more")
        return "\n".join(lines)


def validate_notebook(path: str | os.PathLike[str]) -> ValidationReport:
    """Check a file against the schema of the format version that it states.

    Whatever is wrong, the file's absence included, is in the report.
    """
    name = str(path)
    version: str | None = None
    try:
        data = read_file(path)
        raw: Any = parse_json(data, name)
        major, minor = format_version(raw, name)
        version = f"{major}.{minor}"
        check_version(major, name)
        issues = [*_schema_issues(raw, major, minor), *_old_format(major)]
        if not _has_errors(issues):
            parse_notebook(data, name)
            issues.extend(_numbers(raw))
    except DocumentError as error:
        issues = [_issue(error)]
    return ValidationReport(
        path=name, valid=not _has_errors(issues), nbformat=version, issues=tuple(issues)
    )


def _has_errors(issues: list[Issue]) -> bool:
    return any(issue.level == "error" for issue in issues)


def _issue(error: DocumentError) -> Issue:
    details = error.details
    return Issue(
        level="error",
        code=details.get("code", details["kind"]),
        message=error.message,
        place=details.get("place", ""),
        hint=error.hint,
    )


def _schema_issues(raw: dict[str, Any], major: int, minor: int) -> Iterator[Issue]:
    """Violations of the schema; format 2 never had one."""
    found: Iterator[Violation] = violations(raw, major, minor) if major > 2 else iter(())
    for violation in found:
        yield Issue(
            level="error",
            code=violation.code,
            message=violation.message,
            place=violation.place,
            cell_index=violation.cell_index,
            hint=_HINTS.get(violation.code, ""),
        )


def _old_format(major: int) -> Iterator[Issue]:
    if major < 4:
        yield Issue(
            level="warning",
            code="old_format",
            message=f"nbformat {major} is upgraded to 4.{CURRENT_MINOR} whenever it is read",
            place="nbformat",
            hint="Save it with Jupyter once.",
        )


def _numbers(raw: dict[str, Any]) -> Iterator[Issue]:
    """NaN and Infinity: Python reads them, but they are not JSON, and other readers stop there."""
    for place in non_finite_places(raw):
        yield Issue(
            level="warning",
            code="not_finite",
            message="NaN and Infinity are not JSON",
            place=place,
            hint="Write null; write_notebook does.",
        )
