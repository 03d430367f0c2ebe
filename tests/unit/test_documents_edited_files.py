"""What becomes of the files that are edited: odd ones, several editors at once, other programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from notebook_executor.documents import replacing
from notebook_executor.documents.editing import edit_notebook
from notebook_executor.documents.reading import read_notebook
from notebook_executor.errors import DocumentError
from tests.conftest import MakeNotebook

ROOT = Path(__file__).parents[2]


def sources(path: Path) -> list[str]:
    return [cell.source for cell in read_notebook(path).cells]


def test_a_notebook_of_version_3_is_not_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "old.ipynb"
    cell = {"cell_type": "code", "input": "1", "outputs": [], "language": "python"}
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": [cell]}]}
    path.write_text(json.dumps(old))

    with pytest.raises(DocumentError, match="nbformat 4") as caught:
        edit_notebook(path, {"op": "delete", "cell": 0})

    assert caught.value.details["code"] == "old_format"
    assert json.loads(path.read_text()) == old


def test_faults_that_were_there_do_not_prevent_an_edit(make_notebook: MakeNotebook) -> None:
    path = make_notebook("a", "b")
    content = json.loads(path.read_text())
    content["cells"][0]["unknown"] = content["cells"][1]["unknown"] = 1
    path.write_text(json.dumps(content))

    edit_notebook(path, {"op": "replace_source", "cell": 0, "source": "A"})

    assert sources(path) == ["A", "b"]


def test_files_that_cannot_be_edited_are_named(tmp_path: Path, make_notebook: MakeNotebook) -> None:
    os.mkfifo(tmp_path / "pipe.ipynb")
    read_only = make_notebook("a", name="read-only.ipynb")
    read_only.chmod(0o444)
    edit = {"op": "replace_source", "cell": 0, "source": "A"}

    for name, said in (("no.ipynb", "does not exist"), ("pipe.ipynb", "not a file"), (".", "dir")):
        with pytest.raises(DocumentError, match=said):
            edit_notebook(tmp_path / name, edit)
    if os.geteuid() != 0:  # root may write what is read-only
        with pytest.raises(DocumentError, match="read-only"):
            edit_notebook(read_only, edit)


def test_edits_at_once_are_all_done(make_notebook: MakeNotebook) -> None:
    path = make_notebook("0")
    program = f"""
from tests.unit.test_documents_edited_files import append
import pathlib, sys
append(pathlib.Path({str(path)!r}), sys.argv[1])
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program, "p"], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    threads = [threading.Thread(target=append, args=(path, name)) for name in ("t", "u")]

    for thread in threads:
        thread.start()
    _, said = process.communicate(timeout=60)
    for thread in threads:
        thread.join(60)

    assert (process.returncode, said) == (0, "")
    assert sorted(sources(path)) == sorted(["0", *(f"{n}{i}" for n in "ptu" for i in range(4))])
    assert list(path.parent.iterdir()) == [path]


def append(path: Path, name: str) -> None:
    for number in range(4):
        edit_notebook(path, {"op": "append", "source": f"{name}{number}", "id": f"{name}{number}"})


def test_what_others_write_meanwhile_is_not_lost(
    make_notebook: MakeNotebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_notebook("a", "b")
    other = [path.read_bytes().replace(b'"b"', b'"saved by JupyterLab"')]
    write = replacing.Replacing.write

    def late(self: replacing.Replacing, data: bytes) -> None:
        if other:
            path.write_bytes(other.pop())
        write(self, data)

    monkeypatch.setattr(replacing.Replacing, "write", late)
    edit_notebook(path, {"op": "replace_source", "cell": 0, "source": "A"})

    assert sources(path) == ["A", "saved by JupyterLab"]
