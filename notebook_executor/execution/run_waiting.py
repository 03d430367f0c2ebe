"""Waiting for a run that goes on in another process, by its record."""

from __future__ import annotations

import time

from notebook_executor.errors import KernelError
from notebook_executor.execution.records import RunRecord, is_running
from notebook_executor.models import ExecutionResult

_PERIOD = 0.1


def wait_for_result(record: RunRecord, timeout: float | None) -> ExecutionResult | None:
    """Block until a recorded run is over and its kernel is gone.

    Args:
        record: Its record.
        timeout: Seconds that this may take; None for as long as it takes.

    Returns:
        The result; None when the run still goes on after that time.

    Raises:
        KernelError: It was cut off: there will be no result.
        UsageError: Its record holds no result.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        # In this order: what has ended since has written its result before.
        goes_on = is_running(record.header())
        result = record.read()
        if result is not None:
            return result
        if not goes_on:
            raise KernelError(
                f"The run {record.run_id} was cut off: its process is gone",
                hint=f"nbx runs recover {record.run_id} rebuilds its notebook.",
            )
        if deadline is not None and time.monotonic() >= deadline:
            return None
        time.sleep(_PERIOD)
