"""The notebooks that are measured."""

from __future__ import annotations

from pathlib import Path

import nbformat

_KERNELSPEC = {"name": "python3", "display_name": "Python 3", "language": "python"}


def write_two_cells(folder: Path) -> Path:
    """Two cells: an assignment, and a print of it."""
    return _write(folder / "two_cells.ipynb", ["x = 1", "print(x)"])


def write_printing_cells(folder: Path, count: int, size: int = 1000) -> Path:
    """Cells that print ``size`` characters each."""
    return _write(folder / f"{count}_cells.ipynb", [f"print('x' * {size})"] * count)


def _write(path: Path, sources: list[str]) -> Path:
    node = nbformat.v4.new_notebook(metadata={"kernelspec": _KERNELSPEC})
    node.metadata["language_info"] = {"name": "python"}
    node.cells = [
        nbformat.v4.new_code_cell(source, id=f"cell-{number}")
        for number, source in enumerate(sources)
    ]
    nbformat.write(node, path)
    return path
