"""Outputs name the files of a run by where they are in the project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest

from notebook_executor.documents.relocating import relocate_outputs


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("/t/x/a/b.py:3: UserWarning", "a/b.py:3: UserWarning"),
        ("in /t/x", "in ."),
        ("'/t/x'", "'.'"),
        ("/t/x/", ""),
        ("/t/xyz and /t/x-1 and /t/x.py", "/t/xyz and /t/x-1 and /t/x.py"),
        ("/t/x/a:/t/x/b", "a:b"),
        (["/t/x/a\n", "/t/x/b"], ["a\n", "b"]),
        ({"path": "/t/x/a", "n": [1, None]}, {"path": "a", "n": [1, None]}),
    ],
)
def test_paths_become_relative(given: Any, expected: Any) -> None:
    output = nbformat.v4.new_output("display_data", {"application/json": given})
    cell = nbformat.v4.new_code_cell("x = '/t/x/a'", outputs=[output])
    notebook = nbformat.v4.new_notebook(cells=[cell, nbformat.v4.new_markdown_cell("/t/x/a")])

    relocate_outputs(notebook, "/t/x")

    assert cell.outputs[0].data["application/json"] == expected
    assert cell.source == "x = '/t/x/a'"
    assert notebook.cells[1].source == "/t/x/a"


def test_also_by_the_name_that_links_lead_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    outputs = [
        nbformat.v4.new_output("stream", text=f"{tmp_path}/real/a {tmp_path}/link/b"),
        nbformat.v4.new_output(
            "error", ename="E", evalue=f"{tmp_path}/link", traceback=[f"{tmp_path}/real/c"]
        ),
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("", outputs=outputs)])

    relocate_outputs(notebook, tmp_path / "link")

    assert outputs[0].text == "a b"
    assert (outputs[1].evalue, outputs[1].traceback) == (".", ["c"])
