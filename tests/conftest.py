"""What every test shares: a project to run in, and proof that nothing is left behind."""

from __future__ import annotations

import gc
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sized
from pathlib import Path
from typing import Any, Protocol, TypeVar

import nbformat
import psutil
import pytest
from hypothesis import settings

from notebook_executor import NotebookExecutor
from tests.dispositions import restore_dispositions

# Here and not in a fixture: the workers of xdist import this, too.
restore_dispositions()

# How long an example takes says something of the machine, and nothing of what is tested; and a
# change is judged by the same examples as the one before. For others: --hypothesis-profile=search.
settings.register_profile("same examples", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None)
settings.load_profile("same examples")

_PATIENCE = 60.0
_KERNELSPEC = {"name": "python3", "display_name": "Python 3", "language": "python"}
_Found = TypeVar("_Found", bound=Sized)
_leaked: set[psutil.Process] = set()


@pytest.fixture(scope="session", autouse=True)
def own_temporary_directory() -> Iterator[Path]:
    """Keep this session's private directories apart from those of others on the machine."""
    with tempfile.TemporaryDirectory(prefix="t", dir="/tmp") as made:
        before = os.environ.get("TMPDIR")
        os.environ["TMPDIR"] = made
        tempfile.tempdir = None
        yield Path(made)
        tempfile.tempdir = None
        if before is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = before


@pytest.fixture(autouse=True)
def nothing_left_behind(own_temporary_directory: Path) -> Iterator[None]:
    """Fail a test that leaves a process, a thread, a descriptor or a private directory."""
    place = own_temporary_directory
    descriptors, directories = _descriptors(), _private_directories(place)
    threads = set(threading.enumerate())
    yield
    if psutil.Process().children() or _descriptors() - descriptors:
        # What a test forgot to close is closed when it is collected.
        gc.collect()
    left = _settled(lambda: _new(psutil.Process().children(recursive=True)))
    _leaked.update(left)
    assert not left, f"processes left: {[_described(process) for process in left]}"
    marked = _settled(lambda: _new(_marked_processes(place)))
    _leaked.update(marked)
    assert not marked, f"processes of kernels left: {[_described(process) for process in marked]}"
    running = _settled(lambda: _own_threads() - threads)
    assert not running, f"threads left: {running}"
    opened = _settled(lambda: _descriptors() - descriptors)
    assert not opened, f"descriptors left: {opened}"
    stray = _settled(lambda: _private_directories(place) - directories)
    assert not stray, f"directories left: {stray}"


def _settled(look: Callable[[], _Found]) -> _Found:
    """Look again, for a while, until nothing is found: what is dying takes a moment."""
    deadline = time.monotonic() + _PATIENCE
    found = look()
    while found and time.monotonic() < deadline:
        time.sleep(0.01)
        found = look()
    return found


def _new(found: list[psutil.Process]) -> list[psutil.Process]:
    """Those that no earlier test has failed for."""
    return [process for process in found if process not in _leaked]


def _marked_processes(place: Path) -> list[psutil.Process]:
    """Processes that carry the mark of a kernel of this session, wherever they went."""
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except psutil.Error:
            continue
        if environment.get("TMPDIR") == str(place) and "NBX_LEASE" in environment:
            found.append(process)
    return found


def _own_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("nbx-")}


def _descriptors() -> set[str]:
    """Open sockets, pipes and files of this process; where they point, not their numbers."""
    found = set()
    for link in list(Path("/proc/self/fd").iterdir()):
        try:
            target = str(link.readlink())
        except OSError:
            continue
        if not target.startswith(("/dev/", "/proc/")):
            found.add(target)
    return found


def _private_directories(place: Path) -> set[str]:
    return {str(path) for path in place.glob("nbx-*")}


def _described(process: psutil.Process) -> str:
    try:
        return f"{process.pid} {' '.join(process.cmdline())[:200]}"
    except psutil.Error:
        return str(process.pid)


class MakeNotebook(Protocol):
    def __call__(self, *cells: Any, name: str = "notebook.ipynb", **metadata: Any) -> Path: ...


@pytest.fixture
def make_notebook(tmp_path: Path) -> MakeNotebook:
    """Write a notebook: a str is a code cell, a tuple (source, tag, …) a tagged one."""

    def make(*cells: Any, name: str = "notebook.ipynb", **metadata: Any) -> Path:
        node = nbformat.v4.new_notebook(metadata={"kernelspec": _KERNELSPEC, **metadata})
        for number, cell in enumerate(cells):
            node.cells.append(_new_cell(number, cell))
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(node, path)
        return path

    return make


def _new_cell(number: int, cell: Any) -> nbformat.NotebookNode:
    if isinstance(cell, nbformat.NotebookNode):
        return cell
    source, *tags = (cell,) if isinstance(cell, str) else cell
    made: nbformat.NotebookNode = nbformat.v4.new_code_cell(source, id=f"cell-{number}")
    if tags:
        made.metadata["tags"] = tags
    return made


@pytest.fixture
def executor(tmp_path: Path) -> Iterator[NotebookExecutor]:
    with NotebookExecutor(tmp_path) as made:
        yield made
