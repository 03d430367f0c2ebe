"""The steps that look at the files: is it a notebook, what is new in it, is it stored stripped?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from notebook_executor.documents.diffing import compare_notebooks
from notebook_executor.documents.issues import Issue
from notebook_executor.documents.reading import parse_notebook
from notebook_executor.documents.stripping import strip_data
from notebook_executor.documents.validation import validate_data
from notebook_executor.errors import DocumentError
from notebook_executor.review.subject import Finding, Scene, Subject

if TYPE_CHECKING:
    from nbformat import NotebookNode

_FILTER = "nbstripout"
_SHOWN = 5
_VALIDATE = "nbx validate tells more, and with --fix mends some."


def check_structure(subject: Subject, scene: Scene) -> Finding:
    """Is the head's file a valid notebook?"""
    if subject.change.change == "deleted" or subject.change.obstacle:
        return Finding("skipped", subject.absence)
    data = subject.data = scene.comparison.new.read(subject.change.path) or b""
    report = validate_data(data, subject.change.path)
    errors = [issue for issue in report.issues if issue.level == "error"]
    if report.nbformat is not None:
        subject.notebook = _readable(data, subject.change.path)
    if errors:
        return Finding("failed", _first(errors), errors[0].hint or _VALIDATE)
    subject.warnings += [f"{issue.place}: {issue.message}" for issue in report.issues]
    return Finding("ok", f"nbformat {report.nbformat}")


def _first(issues: list[Issue]) -> str:
    first = issues[0]
    place = f"{first.place}: " if first.place else ""
    more = f", and {len(issues) - 1} more" if len(issues) > 1 else ""
    return f"{place}{first.message}{more}"


def _readable(data: bytes, name: str) -> NotebookNode | None:
    try:
        return parse_notebook(data, name)
    except DocumentError:
        return None


def compare_sources(subject: Subject, scene: Scene) -> Finding:
    """What is new in the sources; what git keeps of outputs is none of it."""
    old = subject.change.base_path
    if old is not None:
        subject.before = _readable(scene.comparison.old.read(old) or b"", old)
    if subject.notebook is None and subject.change.change != "deleted":
        return Finding("skipped", subject.absence)
    if old is not None and subject.before is None:
        return Finding("skipped", "the base's file is no notebook that can be read")
    names = (old or "/dev/null", subject.change.path if subject.notebook else "/dev/null")
    subject.diff = compare_notebooks(_bare(subject.before), _bare(subject.notebook), names)
    return Finding("ok", _summed(subject.diff.summary))


def _bare(notebook: NotebookNode | None) -> NotebookNode:
    """A copy without outputs; an empty notebook for none."""
    from nbformat import NotebookNode
    from nbformat.v4 import new_notebook

    if notebook is None:
        empty: NotebookNode = new_notebook()
        return empty
    bare = NotebookNode(notebook)
    bare.cells = [
        NotebookNode({**cell, "outputs": []}) if "outputs" in cell else cell
        for cell in notebook.cells
    ]
    return bare


def _summed(summary: Any) -> str:
    counts = {
        "added": len(summary.added),
        "removed": len(summary.removed),
        "moved": len(summary.moved),
        "changed": len(summary.changed),
    }
    told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    if told:
        return f"cells: {told}"
    return "metadata alone" if summary.notebook_metadata else "the same sources"


def check_stripped(subject: Subject, scene: Scene) -> Finding:
    """Does git keep what the attributes say that it should not?"""
    if subject.data is None or subject.notebook is None:
        return Finding("skipped", subject.absence)
    path = subject.change.path
    wanted = scene.comparison.new.filters([path], scene.place / "new.index")[path]
    if wanted != _FILTER:
        return Finding("skipped", f"the attributes have no filter {_FILTER} for it")
    if strip_data(subject.data, path) == subject.data:
        return Finding("ok", "stored without outputs")
    subject.stripped_away = _carrying(subject.data)
    return Finding(
        "failed",
        f"stored with {_what(subject.stripped_away)} that git should have stripped",
        "nbx doctor --fix sets up the filter of this clone; then git add --renormalize.",
    )


def _carrying(data: bytes) -> tuple[int, ...]:
    cells = json.loads(data.decode("utf-8-sig")).get("cells", [])
    return tuple(
        index
        for index, cell in enumerate(cells)
        if cell.get("outputs") or cell.get("execution_count") is not None
    )


def _what(cells: tuple[int, ...]) -> str:
    if not cells:
        return "metadata"
    shown = ", ".join(map(str, cells[:_SHOWN])) + (" …" if len(cells) > _SHOWN else "")
    return f"outputs or counts (cells {shown})"
