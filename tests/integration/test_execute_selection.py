"""Which cells run: by tag, from and until a cell; parameters cells always."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from notebook_executor import Event, NotebookExecutor

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook


@pytest.fixture
def notebook(make_notebook: MakeNotebook) -> Path:
    """Cells 0 to 6; 2 is markdown; each code cell adds its number to ``ran``."""
    heading = nbformat.v4.new_markdown_cell("# Section", id="heading", metadata={"tags": ["load"]})
    return make_notebook(
        "ran = [0]",
        ("x = 1\nran = globals().get('ran', []) + [1]", "parameters"),
        heading,
        ("ran = globals().get('ran', []) + [3]", "load", "slow"),
        ("ran = globals().get('ran', []) + [4]", "plot"),
        ("ran = globals().get('ran', []) + [5]", "load"),
        ("print(*globals().get('ran', []), x)", "show"),
    )


_OK, _OUT = "ok", "skipped"


@pytest.mark.parametrize(
    ("options", "statuses", "printed"),
    [
        ({"only_tags": ["load", "show"]}, [_OUT, _OK, _OK, _OUT, _OK, _OK], "1 3 5 1"),
        ({"skip_tags": ["load"]}, [_OK, _OK, _OUT, _OK, _OUT, _OK], "0 1 4 1"),
        (
            {"only_tags": ["load", "show"], "skip_tags": ("slow",)},
            [_OUT, _OK, _OUT, _OUT, _OK, _OK],
            "1 5 1",
        ),
        ({"from_cell": "cell-4"}, [_OUT, _OK, _OUT, _OK, _OK, _OK], "1 4 5 1"),
        ({"from_cell": "tag:plot"}, [_OUT, _OK, _OUT, _OK, _OK, _OK], "1 4 5 1"),
        ({"from_cell": 4}, [_OUT, _OK, _OUT, _OK, _OK, _OK], "1 4 5 1"),
        ({"from_cell": "4"}, [_OUT, _OK, _OUT, _OK, _OK, _OK], "1 4 5 1"),
        ({"from_cell": "heading"}, [_OUT, _OK, _OK, _OK, _OK, _OK], "1 3 4 5 1"),
        ({"until_cell": "tag:plot"}, [_OK, _OK, _OK, _OK, _OUT, _OUT], None),
        ({"from_cell": 5, "until_cell": 5}, [_OUT, _OK, _OUT, _OUT, _OK, _OUT], None),
        ({"until_cell": 0}, [_OK, _OK, _OUT, _OUT, _OUT, _OUT], None),
        (
            {"from_cell": 4, "only_tags": {"load", "show"}},
            [_OUT, _OK, _OUT, _OUT, _OK, _OK],
            "1 5 1",
        ),
    ],
)
def test_cells_are_selected(
    executor: NotebookExecutor,
    notebook: Path,
    options: dict[str, Any],
    statuses: list[str],
    printed: str | None,
) -> None:
    started: list[int | None] = []

    def note(event: Event) -> None:
        if event.kind == "cell_started":
            started.append(event.index)

    result = executor.execute(notebook, False, on_event=note, **options)

    assert result.ok, result
    assert [cell.status for cell in result.cells] == statuses
    assert result.cells_executed == statuses.count(_OK)
    ran = [cell.index for cell in result.cells if cell.status == _OK]
    assert started == ran
    if printed is not None:
        assert result.cells[-1].output_preview == printed


def test_injected_parameters_run_too_and_indices_stay_those_of_the_input(
    executor: NotebookExecutor, notebook: Path
) -> None:
    result = executor.execute(notebook, False, {"x": 9}, only_tags=["show"], from_cell=6)

    assert result.ok, result
    assert [cell.index for cell in result.cells] == [0, 1, None, 3, 4, 5, 6]
    assert [cell.status for cell in result.cells] == [_OUT, _OK, _OK, _OUT, _OUT, _OUT, _OK]
    assert result.cells[-1].output_preview == "1 9"


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"only_tags": ["laod"]}, "laod", "tag:load"),
        ({"skip_tags": ["shwo"]}, "shwo", "tag:show"),
        ({"from_cell": "cell-44"}, "cell-44", "cell-4"),
        ({"until_cell": "tag:plto"}, "tag:plto", "tag:plot"),
        ({"from_cell": 7}, "7 cells", "starts at 0"),
        ({"from_cell": -1}, "-1", ""),
        ({"until_cell": "99"}, "99", ""),
        ({"from_cell": 5, "until_cell": 3}, "before", "Swap"),
    ],
)
def test_addresses_that_name_nothing_are_refused(
    executor: NotebookExecutor,
    notebook: Path,
    options: dict[str, Any],
    message: str,
    hint: str,
) -> None:
    kinds: list[str] = []

    result = executor.execute(
        notebook, "out.ipynb", on_event=lambda event: kinds.append(event.kind), **options
    )

    assert result.error is not None
    assert result.error.kind == "not_found"
    assert message in result.error.message
    assert hint in result.error.hint
    assert "kernel_ready" not in kinds
    assert not (notebook.parent / "out.ipynb").exists()
