"""What was sent to a forge and got no clear answer is looked up before it counts as failed."""

from __future__ import annotations

from collections.abc import Callable

from notebook_executor.errors import ForgeError
from notebook_executor.review.forges.protocol import Pull

# That there is one already: Gitea says 409, GitHub 422.
_PERHAPS_THERE = ("conflict", "invalid")


def opened(ask: Callable[[], Pull], look: Callable[[], Pull | None]) -> Pull:
    """Open a pull request once, whatever becomes of the answers.

    Args:
        ask: Opens it.
        look: Finds it, where it is.

    Raises:
        ForgeError: It was refused, or nothing can be said; ``settled`` tells which.
    """
    try:
        return ask()
    except ForgeError as error:
        if error.settled and error.kind not in _PERHAPS_THERE:
            raise
        found = _looked_up(look, error)
        if found is None:
            raise
        return found


def _looked_up(look: Callable[[], Pull | None], error: ForgeError) -> Pull | None:
    """What is there after a failure; where even that cannot be told, the failure itself counts."""
    try:
        return look()
    except ForgeError:
        raise error from None
