"""The notebooks that are measured."""

from __future__ import annotations

from pathlib import Path

import nbformat

_KERNELSPEC = {"name": "python3", "display_name": "Python 3", "language": "python"}
# Waits until all of them are there, tells its own share of memory, and stays until all have.
_RENDEZVOUS = """
import os, pathlib, re, time
def meet(stage):
    place = pathlib.Path({place!r}, stage)
    place.mkdir(exist_ok=True)
    (place / {name!r}).touch()
    while len(list(place.iterdir())) < {count}:
        time.sleep(0.01)
meet("here")
time.sleep(0.3)
share = re.search(r"^Pss: +([0-9]+)", pathlib.Path("/proc/self/smaps_rollup").read_text(), re.M)
print(share[1])
meet("told")
"""


def write_two_cells(folder: Path) -> Path:
    """Two cells: an assignment, and a print of it."""
    return _write(folder / "two_cells.ipynb", ["x = 1", "print(x)"])


def write_printing_cells(folder: Path, count: int, size: int = 1000) -> Path:
    """Cells that print ``size`` characters each."""
    return _write(folder / f"{count}_cells_{size}.ipynb", [f"print('x' * {size})"] * count)


def write_printing_loop(folder: Path, size: int) -> Path:
    """One cell that prints ``size`` characters, a thousand at a time."""
    source = f"for _ in range({size // 1000}):\n    print('x' * 999)"
    return _write(folder / f"loop_{size}.ipynb", [source])


def write_meeting(folder: Path, name: str, count: int) -> Path:
    """A notebook that waits for ``count`` of its kind, and prints its kernel's PSS in KiB."""
    source = _RENDEZVOUS.format(place=str(folder), name=name, count=count)
    return _write(folder / f"meeting_{name}.ipynb", [source])


def _write(path: Path, sources: list[str]) -> Path:
    node = nbformat.v4.new_notebook(metadata={"kernelspec": _KERNELSPEC})
    node.metadata["language_info"] = {"name": "python"}
    node.cells = [
        nbformat.v4.new_code_cell(source, id=f"cell-{number}")
        for number, source in enumerate(sources)
    ]
    nbformat.write(node, path)
    return path
