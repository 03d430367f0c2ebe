"""A review of many notebooks that a branch has changed: its time, and that of their cells."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import nbformat

_IDENTITY = ("-c", "user.name=Benchmark", "-c", "user.email=benchmark@example.org")
_WAITING = "import time\ntime.sleep({seconds})"
_WORKING = """
import time
began = time.process_time()
while time.process_time() - began < {seconds}:
    sum(range(1000))
print("done")
"""


def review_seconds(folder: Path, count: int, seconds: float) -> list[float]:
    """Seconds of a review from before the import, and those that all cells took together.

    Args:
        folder: Where a repository is made, with a branch that changes all notebooks.
        count: How many there are.
        seconds: What the cells of each one take, half of it waiting, half of it working.
    """
    _git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / ".gitignore").write_text(".nbx/\n", encoding="utf-8")
    _write(folder, count, seconds, "before")
    _commit(folder)
    _git(folder, "checkout", "--quiet", "-b", "change")
    _write(folder, count, seconds, "after")
    _commit(folder)
    began = time.perf_counter()
    from notebook_executor import NotebookExecutor

    with NotebookExecutor(folder) as executor:
        review = executor.review("main", "change")
    taken = time.perf_counter() - began
    assert [one.executes for one in review.notebooks] == [True] * count
    own = sum(cell.duration_seconds for one in review.notebooks for cell in one.cells)
    return [taken, own]


def _write(folder: Path, count: int, seconds: float, word: str) -> None:
    for number in range(count):
        node = nbformat.v4.new_notebook()
        for source in (f"print({word!r})", _WAITING, _WORKING):
            text = source.replace("{seconds}", str(seconds / 2))
            node.cells.append(nbformat.v4.new_code_cell(text))
        nbformat.write(node, folder / f"notebook_{number}.ipynb")


def _commit(folder: Path) -> None:
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "-m", "notebooks")


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *_IDENTITY, *arguments], check=True, timeout=60)
