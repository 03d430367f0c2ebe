"""The output notebook: where it may go, when it is written, and what survives if it cannot be."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest

from notebook_executor import NotebookExecutor
from notebook_executor.documents.writing import serialise
from notebook_executor.execution.records import find_record

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    "output",
    ["file/out.ipynb", "folder", ".", "/proc/out.ipynb", "/dev/null", "a\0b", "x" * 300 + ".ipynb"],
)
def test_an_output_that_cannot_be_written_is_refused_before_anything_runs(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path, output: str
) -> None:
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder").mkdir()
    path = make_notebook("open('ran', 'w').close()")
    before = sorted(tmp_path.rglob("*"))
    kinds: list[str] = []

    result = executor.execute(path, output, on_event=lambda event: kinds.append(event.kind))

    assert result.error is not None
    assert result.error.kind == "output_error"
    assert result.error.hint
    assert "kernel_ready" not in kinds
    assert result.output_path is None
    after = [path for path in sorted(tmp_path.rglob("*")) if ".nbx" not in path.parts]
    assert after == before
    assert (tmp_path / "file").read_text() == "kept"


def test_an_output_that_becomes_unwritable_is_rescued_into_the_record(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    vandal = "import shutil\nshutil.rmtree('out')\nopen('out', 'w').close()"
    path = make_notebook("print('precious')", vandal, "print('later')")

    result = executor.execute(path, "out/done.ipynb")

    assert result.error is not None
    assert result.error.kind == "output_error"
    assert "out/done.ipynb" in result.error.message
    assert [cell.status for cell in result.cells] == ["ok", "ok", "ok"]
    assert result.notebook is not None
    assert result.notebook.cells[2].outputs[0].text == "later\n"
    rescued = nbformat.read(str(result.output_path), as_version=4)
    assert Path(str(result.output_path)).is_relative_to(tmp_path / ".nbx")
    assert rescued.cells[0].outputs[0].text == "precious\n"
    assert rescued.cells[2].outputs[0].text == "later\n"
    assert (tmp_path / "out").read_bytes() == b""


def test_a_failed_cell_is_the_error_though_the_output_is_unwritable_too(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    vandal = "import shutil\nshutil.rmtree('out')\nopen('out', 'w').close()\n1 / 0"

    result = executor.execute(make_notebook("print('precious')", vandal), "out/done.ipynb")

    assert result.error is not None
    assert result.failed_cell is not None
    assert result.failed_cell.ename == "ZeroDivisionError"
    assert result.notebook is not None
    assert "ZeroDivisionError" in Path(str(result.output_path)).read_text()


def test_an_old_output_is_replaced_whole_or_not_at_all(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    make_notebook("print('a'); 1 / 0", name="first.ipynb")
    make_notebook(("x = 1", "parameters"), name="second.ipynb")

    first = executor.execute("first.ipynb", "out.ipynb")
    kept = (tmp_path / "out.ipynb").read_bytes()
    refused = executor.execute("second.ipynb", "out.ipynb", {"y": 1})
    untouched = (tmp_path / "out.ipynb").read_bytes()
    second = executor.execute("second.ipynb", "out.ipynb", {"x": 2})

    assert (first.status, refused.status, second.status) == ("error", "error", "success")
    assert untouched == kept
    written = executor.read_notebook("out.ipynb")
    assert [cell.source for cell in written.cells] == ["x = 1", "# Parameters\nx = 2\n"]
    assert _names(tmp_path) == [".nbx", "first.ipynb", "out.ipynb", "second.ipynb"]


def test_a_reader_never_sees_half_a_file_and_sees_finished_cells(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    """One thread reads all the time; a cell goes on once the one before was seen in the file."""
    seen: list[int] = []
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            if (tmp_path / "out.ipynb").exists():
                node = json.loads((tmp_path / "out.ipynb").read_bytes())
                seen.append(sum(bool(cell["outputs"]) for cell in node["cells"]))
                (tmp_path / f"seen-{seen[-1]}").touch()

    waits = "import os, time\nwhile not os.path.exists('seen-{}'): time.sleep(0.01)\n"
    cells = [waits.format(number) + "print('x' * 3_000_000)" for number in range(4)]
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        try:
            result = executor.execute(make_notebook(*cells), "out.ipynb")
        finally:
            over.set()
        reading.result()

    assert result.ok, result
    assert seen == sorted(seen)
    assert {0, 1, 2, 3} <= set(seen)


def test_a_running_cell_shows_what_it_has_printed_so_far(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    shown: list[str] = []

    def read() -> None:
        while not shown:
            if (tmp_path / "out.ipynb").exists():
                (cell,) = json.loads((tmp_path / "out.ipynb").read_text())["cells"]
                shown.extend("".join(output["text"]) for output in cell["outputs"])
        (tmp_path / "shown").touch()

    source = (
        "import os, time\nprint('first', flush=True)\n"
        "while not os.path.exists('shown'): time.sleep(0.01)\nprint('second')"
    )
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        result = executor.execute(make_notebook(source), "out.ipynb")
        reading.result()

    assert result.ok, result
    assert shown == ["first\n"]


_LATE = (
    "import asyncio\nfrom IPython.display import display\ngo = asyncio.Event()\n"
    "async def work():\n    await go.wait()\n    print('late')\n"
    "task = asyncio.create_task(work())\nhandle = display('old', display_id=True)"
)


@pytest.mark.parametrize("last", ["print('on')", "1 / 0"], ids=["to the end", "until one fails"])
def test_what_comes_late_for_a_cell_that_was_written_already_is_in_the_file(
    executor: NotebookExecutor, make_notebook: MakeNotebook, last: str
) -> None:
    path = make_notebook(
        _LATE,
        "print('between')",
        ("1 / 0", "raises-exception"),
        "handle.update('new')\ngo.set()\nawait task",
        "print('x' * 100_000)",
        last,
        "'never or last'",
    )

    result = executor.execute(path, "out.ipynb")

    assert result.notebook is not None
    late = json.dumps(result.notebook.cells[0].outputs)
    assert "late" in late
    assert "'new'" in late
    assert Path(str(result.output_path)).read_bytes() == serialise(result.notebook)


@pytest.mark.parametrize("as_object", [False, True])
def test_the_default_output_lies_in_runs_under_the_notebooks_name(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path, as_object: bool
) -> None:
    path = make_notebook("1", name="deep/my.report.ipynb")

    result = executor.execute(nbformat.read(path, as_version=4) if as_object else path)

    folder = "notebook" if as_object else "deep/my.report"
    assert result.output_path == str(tmp_path / "runs" / folder / f"{result.run_id}.ipynb")
    assert Path(result.output_path).exists()
    assert result.input_path == (None if as_object else str(path))


def test_without_output_only_the_record_is_written(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    result = executor.execute(make_notebook("print(1)"), False)

    assert result.output_path is None
    assert result.notebook is not None
    assert result.notebook.cells[0].outputs[0].text == "1\n"
    assert _names(tmp_path) == [".nbx", "notebook.ipynb"]


def test_the_notebook_that_was_passed_in_is_not_changed(executor: NotebookExecutor) -> None:
    cell = nbformat.v4.new_code_cell("x = 1", metadata={"tags": ["parameters"]}, id="mine")
    node = nbformat.v4.new_notebook(cells=[cell])
    before = nbformat.writes(node)

    result = executor.execute(node, False, {"x": 2})

    assert result.ok, result
    assert nbformat.writes(node) == before


def test_the_output_may_be_the_input_itself(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    path = make_notebook("print('in place')", "1 / 0")

    result = executor.execute(path, path)

    assert result.output_path == str(path)
    written = executor.read_notebook(path)
    assert written.cells[0].outputs[0].text == "in place\n"
    assert written.cells[1].outputs[0].ename == "ZeroDivisionError"


def test_a_record_that_disappears_during_the_run_costs_only_the_record(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    path = make_notebook("import shutil\nshutil.rmtree('.nbx')", "print('on')", "1 / 0")

    result = executor.execute(path, "out.ipynb")

    assert [cell.status for cell in result.cells] == ["ok", "ok", "error"]
    assert executor.read_notebook("out.ipynb").cells[1].outputs[0].text == "on\n"
    assert any("record" in warning for warning in result.warnings)


@pytest.mark.parametrize("with_state_dir", [True, False])
def test_a_root_that_takes_no_record_gets_it_elsewhere(
    make_notebook: MakeNotebook,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    with_state_dir: bool,
) -> None:
    (tmp_path / ".nbx").write_text("somebody's file")
    if with_state_dir:
        monkeypatch.setenv("NBX_STATE_DIR", str(tmp_path / "state"))

    with NotebookExecutor(tmp_path) as executor:
        result = executor.execute(make_notebook("1"), "out/done.ipynb")

    place = tmp_path / "state" if with_state_dir else tmp_path / "out/.nbx"
    assert result.ok, result
    assert (place / "runs" / result.run_id / "record.json").exists()
    assert (tmp_path / ".nbx").read_text() == "somebody's file"
    if with_state_dir:
        assert find_record(tmp_path, "last", str(place)).run_id == result.run_id
