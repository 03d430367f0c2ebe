"""What is wrong with a notebook file, told and never raised; put right on demand."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from typing import Any

from notebook_executor.documents.canonical import chunks, non_finite_places
from notebook_executor.documents.code_checks import check_code
from notebook_executor.documents.issues import Issue
from notebook_executor.documents.leaks import check_leaks
from notebook_executor.documents.reading import adopt, parse_json, parse_notebook, read_file
from notebook_executor.documents.regression import RegressionReport
from notebook_executor.documents.repairs import Repair, repair_notebook
from notebook_executor.documents.schema import Violation, violations
from notebook_executor.documents.structure import CURRENT_MINOR, check_version, format_version
from notebook_executor.documents.unsafe import check_outputs
from notebook_executor.documents.writing import write_bytes
from notebook_executor.documents.written import Layout
from notebook_executor.errors import DocumentError
from notebook_executor.models import Record

_SHOWN = 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class ValidationReport(Record):
    """What is wrong with a notebook file; warnings do not make it invalid."""

    path: str
    valid: bool
    nbformat: str | None = None  # like "4.5"; None when the file does not get that far
    issues: tuple[Issue, ...] = ()
    repairs: tuple[Repair, ...] = ()  # what was changed in the file
    regression: RegressionReport | None = None  # where one was asked for

    def __str__(self) -> str:
        version = f" (nbformat {self.nbformat})" if self.nbformat else ""
        lines = [f"{self.path}{version}: {'valid' if self.valid else 'not valid'}"]
        lines += _listed([f"changed {repair}" for repair in self.repairs])
        lines += _listed([str(issue) for issue in self.issues])
        if self.regression is not None:
            lines.append(str(self.regression))
        return "\n".join(lines)


def _listed(entries: list[str]) -> list[str]:
    lines = [f"  {entry}" for entry in entries[:_SHOWN]]
    left = len(entries) - _SHOWN
    return [*lines, f"  … and {left} more"] if left > 0 else lines


def validate_notebook(path: str | os.PathLike[str]) -> ValidationReport:
    """Check a file: its format against the schema of the version it states, its code, its outputs.

    Whatever is wrong, the file's absence included, is in the report. The file stays as it is.
    """
    try:
        data = read_file(path)
    except DocumentError as error:
        return ValidationReport(path=str(path), valid=False, issues=(_told(error),))
    return validate_data(data, str(path))


def repair_file(path: str | os.PathLike[str], *, upgrade: bool = False) -> ValidationReport:
    """Put right in a file what can be without guessing, then validate it.

    The file is replaced atomically, in the layout it had, and only when something changes.

    Args:
        path: The notebook.
        upgrade: Rewrite a notebook of an older format as nbformat 4.5.

    Returns:
        What is still wrong, and in ``repairs`` what was changed.

    Raises:
        DocumentError: The file cannot be written.
    """
    before = validate_notebook(path)
    if not upgrade and not any(issue.repairable for issue in before.issues):
        return before
    try:
        data = read_file(path)
        new, repairs = _repaired(data, str(path), upgrade=upgrade)
    except DocumentError:
        return before  # which tells why
    if new == data:
        return before
    write_bytes(new, path)
    return validate_data(new, str(path), repairs)


def validate_data(data: bytes, name: str, repairs: tuple[Repair, ...] = ()) -> ValidationReport:
    """As ``validate_notebook``, of what a file holds.

    Args:
        data: The file's content.
        name: What the report calls it.
        repairs: What was changed in it before.
    """
    version: str | None = None
    try:
        raw: Any = parse_json(data, name)
        major, minor = format_version(raw, name)
        version = f"{major}.{minor}"
        check_version(major, name)
        issues = [*_format_issues(raw, major, minor, data)]
        # Whatever can be read is looked into, also when its form is not quite right.
        issues += _content_issues(data, name, major, told=_has_errors(issues))
    except DocumentError as error:
        issues = [_told(error)]
    return ValidationReport(
        path=name,
        valid=not _has_errors(issues),
        nbformat=version,
        issues=tuple(issues),
        repairs=repairs,
    )


def _has_errors(issues: list[Issue]) -> bool:
    return any(issue.level == "error" for issue in issues)


def _told(error: DocumentError) -> Issue:
    details = error.details
    return Issue(
        level="error",
        code=details.get("code", details["kind"]),
        message=error.message,
        place=details.get("place", ""),
        hint=error.hint,
    )


def _format_issues(raw: dict[str, Any], major: int, minor: int, data: bytes) -> Iterator[Issue]:
    broken = [*_violations(raw, major, minor)]
    left = set(broken)
    if broken and major == 4:
        mended = copy.deepcopy(raw)
        for _ in repair_notebook(mended):
            pass
        left = set(_violations(mended, *format_version(mended, "")))
    for violation in broken:
        issue = Issue.of(
            violation.code,
            violation.message,
            place=violation.place,
            cell_index=violation.cell_index,
        )
        yield issue.model_copy(update={"repairable": violation not in left})
    if data.startswith(_BYTE_ORDER_MARK):
        yield _repairable("byte_order_mark", "the file begins with a byte order mark", "")


def _repairable(code: str, message: str, place: str) -> Issue:
    return Issue.of(code, message, place=place).model_copy(update={"repairable": True})


def _violations(raw: dict[str, Any], major: int, minor: int) -> Iterator[Violation]:
    """Violations of the schema; format 2 never had one."""
    return violations(raw, major, minor) if major > 2 else iter(())


def _content_issues(data: bytes, name: str, major: int, *, told: bool) -> Iterator[Issue]:
    """What is wrong inside a notebook whose form can be read.

    Args:
        data: The file.
        name: What errors call it.
        major: The format's version before the point.
        told: It is already known not to be valid.
    """
    try:
        notebook = parse_notebook(data, name)
    except DocumentError as error:
        if not told:
            yield _told(error)
        return
    if major < 4:
        message = f"nbformat {major} is upgraded to 4.{CURRENT_MINOR} whenever it is read"
        yield _repairable("old_format", message, "nbformat")
    for place in non_finite_places(notebook):
        yield _repairable("not_finite", "NaN and Infinity are not JSON", place)
    yield from check_code(notebook)
    yield from check_leaks(notebook)
    yield from check_outputs(notebook)


def _repaired(data: bytes, name: str, *, upgrade: bool) -> tuple[bytes, tuple[Repair, ...]]:
    """The file's new content, and what changed.

    Raises:
        DocumentError: It is not a notebook that can be repaired.
    """
    raw: Any = parse_json(data, name)
    major, _ = format_version(raw, name)
    check_version(major, name)
    if major < 4:
        if not upgrade:
            return data, ()
        upgraded = Repair(place="notebook", message=f"upgraded from nbformat {major}")
        return b"".join(chunks(parse_notebook(data, name))), (upgraded,)
    repairs = tuple(_repairs(raw, data, upgrade=upgrade))
    return (_in_its_layout(raw, data) if repairs else data), repairs


def _repairs(raw: dict[str, Any], data: bytes, *, upgrade: bool) -> Iterator[Repair]:
    if data.startswith(_BYTE_ORDER_MARK):
        yield Repair(place="notebook", message="the byte order mark is gone")
    minor = raw.get("nbformat_minor", 0)
    if upgrade and isinstance(minor, int) and minor < CURRENT_MINOR:
        raw["nbformat_minor"] = CURRENT_MINOR
        yield Repair(place="nbformat_minor", message=f"upgraded from 4.{minor}")
    yield from repair_notebook(raw)


def _in_its_layout(raw: dict[str, Any], data: bytes) -> bytes:
    """The JSON of a notebook, laid out as the file was; as nbformat does where that is uneven."""
    text = data.decode("utf-8-sig")
    start = text.index("{")
    layout = Layout.of(text, start)
    body = text[start:].rstrip()
    try:
        even = layout.dump(json.loads(text), layout.margin(0)) == body
    except DocumentError:  # it holds NaN
        even = False
    if not even:
        return b"".join(chunks(adopt(raw)))
    new = layout.dump(raw, layout.margin(0))
    return (text[:start] + new + text[start + len(body) :]).encode()
