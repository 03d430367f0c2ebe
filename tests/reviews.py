"""Reviews made by hand: what a report is made of, without git and without a kernel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat

from notebook_executor.documents.diffing import diff_notebooks
from notebook_executor.documents.output_comparison import Difference
from notebook_executor.models import FailedCell, RunError
from notebook_executor.review.models import (
    CellReview,
    NotebookReview,
    ParameterProblem,
    ReferenceReview,
    Review,
    ReviewedNotebooks,
    ScrapDelta,
    StepOutcome,
    ToolCallDelta,
)
from notebook_executor.text import storable

PATH = "notebooks/fleet.ipynb"
SCORE = ScrapDelta(base=0.89, head=0.94, change=0.05, direction="up")
_NAMES: Sequence[Any] = (
    *("structure", "sources", "parameters", "execution", "reference", "strip"),
)


def review(*notebooks: NotebookReview, **fields: Any) -> Review:
    """What is not given fits notebooks that all pass."""
    given: dict[str, Any] = {
        "verdict": "pass",
        "base": "main",
        "head": "agent/edit",
        "base_commit": "1f" * 20,
        "head_commit": "2e" * 20,
        "merge_base": "3d" * 20,
        "notebooks": notebooks,
        "duration_seconds": 3.21,
    }
    return Review(**(given | fields))


def passing(path: str = PATH, **fields: Any) -> NotebookReview:
    given: dict[str, Any] = {
        "path": path,
        "base_path": path,
        "change": "modified",
        "verdict": "pass",
        "executes": True,
        "matches_reference": True,
        "scraps": {"rows": ScrapDelta(base=7, head=7, change=0, direction="same")},
        "run_id": "20261120T060000Z-000000",
        "steps": [StepOutcome(name=name, status="ok", message=f"{name} is ok") for name in _NAMES],
        "cells": [
            CellReview(
                index=n, id=f"c{n}", status="ok", duration_seconds=n + 0.5,
                base_duration_seconds=1.0, matches=True,
            )
            for n in range(3)
        ],
        "duration_seconds": 4.5,
        "base_duration_seconds": 3.0,
        "peak_memory_bytes": 100 * 2**20,
        "reference": ReferenceReview(
            path=f"runs/reference/{path}", side="base", changed=False, compared=3
        ),
    }  # fmt: skip
    return NotebookReview(**(given | fields))


def differing(path: str = PATH, **fields: Any) -> NotebookReview:
    """Its health score went up, and a line that it prints with it."""
    printed = Difference(kind="stdout", problem="value", expected="a\nb\n", actual="a\nc\n")
    scrap = Difference(
        kind="application/scrapbook.scrap.json+json", problem="value", expected="1", actual="2"
    )
    cell = CellReview(
        index=1, id="c1", status="ok", duration_seconds=0.5, matches=False,
        differences=(printed, scrap),
    )  # fmt: skip
    given: dict[str, Any] = {
        "verdict": "differs",
        "matches_reference": False,
        "scraps": {"health_score": SCORE},
        "cells": [cell],
        "tool_calls": [ToolCallDelta(tool="terminal", base=1, head=2, ok=1, error=1, replayed=2)],
    }
    return passing(path, **(given | fields))


def failing(path: str = PATH, text: str = "division by zero", **fields: Any) -> NotebookReview:
    """A cell raised, and a schedule does not know its parameters any more."""
    cell = FailedCell(
        index=2, output_index=3, id="c2", hash="a1", line=2, source="x = 0\n1 / x",
        ename="ZeroDivisionError", evalue=text, traceback=f"Traceback\n{text}",
        output_tail=f"so far\n{text}",
    )  # fmt: skip
    problem = ParameterProblem(
        file="schedules/fleet.yaml", line=7, entry="fleet", message=text, hint="Say it there, too."
    )
    given: dict[str, Any] = {
        "verdict": "fail",
        "executes": False,
        "matches_reference": None,
        "failed_cell": cell,
        "error": RunError(kind="cell_error", message=text, hint="Correct the cell."),
        "problems": [problem],
        "cells": [
            CellReview(index=2, id="c2", status="error", duration_seconds=0.1, failed_line=57)
        ],
    }
    return passing(path, **(given | fields))


def cell(source: str, name: str, *outputs: dict[str, Any]) -> nbformat.NotebookNode:
    made: nbformat.NotebookNode = nbformat.v4.new_code_cell(source, id=name, execution_count=1)
    made.outputs = [nbformat.from_dict(output) for output in outputs]
    return made


def printed(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def shown(**data: Any) -> dict[str, Any]:
    mimes = {mime.replace("_", "/"): value for mime, value in data.items()}
    return {"output_type": "display_data", "data": mimes, "metadata": {}}


def held(
    folder: Path,
    notebook: NotebookReview,
    before: Sequence[nbformat.NotebookNode] | None,
    now: Sequence[nbformat.NotebookNode],
) -> NotebookReview:
    """The notebook's review with both versions of it, and with what differs in their sources."""
    files = []
    for name, cells in (("before", before or ()), ("now", now)):
        files.append(folder / f"{name}.ipynb")
        bare = [nbformat.v4.new_code_cell(storable(one.source), id=one.id) for one in cells]
        nbformat.write(nbformat.v4.new_notebook(cells=bare), files[-1])
    told = notebook.model_copy(update={"diff": diff_notebooks(*files)})
    base = None if before is None else nbformat.v4.new_notebook(cells=list(before))
    head = nbformat.v4.new_notebook(cells=list(now))
    return told.with_notebooks(ReviewedNotebooks(base=base, head=head))
