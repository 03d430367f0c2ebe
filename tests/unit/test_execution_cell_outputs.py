"""What one cell may keep: everything past the limit goes to files, and errors stay visible."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

from notebook_executor.execution.outputs import CellOutputs
from notebook_executor.execution.spilling import SpillPlace


@pytest.fixture
def outputs(tmp_path: Path) -> CellOutputs:
    cell = nbformat.v4.new_code_cell("", id="c")
    return CellOutputs(0, cell, SpillPlace(tmp_path, 1000))


def _shown(text: str) -> nbformat.NotebookNode:
    made: nbformat.NotebookNode = nbformat.v4.new_output("display_data", data={"text/plain": text})
    return made


def test_an_update_that_is_too_large_goes_to_a_file_and_the_next_one_comes_back(
    outputs: CellOutputs, tmp_path: Path
) -> None:
    shown = _shown("small")
    assert outputs.add_rich(shown)

    outputs.update(shown, _shown("x" * 5000))
    aside = shown.data["text/plain"]
    outputs.update(shown, _shown("small again"))

    assert aside == f"[an output of 5,000 characters is in {tmp_path / '0000-c.jsonl'}]"
    assert json.loads((tmp_path / "0000-c.jsonl").read_text())["data"]["text/plain"] == "x" * 5000
    assert outputs.cell.outputs[0].data["text/plain"] == "small again"
    assert not outputs.lost


def test_many_outputs_past_the_limit_are_one_note_and_lines_of_a_file(
    outputs: CellOutputs, tmp_path: Path
) -> None:
    assert outputs.add_rich(_shown("x" * 999))
    for number in range(500):
        assert not outputs.add_rich(_shown(f"{number:10}"))

    lines = (tmp_path / "0000-c.jsonl").read_text().splitlines()
    assert len(lines) == 500
    first, note = outputs.cell.outputs
    assert first.data["text/plain"] == "x" * 999
    assert note.data["text/plain"].startswith("[500 more outputs, 5,000 characters, are in ")


def test_an_error_is_shown_however_full_the_cell_is(outputs: CellOutputs) -> None:
    outputs.add_stream("stdout", "x" * 3000)
    error = nbformat.v4.new_output("error", ename="E", evalue="v", traceback=["t" * 50])

    assert outputs.add_rich(error)
    outputs.finish()

    assert [output.output_type for output in outputs.cell.outputs] == ["stream", "error"]


def test_what_comes_after_the_end_of_a_cell_is_kept_whole(
    outputs: CellOutputs, tmp_path: Path
) -> None:
    outputs.add_stream("stdout", "a" * 1500)
    outputs.finish()
    outputs.add_stream("stdout", "late")
    outputs.finish()

    assert outputs.cell.outputs[0].text.endswith("alate")
    assert (tmp_path / "0000-c-1.stdout.txt").read_text() == "a" * 1500 + "late"
