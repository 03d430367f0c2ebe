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

# In turns, so that what disturbs the machine disturbs both: a call, and a line to a bare echo.
_CALLS = """
import json, socket, statistics, threading, time
from hermes_runtime import call
bare = socket.socket(socket.AF_UNIX)
bare.connect({address!r})
line = b"x" * {size} + b"\\n"
def echo():
    bare.sendall(line)
    while not bare.recv(65536).endswith(b"\\n"):
        pass
def tool():
    call("echo", text="x")
def seconds(function):
    began = time.perf_counter()
    function()
    return time.perf_counter() - began
def repeat(times):
    for _ in range(times):
        tool()
repeat(20)
pairs = [(seconds(tool), seconds(echo)) for _ in range({count})]
threads = [threading.Thread(target=repeat, args=({count},)) for _ in range({threads})]
began = time.perf_counter()
for thread in threads: thread.start()
for thread in threads: thread.join()
rate = {threads} * {count} / (time.perf_counter() - began)
print(json.dumps([*map(statistics.median, zip(*pairs)), rate]))
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


def write_calls(folder: Path, address: str, count: int, threads: int) -> Path:
    """Prints seconds of a call of ``echo``, of a bare echo, and calls a second from threads.

    Args:
        folder: Where it is written.
        address: The Unix socket of the bare echo.
        count: So many of each, and so many calls by each thread.
        threads: How many call at a time.
    """
    # As long as the line of such a call.
    source = _CALLS.format(address=address, size=250, count=count, threads=threads)
    return _write(folder / "calls.ipynb", [source])


def _write(path: Path, sources: list[str]) -> Path:
    node = nbformat.v4.new_notebook(metadata={"kernelspec": _KERNELSPEC})
    node.metadata["language_info"] = {"name": "python"}
    node.cells = [
        nbformat.v4.new_code_cell(source, id=f"cell-{number}")
        for number, source in enumerate(sources)
    ]
    nbformat.write(node, path)
    return path
