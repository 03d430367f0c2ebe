"""A due time that somebody has taken on, and what became of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from notebook_executor.models import ErrorKind, Record

ClaimState = Literal["running", "waiting", "success", "error", "cut off", "missed"]
LIVE: tuple[ClaimState, ...] = ("running", "waiting")


class Claim(Record):
    """One due time of one entry, as the state has it.

    Attributes:
        entry: The entry's name.
        scheduled_at: The due time, in UTC; of a run by hand when it was asked for.
        attempt: 1, and one more for each retry.
        state: ``running`` from before anything is started; ``waiting`` for a retry; ``success``
            or ``error``; ``cut off`` where the scheduler ended first, however that came; ``missed``
            where it was not run, and will not be.
        manual: It was run by hand.
        owner: The mark of the scheduler that took it on.
        run_id: The last attempt's run; None where there was none, or where nobody got to note it.
        output_path: Where the last attempt's notebook goes.
        claimed_at: When the last attempt was taken on.
        finished_at: When that was over.
        retry_at: From when on a ``waiting`` one is tried again.
        error_kind: What the last attempt failed of.
        message: What there is to say of the failure.
        ending: Why somebody wants the run to end.
    """

    entry: str
    scheduled_at: datetime
    attempt: int = 1
    state: ClaimState = "running"
    manual: bool = False
    owner: str | None = None
    run_id: str | None = None
    output_path: str | None = None
    claimed_at: datetime | None = None
    finished_at: datetime | None = None
    retry_at: datetime | None = None
    error_kind: ErrorKind | None = None
    message: str = ""
    ending: str | None = None

    @property
    def live(self) -> bool:
        return self.state in LIVE


def stamp(moment: datetime) -> str:
    """A time as the state stores it: such texts sort as the times do.

    Args:
        moment: With a zone.
    """
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
