"""How much the tools of a run may do."""

from __future__ import annotations

from pydantic import Field

from notebook_executor.models import Record


class Budget(Record):
    """What calls may use together; None for no limit.

    Attributes:
        calls: How many there may be, refused ones included.
        bytes: Of their arguments and results, as JSON.
        seconds: That they may take, added up.
    """

    calls: int | None = Field(None, ge=0)
    bytes: int | None = Field(None, ge=0)
    seconds: float | None = Field(None, ge=0)


class BudgetRules(Record):
    """Budgets of the run as a whole, and of each execution of a cell."""

    run: Budget = Budget()
    cell: Budget = Budget()
