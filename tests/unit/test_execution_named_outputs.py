"""Scraps and files: read from notebooks, kept beside records, joined to tables."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from notebook_executor import NotebookExecutor
from notebook_executor.errors import DocumentError, UsageError
from notebook_executor.execution.named_outputs import keep_payloads, read_scraps
from notebook_executor.references import Payload
from notebook_executor.scraps.collecting import CollectedScraps


def scrap(name: str, data: Any, encoder: str = "json") -> dict[str, Any]:
    payload = {"name": name, "data": data, "encoder": encoder, "version": 1}
    mime = f"application/scrapbook.scrap.{encoder}+json"
    return {"output_type": "display_data", "data": {mime: payload}, "metadata": {}}


def write(path: Path, *outputs: Any, **changed: Any) -> Path:
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": "", "outputs": outputs}
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, **changed}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": [{**cell, "execution_count": 1}], **document}))
    return path


def collected(**payloads: Payload) -> CollectedScraps:
    values: dict[str, Any] = {name: {"$scrap": "display", "path": None} for name in payloads}
    return CollectedScraps(values, (), payloads)


def test_files_are_named_after_scraps(tmp_path: Path) -> None:
    names = ["plot", "Größe/x", "größe x", "../../up", "..", "a" * 300]
    found = collected(**{name: Payload(".json", "{}", base64=False) for name in names})

    assert keep_payloads(found, tmp_path / "new") == []

    kept = [Path(found.values[name]["path"]) for name in names]
    assert {path.parent for path in kept} == {tmp_path / "new"}
    assert [path.name for path in kept] == [
        "plot.json",
        "Größe_x.json",
        "größe_x-2.json",
        "_.._up.json",
        "scrap.json",
        "a" * 60 + ".json",
    ]
    assert all(path.read_text() == "{}" for path in kept)


def test_what_cannot_be_kept_has_no_path(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = collected(x=Payload(".png", "AAAA"))

    (warning,) = keep_payloads(found, tmp_path / "file")

    assert warning.startswith("The data of scrap 'x' could not be kept in ")
    assert found.values["x"]["path"] is None
    assert keep_payloads(found, None) == []


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"cells": [{"cell_type": "markdown", "source": "", "metadata": {}}]},
        {"nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": []}]},
        {"cells": [{"cell_type": "code", "source": "x"}]},
    ],
)
def test_files_are_read_as_notebooks_are(
    changed: dict[str, Any], executor: NotebookExecutor, tmp_path: Path
) -> None:
    from notebook_executor.scraps.collecting import collect_scraps

    path = write(tmp_path / "a.ipynb", scrap("a", [1]), scrap("a", 2), scrap("b", "x"), **changed)

    assert read_scraps(path) == collect_scraps(executor.read_notebook(path)).values


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"nbformat": 4}', '{"nbformat": 4, "cells": 5}', '{"nbformat": 9}', "\xff"],
)
def test_what_is_no_notebook_is_told(
    content: str, executor: NotebookExecutor, tmp_path: Path
) -> None:
    (tmp_path / "a.ipynb").write_bytes(content.encode("latin-1"))

    with pytest.raises(DocumentError):
        executor.collect_outputs("a.ipynb")
    with pytest.raises(DocumentError, match="does not exist"):
        executor.collect_outputs("b.ipynb")


def test_a_table_has_a_row_for_each_notebook(executor: NotebookExecutor, tmp_path: Path) -> None:
    write(tmp_path / "runs" / "b.ipynb", scrap("score", 0.5), scrap("who", "x", "text"))
    write(tmp_path / "runs" / "deep" / "a.ipynb", scrap("score", 0.7), scrap("rows", [{"a": 1}]))
    write(tmp_path / "runs" / ".ipynb_checkpoints" / "b.ipynb", scrap("score", 9))
    write(tmp_path / "runs" / "none.ipynb")
    folder, glob = executor.collect_table("runs"), executor.collect_table("runs/**/*.ipynb")
    absolute = executor.collect_table(str(tmp_path / "runs/*.ipynb"))

    assert list(glob.columns) == ["path", "scraps.score", "scraps.who", "scraps.rows"]
    assert list(glob["path"]) == [
        os.path.join("runs", "b.ipynb"),  # noqa: PTH118 - as the system writes paths
        os.path.join("runs", "deep", "a.ipynb"),  # noqa: PTH118
        os.path.join("runs", "none.ipynb"),  # noqa: PTH118
    ]
    assert glob["scraps.score"].tolist()[:2] == [0.5, 0.7]
    assert glob["scraps.score"].dtype == float
    assert glob["scraps.rows"][1] == [{"a": 1}]
    assert folder.equals(glob)
    assert absolute["scraps.score"].tolist()[0] == 0.5


def test_a_table_says_which_file_is_no_notebook(executor: NotebookExecutor, tmp_path: Path) -> None:
    write(tmp_path / "a.ipynb", scrap("score", 1))
    (tmp_path / "b.ipynb").write_text("{")

    table = executor.collect_table("*.ipynb")

    assert list(table.columns) == ["path", "error", "scraps.score"]
    assert "not JSON" in table["error"][1]
    assert executor.collect_table("none/*.ipynb").columns.tolist() == ["path"]


def test_a_table_needs_pandas(executor: NotebookExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)

    with pytest.raises(UsageError, match=r"notebook_executor\[tables\]"):
        executor.collect_table("*.ipynb")
