"""Writing files: the old one or the whole new one, whatever happens."""

from __future__ import annotations

import contextlib
import copy
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from notebook_executor.documents.reading import read_notebook
from notebook_executor.documents.writing import (
    check_writable,
    serialise,
    write_bytes,
    write_notebook,
)
from notebook_executor.errors import DocumentError

ROOT = Path(__file__).parents[2]


def notebook() -> nbformat.NotebookNode:
    shown = {"output_type": "display_data", "data": {"text/plain": "a\nb\n"}, "metadata": {}}
    code = {"cell_type": "code", "id": "a", "source": "x", "metadata": {}, "outputs": [shown]}
    cells = [{**code, "execution_count": None}]
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    made: nbformat.NotebookNode = nbformat.from_dict(content)
    return made


def test_write_notebook_makes_folders_and_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "a.ipynb"
    nb = notebook()

    write_notebook(nb, path)

    assert read_notebook(path) == nb
    assert path.read_bytes() == serialise(nb)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"cells": [{"cell_type": "code"}]}, "cells[0]"),
        ({"metadata": {"kernelspec": {"name": "x"}}}, "metadata.kernelspec"),
        ({"nbformat": 3}, "nbformat"),
        ({"cells": [*notebook().cells, *notebook().cells]}, "cells[1].id"),
    ],
)
def test_an_invalid_notebook_leaves_the_file_alone(
    tmp_path: Path, change: dict[str, Any], place: str
) -> None:
    path = tmp_path / "a.ipynb"
    path.write_bytes(b"before")
    nb = notebook()
    nb.update(copy.deepcopy(change))
    given = copy.deepcopy(nb)

    with pytest.raises(DocumentError, match="not valid") as caught:
        write_notebook(nb, path)

    assert caught.value.details["kind"] == "invalid_notebook"
    assert caught.value.details["place"] == place
    assert nb == given
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [
        ("a.ipynb", b"before")
    ]


def pieces_that_break() -> Iterator[bytes]:
    yield b"half"
    raise KeyboardInterrupt


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    path.write_bytes(b"before")

    with pytest.raises(KeyboardInterrupt):
        write_bytes(pieces_that_break(), path)

    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_never_sees_a_part(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    path.write_bytes(b"before")
    seen = []

    def pieces() -> Iterator[bytes]:
        for _ in range(3):
            seen.append(path.read_bytes())
            yield b"after" * 100_000

    write_bytes(pieces(), path)

    assert seen == [b"before"] * 3
    assert path.read_bytes() == b"after" * 300_000


def test_no_room_for_the_file_leaves_the_old_one(tmp_path: Path) -> None:
    """A limit on file sizes stands for the full disk: the kernel refuses the write alike."""
    path = tmp_path / "a.ipynb"
    path.write_bytes(b"before")
    code = (
        "import resource, sys\n"
        "from notebook_executor.documents.writing import write_bytes\n"
        "from notebook_executor.errors import DocumentError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n"
        "    write_bytes(b'x' * 5000, sys.argv[1])\n"
        "except DocumentError as error:\n"
        "    print(error.details['kind'], error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", code, str(path)],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip

    assert done.stdout.startswith("output_error ")
    assert "cannot be written: File too large (A limit on the size" in done.stdout
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


@contextlib.contextmanager
def ordinary_user(folder: Path) -> Iterator[None]:
    """Root may write anywhere: act as somebody else, who owns the folder."""
    if os.geteuid() != 0:
        yield
        return
    os.chown(folder, 65534, 65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder that other users can reach, as pytest's own cannot be."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        yield Path(name)


def test_a_folder_without_permission(shared_folder: Path) -> None:
    with ordinary_user(shared_folder):
        shared_folder.chmod(0o500)
        with pytest.raises(DocumentError, match="Permission denied") as caught:
            check_writable(shared_folder / "a.ipynb")
        shared_folder.chmod(0o700)

    assert caught.value.details["kind"] == "output_error"
    assert "permissions" in caught.value.hint


def test_a_read_only_file_is_not_replaced(shared_folder: Path) -> None:
    path = shared_folder / "reference.ipynb"
    with ordinary_user(shared_folder):
        path.write_bytes(b"before")
        path.chmod(0o444)
        with pytest.raises(DocumentError, match="read-only"):
            check_writable(path)
        with pytest.raises(DocumentError, match="read-only"):
            write_bytes(b"after", path)

    assert path.read_bytes() == b"before"


UNWRITABLE: dict[str, Callable[[Path], Path]] = {
    "its folder is a file": lambda folder: folder / "file" / "a.ipynb",
    "a folder": lambda folder: folder / "folder",
    "a pipe": lambda folder: folder / "pipe",
    "a device": lambda folder: Path("/dev/null"),
    "a file system that takes no files": lambda folder: Path("/proc/a.ipynb"),
    "a folder that cannot be made": lambda folder: Path("/proc/deep/a.ipynb"),
    "too long": lambda folder: folder / ("x" * 300),
    "a null byte": lambda folder: folder / "a\0b",
    "a loop of links": lambda folder: folder / "loop",
}


@pytest.mark.parametrize("case", UNWRITABLE)
def test_a_place_that_cannot_be_written(tmp_path: Path, case: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    path = UNWRITABLE[case](tmp_path)
    before = sorted(tmp_path.rglob("*"))

    for attempt in (check_writable, lambda target: write_notebook(notebook(), target)):
        with pytest.raises(DocumentError, match="cannot be written: ") as caught:
            attempt(path)

        assert caught.value.details["kind"] == "output_error"
        assert caught.value.hint
    assert sorted(tmp_path.rglob("*")) == before
    assert Path("/dev/null").is_char_device()


def test_check_writable_makes_folders_and_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "old.ipynb").write_bytes(b"before")

    check_writable(tmp_path / "old.ipynb")
    check_writable(tmp_path / "runs" / "deep" / "a.ipynb")

    assert (tmp_path / "old.ipynb").read_bytes() == b"before"
    assert list((tmp_path / "runs" / "deep").iterdir()) == []


def test_a_new_file_has_the_mode_that_the_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_bytes(b"x", tmp_path / "a")
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_a_replaced_file_keeps_its_mode_and_its_link(tmp_path: Path) -> None:
    target, link = tmp_path / "a", tmp_path / "link"
    target.write_bytes(b"before")
    target.chmod(0o604)
    link.symlink_to(target)

    write_bytes(b"after", link)

    assert link.is_symlink()
    assert target.read_bytes() == b"after"
    assert stat.S_IMODE(target.stat().st_mode) == 0o604


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: only root can give a file to others")
def test_a_replaced_file_keeps_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"before")
    os.chown(path, 1234, 2345)

    write_bytes(b"after", path)

    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 2345)
