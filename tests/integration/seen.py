"""What tests look at in the result of a run."""

from __future__ import annotations

from notebook_executor import ExecutionResult


def statuses(result: ExecutionResult) -> list[str]:
    return [cell.status for cell in result.cells]


def printed(result: ExecutionResult) -> str:
    return " ".join(cell.output_preview for cell in result.cells)
