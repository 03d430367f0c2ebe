"""What time it is for a scheduler."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from notebook_executor.errors import UsageError


@dataclass(frozen=True)
class Clock:
    """The system's clock; or one that began elsewhere, and that may run faster.

    Two schedulers that are given the same three values agree on the time.

    Attributes:
        start: What it showed ``since``.
        since: When that was, by the system's clock.
        speed: How many of its seconds pass in one of the system's.
    """

    start: datetime = field(default_factory=lambda: datetime.now(UTC))
    since: datetime | None = None
    speed: float = 1.0

    @classmethod
    def showing(cls, start: datetime) -> Clock:
        """A clock that is set to a time now, and goes on from there."""
        return cls(start, datetime.now(UTC))

    @classmethod
    def parse(cls, text: str) -> Clock:
        """A simulated clock from ``START,SPEED`` or ``START,SPEED,SINCE``, the times in ISO form.

        Raises:
            UsageError: It is not of that form.
        """
        start, _, rest = text.partition(",")
        speed, _, since = rest.partition(",")
        try:
            return cls(
                _moment(start), _moment(since) if since else datetime.now(UTC), _speed(speed)
            )
        except ValueError as error:
            raise UsageError(
                f"{text!r} is no clock: {error}", hint="Such as 2026-03-01T00:00:00Z,3600."
            ) from error

    def now(self) -> datetime:
        system = datetime.now(UTC)
        return system if self.since is None else self.start + (system - self.since) * self.speed

    def seconds_until(self, moment: datetime) -> float:
        """How many seconds of the system's pass until then; 0 when it is over."""
        return max(0.0, (moment - self.now()) / timedelta(seconds=1) / self.speed)


def moment_of(text: str) -> datetime:
    """A time in ISO form; UTC where it does not say otherwise.

    Raises:
        UsageError: It is not one.
    """
    try:
        return _moment(text)
    except ValueError as error:
        raise UsageError(
            f"{text!r:.50} is no time: {error}", hint="Such as 2026-03-01T06:00:00Z."
        ) from error


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if not 1970 <= moment.year <= 9000:
        raise ValueError("the year must be from 1970 to 9000")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 < speed <= 1e6:
        raise ValueError(f"{text} is no speed from above 0 to 1,000,000")
    return speed
