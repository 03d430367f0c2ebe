"""From the end of an attempt to what becomes of its claim: over, or to be tried again."""

from __future__ import annotations

from datetime import datetime, timedelta

from notebook_executor.models import ExecutionResult
from notebook_executor.schedule.claims import Claim
from notebook_executor.schedule.entry import Retries

NO_RETRIES = Retries(limit=0)
_LONGEST_BACKOFF = timedelta(days=1)
_NO_RECORD = "The scheduler ended before the run was on record."


def conclude(
    claim: Claim, retries: Retries, result: ExecutionResult | None, now: datetime
) -> Claim:
    """The claim as it stands after an attempt.

    A run that was cancelled is cut off, because its scheduler was to end, or did; unless the
    claim says that somebody has asked for it.

    Args:
        claim: As it was while the attempt went on.
        retries: The entry's.
        result: None where nothing of a run is on record.
        now: When the attempt was over.
    """
    if result is not None and result.ok:
        return claim.model_copy(update={"state": "success", "finished_at": now})
    error = result.error if result is not None else None
    cut_off = error is None or (error.kind == "cancelled" and claim.ending is None)
    kind = "cut_off" if cut_off or error is None else error.kind
    wait = _wait(retries, claim.attempt, kind)
    failed = "cut off" if cut_off else "error"
    return claim.model_copy(
        update={
            "state": failed if wait is None else "waiting",
            "finished_at": now,
            "retry_at": None if wait is None else now + wait,
            "error_kind": None if error is None else error.kind,
            "message": _NO_RECORD if error is None else error.message,
        }
    )


def _wait(retries: Retries, attempt: int, kind: str) -> timedelta | None:
    """How long to wait before the next attempt; None where there is to be none."""
    if attempt > retries.limit or kind not in retries.on:
        return None
    # Doubled so often, any wait is longer than the longest.
    doublings = min(attempt - 1, 30)
    return min(timedelta(seconds=retries.backoff) * float(2**doublings), _LONGEST_BACKOFF)
