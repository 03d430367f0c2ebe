"""What a fault is: something done to a host at work, after which nothing may be left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .accounts import Account, interpreter_for
from .stage import Stage, Tier

# Does it and returns the seconds from the blow until nothing was left, where that is measured.
Act = Callable[[Stage], float | None]


def nothing_lacks(tier: Tier, account: Account) -> str | None:
    return None


@dataclass(frozen=True)
class Fault:
    """One entry of the catalogue.

    Attributes:
        number: Its number in the list; a letter tells variants apart.
        title: What happens, in a few words.
        act: Does it; an AssertionError says what stayed, or what else went wrong.
        budget: Seconds until nothing may be left; None where it is not about time.
        lacking: Why it cannot be shown in this tier by this user; None when it can.
        times: How often a single pass does it, as its moment is chosen by chance.
    """

    number: str
    title: str
    act: Act
    budget: float | None = None
    lacking: Callable[[Tier, Account], str | None] = nothing_lacks
    times: int = 1

    def why_not(self, tier: Tier, account: Account) -> str | None:
        """Why this machine cannot show it; None when it can."""
        if interpreter_for(account) is None:
            return f"there is no Python that {account.name} may run with our libraries"
        return self.lacking(tier, account)
