"""A cell that was edited after its run says so, until it has run again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from notebook_executor import NotebookExecutor
    from tests.conftest import MakeNotebook


def test_outputs_are_stale_until_the_next_run(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    make_notebook("print(1)", ("x = 1", "mine"))
    executor.execute("notebook.ipynb", "out.ipynb", check=True)

    executor.edit("out.ipynb", {"op": "replace_source", "cell": 0, "source": "print(2)"})
    edited = executor.outline("out.ipynb")
    executor.execute("out.ipynb", "again.ipynb", check=True)
    again = executor.outline("again.ipynb")

    assert [(cell.stale, cell.output_preview) for cell in edited] == [(True, "1"), (False, "")]
    assert [(cell.stale, cell.output_preview) for cell in again] == [(False, "2"), (False, "")]
    assert again[1].tags == ("mine",)
