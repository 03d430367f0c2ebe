"""What a scheduler tells while it is at work."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from notebook_executor.models import ExecutionResult, Record
from notebook_executor.schedule.claims import Claim

HappeningKind = Literal[
    "started", "finished", "retry", "missed", "blocked", "replaced", "alert", "problem"
]


class Happening(Record):
    """One step of a scheduler.

    Attributes:
        kind: ``started``: an attempt has its id; ``finished``: it is over, and the claim too;
            ``retry``: it is over, and will be tried again; ``missed``: due times that are not run;
            ``blocked``: a run that still goes on is in the way; ``replaced``: one is asked to end;
            ``alert``: a run that succeeded raises one;
            ``problem``: something is wrong with a file of entries, or with what follows a run.
        at: When, by the scheduler's clock.
        entry: None where it is about none.
        claim: How that stands now.
        result: Of an attempt that is over.
        message: For a reader.
    """

    kind: HappeningKind
    at: datetime
    entry: str | None = None
    claim: Claim | None = None
    result: ExecutionResult | None = None
    message: str = ""

    @property
    def failed(self) -> bool:
        """Whether somebody should hear of it: a run that failed for good, or was cut off."""
        return self.kind == "finished" and self.claim is not None and self.claim.state != "success"
