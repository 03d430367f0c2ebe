"""Regression as a user has it: run, compare, accept; real kernels and a real repository."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from notebook_executor import NotebookExecutor
from notebook_executor.documents.regression import RegressionReport
from notebook_executor.errors import DocumentError, UsageError

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook


def check(executor: NotebookExecutor, path: Path, **options: Any) -> RegressionReport:
    report = executor.validate(path, **{"regression": True, **options}).regression
    assert report is not None
    return report


def test_from_nothing_to_a_reference_to_a_difference(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    path = make_notebook(("x = 1", "parameters"), "print(x)", "x / 3")

    nothing = check(executor, path)
    accepted = check(executor, path, accept=True)
    passed = check(executor, path)
    differs = check(executor, path, parameters={"x": 2})

    assert (nothing.verdict, nothing.compared, nothing.matches_reference) == (
        *("nothing_to_compare", 0),
        None,
    )
    assert accepted.accepted == str(tmp_path / "runs" / "reference" / "notebook.ipynb")
    assert (passed.verdict, passed.compared, passed.matches_reference) == ("pass", 3, True)
    assert passed.reference is not None
    assert (passed.reference.kind, passed.reference.path) == ("file", accepted.accepted)
    assert (differs.verdict, differs.executes, differs.matches_reference) == (
        *("differs", True),
        False,
    )
    assert [cell.verdict for cell in differs.cells] == ["match", "differs", "differs"]
    assert differs.cells[1].differences[0].actual == "2\n"
    written = nbformat.read(accepted.accepted, as_version=4)
    assert [cell.metadata.get("tags", []) for cell in written.cells] == [["parameters"], [], []]
    assert "papermill" not in written.metadata
    record = tmp_path / ".nbx" / "runs" / str(passed.run_id) / "record.json"
    assert json.loads(record.read_text())["input_path"] == str(path)


def test_a_cell_that_raises_is_told_and_the_others_go_on(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    path = make_notebook("1 / 0", "print(1)", "nope")

    report = check(executor, path, accept=True)

    assert (report.verdict, report.executes, report.accepted) == ("fail", False, None)
    assert report.error is not None
    assert report.error.kind == "cell_error"
    assert report.error.message == (
        "Cell 0 ('cell-0'): it raised ZeroDivisionError: division by zero; and so did 1 more"
    )
    assert [cell.verdict for cell in report.cells] == ["error", "no_reference", "error"]
    assert not (tmp_path / "runs").exists()


def test_what_the_run_itself_says_counts(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    slow = make_notebook("1", "import time; time.sleep(60)", "3", name="slow.ipynb")
    dead = make_notebook("import os; os._exit(3)", "2", name="dead.ipynb")

    reports = [
        check(executor, slow, timeout=4),
        check(executor, dead),
        check(executor, tmp_path / "none.ipynb"),
        check(executor, slow, parameters={"x": 1}),
    ]

    assert {report.verdict for report in reports} == {"fail"}
    kinds = [report.error.kind for report in reports if report.error is not None]
    assert kinds == ["cell_timeout", "kernel_died", "not_found", "invalid_parameters"]
    assert [cell.verdict for cell in reports[0].cells] == ["no_reference", "error", "not_run"]


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, timeout=60)


def test_a_revision_is_a_reference(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    path = make_notebook("print(1)", "print(2)", name="deep/er/n.ipynb")
    git(tmp_path, "init", "-q")
    executor.execute(path, "out.ipynb")
    path.write_bytes((tmp_path / "out.ipynb").read_bytes())
    git(tmp_path, "add", "deep")
    git(tmp_path, "commit", "-qm", "executed")
    make_notebook("print(1)", "print(3)", name="deep/er/n.ipynb")

    differs = check(executor, path, reference="HEAD")
    check(executor, path, accept=True)
    git(tmp_path, "add", "runs")
    git(tmp_path, "commit", "-qm", "accepted")
    accepted = check(executor, path, reference="HEAD")
    older = check(executor, path, reference="HEAD~1")

    assert [cell.verdict for cell in differs.cells] == ["match", "differs"]
    assert (accepted.verdict, older.verdict) == ("pass", "differs")
    assert accepted.reference is not None
    assert accepted.reference.path == str(tmp_path / "runs" / "reference" / "deep/er/n.ipynb")
    with pytest.raises(DocumentError, match="neither a notebook file nor a revision"):
        check(executor, path, reference="no-such-branch")
    with pytest.raises(DocumentError, match="neither a notebook file nor a revision"):
        check(executor, path, reference="--help")
    with pytest.raises(DocumentError, match="is not in the revision"):
        check(executor, make_notebook("1", name="new.ipynb"), reference="HEAD")
    with pytest.raises(UsageError, match="cannot be accepted into the revision"):
        check(executor, path, reference="HEAD", accept=True)


def test_a_named_file_is_written_and_then_compared(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    path = make_notebook("print('10%\\r50')", "print(1)")

    check(executor, path, reference="kept.ipynb", accept=True)
    kept = nbformat.read(tmp_path / "kept.ipynb", as_version=4)
    kept.cells[0].outputs[0].text = "10%\r50\n"
    nbformat.write(kept, tmp_path / "kept.ipynb")

    assert check(executor, path, reference=tmp_path / "kept.ipynb").verdict == "pass"
    assert not (tmp_path / "runs").exists()


def test_reference_and_accept_are_of_a_regression(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    path = make_notebook("1")

    for options in ({"reference": "x.ipynb"}, {"accept": True}):
        with pytest.raises(UsageError, match="regression"):
            executor.validate(path, **options)
