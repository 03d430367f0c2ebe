"""A run awaited in an event loop; cancelling the task ends the kernel."""

from __future__ import annotations

import asyncio
import contextlib

from notebook_executor.execution.started import RunJob
from notebook_executor.models import ExecutionResult


async def awaited(job: RunJob) -> ExecutionResult:
    """Wait for a run without blocking the loop.

    A cancellation of the task cancels the run, and is passed on once its kernel is gone; a second
    one does not wait for that.
    """
    loop = asyncio.get_running_loop()
    finished = asyncio.Event()

    def tell() -> None:
        # A loop that was closed meanwhile has nobody to tell.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(finished.set)

    job.when_finished(tell)
    try:
        await finished.wait()
    except asyncio.CancelledError:
        job.cancel("the task that awaited it was cancelled")
        await finished.wait()
        raise
    return job.outcome()
