"""The journal of a run: a line for each step, readable whatever was cut off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from notebook_executor.execution.journal import Journal, line_of, read_journal


def _journal(folder: Path, told: list[str] | None = None) -> Journal:
    path = folder / "journal.jsonl"
    path.write_bytes(line_of({"run_id": "r"}))
    return Journal(path, pytest.fail if told is None else told.append)


def _cell(index: int, text: str) -> dict[str, Any]:
    return {"cell": index, "id": f"c{index}", "outputs": [{"text": text}]}


@pytest.mark.parametrize(
    "entry",
    [
        {"text": "line\nbreak\u2028ä"},
        {"number": float("nan"), "deep": [float("inf"), {"x": float("-inf")}]},
        {"half": "\ud83d", "key\udc80": 1},
        {"both": [float("nan"), "\ud800"]},
    ],
)
def test_each_line_of_a_journal_is_json_by_itself(tmp_path: Path, entry: dict[str, Any]) -> None:
    journal = _journal(tmp_path)
    journal.append(entry)
    journal.append({"after": True})
    journal.close()

    lines = (tmp_path / "journal.jsonl").read_bytes().split(b"\n")
    assert len(lines) == 4
    loaded = [json.loads(line, parse_constant=pytest.fail) for line in lines[:3]]
    assert loaded[0] == {"run_id": "r"}
    assert loaded[2] == {"after": True}
    assert list(loaded[1]) == list(entry)


def test_long_texts_are_journalled_as_they_are_beside_short_ones(tmp_path: Path) -> None:
    outputs = [
        {"text": 'a "quoted"\n\\ line\t\udc80' * (1 << 16), "name": "stdout"},
        {"text": "short"},
        {"data": {"text/plain": "x" * (2 << 20)}, "metadata": {}},
        {"text": "\\" * (3 << 20), "number": float("nan")},
    ]
    entry = {"cell": 0, "outputs": outputs, "status": "ok"}
    journal = _journal(tmp_path)
    journal.append(entry)
    journal.close()

    line = (tmp_path / "journal.jsonl").read_bytes().splitlines()[1]

    assert line + b"\n" == line_of(entry)
    assert json.loads(line)["outputs"][0] == outputs[0]
    assert list(json.loads(line)) == list(entry)


def test_the_last_line_of_a_cell_counts_and_what_runs_is_what_has_not_finished(
    tmp_path: Path,
) -> None:
    journal = _journal(tmp_path)
    for entry in (
        {"notebook": {"cells": []}, "selected": []},
        {"kernel": {"name": "python3"}, "language_info": {}},
        {"running": 0},
        _cell(0, "first"),
        {"running": 1},
        _cell(1, "second"),
        _cell(0, "first, later"),
        {"running": 2},
    ):
        journal.append(entry)
    journal.close()

    content = read_journal(tmp_path / "journal.jsonl")

    assert content.header == {"run_id": "r"}
    assert content.prepared is not None
    assert content.kernel["kernel"] == {"name": "python3"}
    assert {index: cell["outputs"][0]["text"] for index, cell in content.cells.items()} == {
        0: "first, later",
        1: "second",
    }
    assert (content.running, content.damaged) == (2, 0)


def test_a_journal_cut_anywhere_gives_what_was_whole(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = _journal(tmp_path)
    for index in range(3):
        journal.append({"running": index})
        journal.append(_cell(index, "ä" * index))
    journal.close()
    whole = path.read_bytes()
    ends = [position for position, byte in enumerate(whole) if byte == ord("\n")]

    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        content = read_journal(path)
        # The newline is not missed: what is before it is whole without it.
        lines = sum(length >= end for end in ends)
        finished = max(0, lines - 1) // 2
        assert list(content.cells) == list(range(finished)), length
        assert content.running == (finished if lines % 2 == 0 and lines else None), length
        torn = length - (ends[lines - 1] + 1 if lines else 0) > 0
        assert content.damaged == torn, length


def test_lines_that_are_none_are_counted_and_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"run_id": "r"}\n\xff\n[1]\n\n' + line_of(_cell(0, "x")) + b"[" * 10**6)

    content = read_journal(path)

    assert content.header == {"run_id": "r"}
    assert list(content.cells) == [0]
    assert content.damaged == 4


@pytest.mark.parametrize("entry", [{"x": object()}, {"x": b"bytes"}])
def test_a_journal_that_cannot_be_written_says_so_once(
    tmp_path: Path, entry: dict[str, Any]
) -> None:
    told: list[str] = []
    journal = _journal(tmp_path, told)

    journal.append(entry)
    journal.append({"after": True})
    journal.close()

    assert len(told) == 1
    assert "journal could not be written" in told[0]
    assert (tmp_path / "journal.jsonl").read_bytes() == b'{"run_id": "r"}\n'
