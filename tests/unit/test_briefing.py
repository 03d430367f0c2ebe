"""The bounded account of a run: never longer than asked, what matters most first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from notebook_executor.models import CellReport, ExecutionResult, FailedCell, RunError

_AT = datetime(2026, 11, 20, 6, tzinfo=UTC)


def _result(**fields: Any) -> ExecutionResult:
    values: dict[str, Any] = {
        "status": "success",
        "duration_seconds": 12.34,
        "cells_executed": 3,
        "run_id": "20261120T060000Z-7f3a2c",
        "started_at": _AT,
        "finished_at": _AT,
        "input_path": "in.ipynb",
        "output_path": "out.ipynb",
        "source_sha256": None,
        "git_commit": None,
    }
    return ExecutionResult(**{**values, **fields})


def _failed(**fields: Any) -> FailedCell:
    values: dict[str, Any] = {
        "index": 7,
        "output_index": 8,
        "id": "fit",
        "hash": "0123456789ab",
        "line": 2,
        "source": "X = load()\nmodel.fit(X)",
        "ename": "ValueError",
        "evalue": "NaN",
        "traceback": "Traceback",
        "output_tail": "the tail of the output",
    }
    return FailedCell(**{**values, **fields})


_FAILING = _result(
    status="error",
    failed_cell=_failed(),
    error=RunError(kind="cell_error", message="Cell 7 raised ValueError", hint="Clean X."),
    scraps={"health_score": 0.94},
    warnings=("a warning",),
)


def test_the_parts_of_a_failure_come_in_their_order() -> None:
    text = str(_FAILING)

    landmarks = [
        "error (cell_error): Cell 7 raised ValueError",
        "3 cells in 12.3 s",
        "cell 7 (id fit, hash 0123456789ab)",
        ">   2 model.fit(X)",
        "hint: Clean X.",
        "health_score = 0.94",
        "the tail of the output",
        "warning: a warning",
        "notebook: out.ipynb",
        "run: 20261120T060000Z-7f3a2c",
    ]
    positions = [text.index(landmark) for landmark in landmarks]
    assert positions == sorted(positions)


def test_a_success_tells_scraps_outputs_and_paths() -> None:
    cells = [
        CellReport(
            index=number,
            id=str(number),
            hash="0" * 12,
            status="ok",
            duration_seconds=0,
            output_preview=f"preview {number}",
        )
        for number in (None, 1)
    ]
    text = str(_result(cells=cells, scraps={"text": "line\nbreak", "table": {"$scrap": "x"}}))

    assert text.startswith("success: 3 cells in 12.3 s\n")
    assert '  text = "line\\nbreak"' in text
    assert '  table = {"$scrap": "x"}' in text
    assert "[parameters] preview None" in text
    assert "[1] preview 1" in text


def test_what_can_be_tried_again_is_called_so() -> None:
    error = RunError(kind="kernel_died", message="It died.", retryable=True)

    assert str(_result(status="error", error=error)).startswith("error (kernel_died, retryable)")
    assert "not written" in str(_result(output_path=None))


def test_of_a_long_cell_the_lines_around_the_failing_one_are_shown() -> None:
    source = "\n".join(f"line_{number}()" for number in range(1, 101))
    error = RunError(kind="cell_error", message="It raised.")

    text = str(_result(status="error", error=error, failed_cell=_failed(source=source, line=60)))

    assert ">  60 line_60()" in text
    assert "line_55()" in text
    assert "line_65()" in text
    assert "line_1()" not in text
    assert "line_100()" not in text


def test_a_tight_budget_keeps_status_cause_and_paths() -> None:
    long = _FAILING.model_copy(
        update={"scraps": {f"scrap_{n}": "x" * 500 for n in range(50)}, "warnings": ("w" * 5000,)}
    )

    text = long.for_llm(600)

    assert len(text) <= 600
    assert text.startswith("error (cell_error): Cell 7 raised ValueError")
    assert ">   2 model.fit(X)" in text
    assert text.endswith("notebook: out.ipynb\nrun: 20261120T060000Z-7f3a2c")


_text = st.text(st.characters(codec="utf-8"), max_size=3000)
_scraps = st.dictionaries(st.text(max_size=20), st.none() | st.floats() | _text, max_size=5)


@given(
    texts=st.lists(_text, min_size=6, max_size=6),
    scraps=_scraps,
    line=st.none() | st.integers(-5, 200),
    warnings=st.lists(_text, max_size=4),
    limit=st.integers(-10, 5000),
)
def test_no_account_is_longer_than_asked(
    texts: list[str],
    scraps: dict[str, Any],
    line: int | None,
    warnings: list[str],
    limit: int,
) -> None:
    message, hint, source, output_tail, path, evalue = texts
    result = _result(
        status="error",
        error=RunError(kind="cell_error", message=message, hint=hint),
        failed_cell=_failed(source=source, line=line, output_tail=output_tail, evalue=evalue),
        output_path=path,
        scraps=scraps,
        warnings=tuple(warnings),
    )

    assert len(str(result)) <= 1000
    assert len(result.for_llm()) <= 4000
    assert len(result.for_llm(limit)) <= max(limit, 0)
