"""Outputs that are too large, not text, or not JSON: kept, told, never fatal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest

from notebook_executor import ExecutionResult, NotebookExecutor

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook

_MB = 1_000_000


def _spilled(executor: NotebookExecutor, result: ExecutionResult) -> list[Path]:
    return sorted((executor.root / ".nbx/runs" / result.run_id / "outputs").glob("*"))


@pytest.mark.parametrize(
    "source",
    [
        "print('first', 'x' * 200_000_000, 'last')",
        "print('first', end=' ')\n"
        "for _ in range(2000): print('x' * 100_000, end='')\n"
        "print(' last')",
    ],
    ids=["in one go", "in chunks"],
)
def test_two_hundred_megabytes_of_text(
    executor: NotebookExecutor, make_notebook: MakeNotebook, source: str
) -> None:
    result = executor.execute(make_notebook(source, "print('after')"), "out.ipynb")

    assert result.ok, result
    assert result.outputs_complete
    assert result.cells[1].output_preview == "after"
    assert len(result.to_json()) < 5_000
    assert len(result.for_llm()) <= 4_000
    (whole,) = _spilled(executor, result)
    assert whole.stat().st_size == 200 * _MB + len("first  last\n")
    with whole.open("rb") as file:
        assert file.read(7) == b"first x"
        file.seek(-7, 2)
        assert file.read() == b"x last\n"
    text = "".join(output.text for output in executor.read_notebook("out.ipynb").cells[0].outputs)
    assert 10 * _MB < len(text) < 11 * _MB
    assert text.startswith("first x")
    assert text.endswith("x last\n")
    assert str(whole) in text
    assert (executor.root / "out.ipynb").stat().st_size < 12 * _MB


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[NotebookExecutor]:
    with NotebookExecutor(tmp_path, config={"output_limit": 10_000}) as made:
        yield made


def test_many_small_outputs_past_the_limit_go_to_a_file(
    narrow: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    source = (
        "import sys\n"
        "for n in range(100): display({'text/plain': f'{n:03}' + 'x' * 997}, raw=True)\n"
        "print('stdout'); print('stderr', file=sys.stderr)"
    )

    result = narrow.execute(make_notebook(source, "print('next')"), "out.ipynb")

    assert result.ok, result
    assert result.outputs_complete
    outputs = narrow.read_notebook("out.ipynb").cells[0].outputs
    kept = [output.data["text/plain"] for output in outputs if output.get("data")]
    assert [text[:3] for text in kept[:10]] == [f"{n:03}" for n in range(10)]
    (note,) = [text for text in kept if "more outputs" in text]
    (whole,) = _spilled(narrow, result)
    assert str(whole) in note
    lines = [json.loads(line) for line in whole.read_text().splitlines()]
    shown = [line["data"]["text/plain"][:3] for line in lines if "data" in line]
    assert shown == [f"{n:03}" for n in range(len(kept) - 1, 100)]
    streams = [item for item in (*outputs, *lines) if item["output_type"] == "stream"]
    assert [(item["name"], item["text"]) for item in streams] == [
        ("stdout", "stdout\n"),
        ("stderr", "stderr\n"),
    ]
    assert len(json.dumps(outputs)) < 15_000
    assert result.cells[1].output_preview == "next"


def test_one_output_that_is_too_large_by_itself(
    narrow: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    source = "display({'image/png': 'A' * 40_000, 'text/plain': 'figure'}, raw=True)\nprint('end')"

    result = narrow.execute(make_notebook(source), "out.ipynb")

    assert result.ok, result
    (whole,) = _spilled(narrow, result)
    assert len(json.loads(whole.read_text())["data"]["image/png"]) == 40_000
    assert "A" * 100 not in (narrow.root / "out.ipynb").read_text()


def test_progress_bars_are_shown_as_a_terminal_shows_them(
    narrow: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    source = (
        "for n in range(101): print(f'\\r{n:3}% ' + '#' * n, end='', flush=n % 10 == 0)\nprint()"
    )

    result = narrow.execute(make_notebook(source), "out.ipynb")

    (output,) = narrow.read_notebook("out.ipynb").cells[0].outputs
    assert output.text == "100% " + "#" * 100 + "\n"
    assert _spilled(narrow, result) == []


def test_clearing_makes_room_again(narrow: NotebookExecutor, make_notebook: MakeNotebook) -> None:
    source = (
        "from IPython.display import clear_output\n"
        "for n in range(20):\n"
        "    clear_output(wait=True)\n"
        "    print(n, 'y' * 5_000)"
    )

    result = narrow.execute(make_notebook(source), "out.ipynb")

    assert result.ok, result
    (output,) = narrow.read_notebook("out.ipynb").cells[0].outputs
    assert output.text == "19 " + "y" * 5_000 + "\n"


def test_lone_surrogates_wherever_a_notebook_can_have_them(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    half = "half \ud83d"
    cells = [
        ("x = ''", "parameters"),
        "print(x == 'half \\ud83d', repr(x))",
        "import os\nos.fsdecode(b'caf\\xe9')",
        "print('printed', os.fsdecode(b'caf\\xe9'))",
        "raise ValueError('text ' + os.fsdecode(b'caf\\xe9'))",
    ]
    node = nbformat.read(make_notebook(*cells), as_version=4)
    node.cells.insert(0, nbformat.v4.new_markdown_cell(half))

    result = executor.execute(node, "out.ipynb", {"x": half}, labels={"who": half})

    assert result.error is not None
    assert result.failed_cell is not None
    assert result.failed_cell.ename == "ValueError"
    assert result.failed_cell.evalue.startswith("text caf")
    assert "True" in result.cells[2].output_preview
    assert result.parameters == {"x": "half �"}
    assert result.labels == {"who": "half �"}
    for text in (result.to_json(), str(result), result.for_llm()):
        assert text.encode("utf-8")
    assert json.loads((executor.root / "out.ipynb").read_bytes())["cells"][0]["source"] == [half]
    record = executor.root / ".nbx/runs" / result.run_id
    assert json.loads((record / "record.json").read_bytes())["run_id"] == result.run_id
    assert all(json.loads(line) for line in (record / "journal.jsonl").read_bytes().splitlines())


def test_a_lone_surrogate_in_code_is_refused_with_its_place(executor: NotebookExecutor) -> None:
    cells = [nbformat.v4.new_code_cell(source) for source in ("1", "print('\ud800')")]

    result = executor.execute(nbformat.v4.new_notebook(cells=cells), "out.ipynb")

    assert result.error is not None
    assert result.error.kind == "invalid_notebook"
    assert "cells[1]" in result.error.message
    assert not (executor.root / "out.ipynb").exists()


_RAW = "k = get_ipython().kernel\nsend = lambda kind, content: k.session.send(k.iopub_socket, kind,"
_SEND = f"{_RAW} content, parent=k.get_parent())"


def test_numbers_that_json_has_not_become_null_and_are_told(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    # Not every kernel is as careful as ipykernel: this one signs and sends what it is given.
    frames = (
        "import json\n"
        "def pack(value): return json.dumps(value, default=str).encode()\n"
        "k.session.pack = pack\n"
        "data = {'application/json': {'a': float('nan'), 'b': [float('-inf'), 1.5]}}\n"
        "send('display_data', {'data': data, 'metadata': {}})"
    )

    result = executor.execute(make_notebook(f"{_SEND}\n{frames}"), "out.ipynb")

    assert result.ok, result
    text = (executor.root / "out.ipynb").read_text()
    output = json.loads(text, parse_constant=pytest.fail)["cells"][0]["outputs"][0]
    assert output["data"]["application/json"] == {"a": None, "b": [None, 1.5]}
    assert any("not finite" in warning for warning in result.warnings)
    journal = executor.root / ".nbx/runs" / result.run_id / "journal.jsonl"
    for line in journal.read_text().splitlines():
        json.loads(line, parse_constant=pytest.fail)


@pytest.mark.parametrize(
    "message",
    [
        "'stream', {'name': 'stdout'}",
        "'stream', {'name': 'stdout', 'text': 5}",
        "'display_data', {'data': None, 'metadata': {}}",
        "'display_data', {}",
        "'execute_result', {'data': {'text/plain': ['a', 'b']}, 'metadata': {}}",
        "'comm_msg', {}",
        "'comm_open', {'comm_id': 'c', 'target_name': 'jupyter.widget', 'data': {'state': 5}}",
        "'error', {'ename': 'E'}",
        "'clear_output', {}",
        "'no_such_type', {'x': 1}",
        "'update_display_data', {'transient': {'display_id': 'd'}}",
    ],
)
def test_messages_that_are_no_messages_do_not_end_a_run(
    executor: NotebookExecutor, make_notebook: MakeNotebook, message: str
) -> None:
    path = make_notebook(f"{_SEND}\nsend({message})", "print('went on')")

    result = executor.execute(path, "out.ipynb")

    assert result.error is None or result.error.kind == "cell_error", result
    assert (executor.root / "out.ipynb").exists()
    nbformat.validate(executor.read_notebook("out.ipynb"))


def test_scraps_and_outputs_of_any_depth_are_survived(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    nest = "x = 1\nfor _ in range({depth}): x = [x]\n"
    scrap = "{'application/scrapbook.scrap.json+json': "
    scrap += "{'name': 'deep', 'data': x, 'encoder': 'json', 'version': 1}}"
    path = make_notebook(
        nest.format(depth=300) + f"display({scrap}, raw=True)",
        nest.format(depth=900) + "display({'application/json': x}, raw=True)",
        "print('went on')",
    )

    result = executor.execute(path, "out.ipynb")

    assert result.error is None or result.error.kind != "internal", result
    assert result.to_json()
    assert (executor.root / ".nbx/runs" / result.run_id / "record.json").exists()
    assert (executor.root / "out.ipynb").exists()
