"""A review where CI shows it: at lines of the changed files, and in the summary of the step.

Both in the form of GitHub Actions, which Gitea's and Forgejo's runners speak, too. Annotations are
"workflow commands" on standard output; the summary is Markdown, appended to the file that
``GITHUB_STEP_SUMMARY`` names. The limits are those of GitHub's documentation, "Workflow commands
for GitHub Actions": of each level ten annotations a step, a summary of 1 MiB a step.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from notebook_executor.review import report_words as words
from notebook_executor.text import clip, one_line

if TYPE_CHECKING:
    from notebook_executor.review.models import CellReview, NotebookReview, Review

Level = Literal["error", "warning"]

_LEVELS: tuple[Level, ...] = ("error", "warning")
_MOST = 10
_TITLE = 120
_MESSAGE = 4000
_SUMMARY_BYTES = 2**20
_BYTES_PER_CHAR = 4  # of UTF-8, at most
_LONGEST = 250_000
_SHORTEST = 1000


@dataclass(frozen=True)
class Annotation:
    """What is said of a line of a file.

    Attributes:
        level: An ``error`` is a step that failed, a ``warning`` an output that differs.
        file: Below the repository's top; empty for none.
        line: Counted from 1; None for the file as a whole.
        title: In a few words.
        message: All of it.
    """

    level: Level
    file: str
    line: int | None
    title: str
    message: str

    def __str__(self) -> str:
        """The workflow command."""
        named = {"file": self.file, "line": self.line, "title": one_line(self.title, _TITLE)}
        properties = ",".join(
            f"{name}={_escaped(str(value), ':,')}"
            for name, value in named.items()
            if value not in (None, "")
        )
        return f"::{self.level} {properties}::{_escaped(clip(self.message, _MESSAGE))}"


def _escaped(text: str, more: str = "") -> str:
    """What ends a command, or a property of it, as its number in percent; so the sign itself."""
    for sign in ("%", "\r", "\n", *more):
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text


def annotated(review: Review) -> list[Annotation]:
    """What failed and what differs, by line; of each level as many as are shown.

    Where there are more, the last one says how many, and that the report has them.
    """
    gravest = words.gravest_first(review.notebooks)
    found = [told for notebook in gravest for told in _of_notebook(notebook)]
    return [told for level in _LEVELS for told in _shown([a for a in found if a.level == level])]


def _shown(found: list[Annotation]) -> list[Annotation]:
    if len(found) <= _MOST:
        return found
    first, left = found[: _MOST - 1], found[_MOST - 1 :]
    told = f"{len(left)} more are in the review's report, the first of them: {left[0].message}"
    title = f"and {len(left)} more like this"
    return [*first, Annotation(left[0].level, left[0].file, left[0].line, title, told)]


def _of_notebook(notebook: NotebookReview) -> Iterator[Annotation]:
    path = notebook.path
    if notebook.failed_cell is not None or notebook.error is not None:
        yield _failure(notebook)
    for step in notebook.steps:
        if step.status == "failed" and step.name != "execution":
            yield Annotation(
                "error", path, None, f"{path}: {step.name}", _said(step.message, step.hint)
            )
    for found in notebook.problems:
        title = f"{found.entry or found.file}: {path} would be refused"
        yield Annotation("error", found.file, found.line, title, _said(found.message, found.hint))
    for cell, reasons in words.differing(notebook):
        title = f"cells[{cell.index}] differs from its reference"
        yield Annotation("warning", path, cell.line, title, _reasons(reasons))


def _failure(notebook: NotebookReview) -> Annotation:
    failed, error = notebook.failed_cell, notebook.error
    cell = next((c for c in notebook.cells if failed is not None and c.id == failed.id), None)
    title = failed.ename if failed is not None and failed.ename else error.kind if error else ""
    hint = error.hint if error is not None else None
    said = _said(words.failure(notebook), hint)
    return Annotation("error", notebook.path, _line(cell), f"does not execute: {title}", said)


def _line(cell: CellReview | None) -> int | None:
    if cell is None:
        return None
    return cell.line if cell.failed_line is None else cell.failed_line


def _said(message: str, hint: str | None) -> str:
    return f"{message}\n{hint}" if hint else message


def _reasons(reasons: list[words.Reason]) -> str:
    return "\n".join("\n".join([reason.what, *reason.lines]) for reason in reasons)


def silence() -> tuple[str, str]:
    """Two lines between which nothing is a command; nobody can know the second beforehand."""
    token = secrets.token_hex(16)
    return f"::stop-commands::{token}", f"::{token}::"


def append_summary(review: Review, path: str | os.PathLike[str]) -> bool:
    """Append the report to the summary of a CI step, as far as there is room.

    Args:
        review: What is told.
        path: The file, which others may have begun; it is made if there is none.

    Returns:
        Whether there was room.

    Raises:
        OSError: It cannot be written.
    """
    place = Path(path)
    begun = place.stat().st_size if place.exists() else 0
    room = min((_SUMMARY_BYTES - begun - 2) // _BYTES_PER_CHAR, _LONGEST)
    if room < _SHORTEST:
        return False
    between = "\n\n" if begun else ""
    with place.open("a", encoding="utf-8", errors="backslashreplace") as file:
        file.write(between + review.to_markdown(room))
    return True
