"""Writes ``docs/differences-from-papermill.md``: ``python -m tests.differential.documentation``."""

from __future__ import annotations

from pathlib import Path

from .corpus import CORPUS
from .differences import DIFFERENCES, Difference
from .normalisation import NORMALISATIONS

PAGE = Path(__file__).parents[2] / "docs" / "differences-from-papermill.md"

_PROJECTS = {
    "ipython": "ipython/ipython",
    "nbclient": "jupyter/nbclient",
    "papermill": "nteract/papermill",
}
_INTRODUCTION = """\
# Differences from papermill

What `NotebookExecutor.execute` writes is what `papermill.execute_notebook` writes, but for what \
this page lists. `tests/differential` runs {count} notebooks through both and compares the \
executed notebooks whole: cells, sources, ids, tags, the injected cell, outputs, execution \
counts, metadata of the notebook and of each cell, and the outcome. A difference that is not \
listed here fails the suite, and so does an entry that has become untrue.

This page is made from the suite: `python -m tests.differential.documentation`.

## Intended differences
"""
_NOISE = """
## What is not compared

These change between two runs of one notebook by the same executor, and are evened out on both \
sides.

| What | Why |
|---|---|
"""


def page() -> str:
    noise = "".join(f"| {entry.name} | {entry.reason} |\n" for entry in NORMALISATIONS)
    sections = "\n".join(_section(entry) for entry in DIFFERENCES)
    return f"{_INTRODUCTION.format(count=len(CORPUS))}\n{sections}{_NOISE}{noise}"


def _section(entry: Difference) -> str:
    lines = [
        f"### {entry.name}",
        "",
        f"- papermill {entry.papermill}.",
        f"- notebook_executor {entry.ours}.",
        f"- Why: {entry.why}.",
        f"- Seen in: {_notebooks(entry)}.",
    ]
    if entry.upstream:
        lines.append(f"- Upstream: {', '.join(map(_link, entry.upstream))}.")
    return "\n".join(lines) + "\n"


def _notebooks(entry: Difference) -> str:
    if len(entry.notebooks) > len(CORPUS) // 2:
        return "every notebook that is run"
    return ", ".join(f"`{name}`" for name in entry.notebooks)


def _link(issue: str) -> str:
    project, _, number = issue.partition("#")
    return f"[{issue}](https://github.com/{_PROJECTS[project]}/issues/{number})"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
