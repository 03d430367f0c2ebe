"""How a run that ends by itself is told: success, errors of cells, exits, expected errors."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from notebook_executor import NotebookExecutor
from tests.integration.seen import statuses

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook


def test_success_reports_every_cell_and_writes_the_notebook(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    path = make_notebook(("x = 1", "parameters"), "print(x)", "  \n", "x + 40")

    result = executor.execute(path, "out/done.ipynb", {"x": 2}, labels={"team": "ops"})

    assert result.status == "success"
    assert result.ok
    assert result.error is None
    assert result.failed_cell is None
    assert result.cells_executed == 4
    assert statuses(result) == ["ok", "ok", "ok", "skipped", "ok"]
    assert [cell.index for cell in result.cells] == [0, None, 1, 2, 3]
    assert result.cells[2].output_preview == "2"
    assert result.cells[4].output_preview == "42"
    assert result.output_path == str(tmp_path / "out/done.ipynb")
    assert result.input_path == str(path)
    assert result.source_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (result.parameters, result.labels) == ({"x": 2}, {"team": "ops"})
    assert result.kernel.name == "python3"
    assert result.kernel.transport == "ipc"
    assert result.kernel.exit_code == 0
    assert result.kernel.peak_memory_bytes > 10_000_000
    assert result.outputs_complete
    assert result.warnings == ()
    assert 0 < result.duration_seconds < 60
    written = executor.read_notebook("out/done.ipynb")
    assert [cell.source for cell in written.cells[2:]] == ["print(x)", "  \n", "x + 40"]
    assert result.notebook == written
    assert result.raise_for_error() is result


def test_a_cell_that_raises_ends_the_run_and_is_described(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    source = "print('before')\ndef f():\n    return 1 / 0\n\nvalue = f()\nprint('after')"
    path = make_notebook("a = 1", source, "print('never')")

    result = executor.execute(path)

    assert result.status == "error"
    assert result.cells_executed == 2
    assert statuses(result) == ["ok", "error", "not_run"]
    failed, error = result.failed_cell, result.error
    assert failed is not None
    assert error is not None
    assert (failed.index, failed.output_index, failed.id) == (1, 1, "cell-1")
    assert failed.hash == hashlib.sha256(source.encode()).hexdigest()[:12]
    assert failed.line == 3  # the deepest line of this very cell
    assert failed.source == source
    assert (failed.ename, failed.evalue) == ("ZeroDivisionError", "division by zero")
    assert "\x1b" not in failed.traceback
    assert "return 1 / 0" in failed.traceback
    assert failed.output_tail.startswith("before\n")
    assert "after" not in failed.output_tail
    assert (error.kind, error.state, error.signal) == ("cell_error", "live", None)
    assert not error.retryable
    assert "cell-1" in error.message
    assert "ZeroDivisionError: division by zero" in error.message
    assert error.hint
    never = executor.read_notebook(str(result.output_path)).cells[2]
    assert (never.outputs, never.execution_count) == ([], None)
    assert never.metadata.papermill.status == "pending"


def test_an_error_in_the_injected_cell_has_no_index_in_the_input(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    # papermill writes NaN as float('nan'): this is what makes the injected cell raise.
    defaults = "x = 1.0\ndef float(_): raise RuntimeError('no floats here')"
    path = make_notebook((defaults, "parameters"), "2")

    result = executor.execute(path, parameters={"x": float("nan")})

    assert result.failed_cell is not None
    assert result.failed_cell.index is None
    assert result.failed_cell.output_index == 1
    assert "injected-parameters" in result.failed_cell.id
    assert result.error is not None
    assert "injected-parameters" in result.error.message
    assert statuses(result) == ["ok", "error", "not_run"]


@pytest.mark.parametrize(
    ("source", "ename", "lines"),
    [
        ("x = 1\ny ==", "SyntaxError", {2}),
        ("%%time\nx = 1\nundefined_name", "NameError", {3, None}),
        ("%%bash\necho said; exit 3", "CalledProcessError", {1, None}),
        ("ok = 1\n%run failing.py", "KeyError", {2, None}),
        ("import asyncio\nawait asyncio.sleep(0)\nawait missing()", "NameError", {3}),
        ("get_ipython().run_line_magic('nosuchmagic', '')", "UsageError", {1, None}),
    ],
)
def test_errors_are_found_where_the_cell_is_not_plain_python(
    executor: NotebookExecutor,
    make_notebook: MakeNotebook,
    tmp_path: Path,
    source: str,
    ename: str,
    lines: set[int | None],
) -> None:
    (tmp_path / "failing.py").write_text("x = 1\nraise KeyError('in the script')\n")

    result = executor.execute(make_notebook(source, "1"), False)

    assert result.error is not None
    assert result.failed_cell is not None
    assert (result.error.kind, result.failed_cell.ename) == ("cell_error", ename)
    assert result.failed_cell.line in lines
    assert statuses(result) == ["error", "not_run"]


def test_expected_errors_are_no_failure(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    path = make_notebook(
        ("print('kept')\n1 / 0", "raises-exception"),
        ("import sys\nsys.exit(3)", "raises-exception"),
        ("input()", "raises-exception"),
        ("'fine after all'", "raises-exception"),
        ("1 / 0", "skip-execution"),
        "print('went on')",
    )

    result = executor.execute(path)

    assert result.ok, result
    assert statuses(result) == [*["expected_error"] * 3, "ok", "skipped", "ok"]
    assert result.cells[5].output_preview == "went on"
    assert result.notebook is not None
    assert [output.output_type for output in result.notebook.cells[0].outputs] == [
        "stream",
        "error",
    ]


@pytest.mark.parametrize(
    "source", ["import sys\nsys.exit(0)", "import sys\nsys.exit()", "exit()", "raise SystemExit"]
)
def test_a_notebook_may_end_itself(
    executor: NotebookExecutor, make_notebook: MakeNotebook, source: str
) -> None:
    result = executor.execute(make_notebook("print(1)", source, "print('never')", "2"), False)

    assert result.ok, result
    assert statuses(result) == ["ok", "ok", "not_run", "not_run"]
    assert result.cells_executed == 2
    assert len(result.warnings) == 1
    assert "'cell-1'" in result.warnings[0]
    assert "2 later cells" in result.warnings[0]


@pytest.mark.parametrize("status", ["1", "'bad data'"])
def test_a_notebook_may_end_itself_with_an_error(
    executor: NotebookExecutor, make_notebook: MakeNotebook, status: str
) -> None:
    result = executor.execute(make_notebook(f"import sys\nsys.exit({status})", "2"), False)

    assert result.error is not None
    assert result.failed_cell is not None
    assert (result.error.kind, result.failed_cell.ename) == ("cell_error", "SystemExit")
    assert result.failed_cell.evalue == status.strip("'")
    assert statuses(result) == ["error", "not_run"]


@pytest.mark.parametrize("source", ["name = input('who? ')", "import getpass\ngetpass.getpass()"])
def test_a_cell_that_asks_for_input_is_refused_at_once(
    executor: NotebookExecutor, make_notebook: MakeNotebook, source: str
) -> None:
    result = executor.execute(make_notebook("1", source, "2"), False)

    assert result.error is not None
    assert result.failed_cell is not None
    assert (result.error.kind, result.error.state) == ("stdin_requested", "live")
    assert result.failed_cell.index == 1
    assert "cell-1" in result.error.message
    assert "parameter" in result.error.hint
    assert statuses(result) == ["ok", "error", "not_run"]


def test_a_missing_module_comes_with_advice(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    result = executor.execute(make_notebook("import no_such_module_here"), False)

    assert result.error is not None
    assert result.failed_cell is not None
    assert result.failed_cell.ename == "ModuleNotFoundError"
    assert "no_such_module_here" in result.error.message
    assert "Install" in result.error.hint
