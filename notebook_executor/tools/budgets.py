"""How much the tools of a run may do, and how much they have done."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from pydantic import Field, field_validator

from notebook_executor.config import byte_count
from notebook_executor.errors import ToolDeniedError
from notebook_executor.models import Record


class Budget(Record):
    """What calls may use together; None for no limit.

    Attributes:
        calls: How many there may be, of those that the policy allows otherwise.
        bytes: Of their arguments and results, as JSON; a text may have a unit, ``"10MB"``.
        seconds: That they may take, added up.
    """

    calls: int | None = Field(None, ge=0)
    bytes: int | None = Field(None, ge=0)
    seconds: float | None = Field(None, ge=0)

    @field_validator("bytes", mode="before")
    @classmethod
    def _with_unit(cls, value: Any) -> Any:
        return byte_count(value) if isinstance(value, str) else value


class BudgetRules(Record):
    """Budgets of the run as a whole, and of each execution of a cell."""

    run: Budget = Budget()
    cell: Budget = Budget()


class Tally:
    """What has been used of one budget.

    Args:
        budget: What there is.
        whose: ``The run``, ``The cell``: for messages.
    """

    def __init__(self, budget: Budget, whose: str) -> None:
        self.budget, self.whose = budget, whose
        self.calls = 0
        self.bytes = 0
        self.seconds = 0.0

    def used_up(self, size: int) -> str:
        """What of the budget does not suffice for one more call; empty when all of it does."""
        budget = self.budget
        if budget.calls is not None and self.calls >= budget.calls:
            return f"its budget of {budget.calls:,} calls"
        if budget.bytes is not None and self.bytes + size > budget.bytes:
            return f"its budget of {budget.bytes:,} bytes"
        if budget.seconds is not None and self.seconds >= budget.seconds:
            return f"its budget of {budget.seconds:g} s"
        return ""


class Spending:
    """The budgets of a run, and of the cells that it executes; safe to use from several threads.

    Attributes:
        unlimited: Nothing has to be counted.
    """

    def __init__(self, rules: BudgetRules) -> None:
        self._rules = rules
        self.unlimited = rules == BudgetRules()
        self._run = Tally(rules.run, "The run")
        self._lock = threading.Lock()

    def new_cell(self) -> Tally:
        return Tally(self._rules.cell, "The cell")

    def begin(self, cell: Tally, size: int) -> float | None:
        """Count a call that is about to be made.

        Args:
            cell: That of the cell that makes it.
            size: Of its arguments, in bytes.

        Returns:
            How many seconds it may take; None for any number.

        Raises:
            ToolDeniedError: A budget does not suffice; nothing is counted.
        """
        with self._lock:
            self._check(cell, size)
            for tally in (self._run, cell):
                tally.calls += 1
                tally.bytes += size
            return min(self._seconds_left(cell), default=None)

    def _check(self, cell: Tally, size: int) -> None:
        for tally in (cell, self._run):
            used_up = tally.used_up(size)
            if used_up:
                raise ToolDeniedError(
                    f"{tally.whose} has used up {used_up} for tools",
                    hint="The policy's limits say how much there is.",
                )

    def _seconds_left(self, cell: Tally) -> Iterator[float]:
        for tally in (self._run, cell):
            if tally.budget.seconds is not None:
                yield max(0.0, tally.budget.seconds - tally.seconds)

    def end(self, cell: Tally, size: int, seconds: float) -> None:
        """Count what a call has returned, and how long it took.

        Raises:
            ToolDeniedError: The result is more than a budget has left; it is counted all the same.
        """
        with self._lock:
            over = ""
            for tally in (self._run, cell):
                tally.bytes += size
                tally.seconds += seconds
                limit = tally.budget.bytes
                if size and limit is not None and tally.bytes > limit:
                    over = f"{tally.whose} has used up its budget of {limit:,} bytes for tools"
        if over:
            raise ToolDeniedError(
                f"The result has {size:,} bytes: {over[0].lower()}{over[1:]}",
                hint="Ask for less at a time.",
            )
