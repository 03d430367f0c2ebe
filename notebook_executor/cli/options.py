"""Options that several verbs have."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from notebook_executor.config import Limits

_BUDGET = 4000
_AGO = re.compile(r"(\d+)([smhd])")
_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}

notebook_argument = click.argument("notebook", metavar="NOTEBOOK")
root_option = click.option(
    "--root",
    metavar="DIR",
    help="The project [default: nearest folder upwards with .nbx or .git, else this one].",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, unbounded.")
llm_option = click.option(
    "--llm",
    metavar="[=CHARS]",
    type=click.IntRange(min=1),
    help=f"Print an account that fits into so many characters [{_BUDGET}].",
)


class BriefCommand(click.Command):
    """A command whose ``--llm`` takes a value only after an equals sign.

    click would take the argument that follows for the value.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        spelled = [f"--llm={_BUDGET}" if arg == "--llm" else arg for arg in args[:end]]
        return super().parse_args(ctx, [*spelled, *args[end:]])


class Seconds(click.FloatRange):
    """A time that ends."""

    name = "seconds"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        seconds = float(super().convert(value, param, ctx))
        if not math.isfinite(seconds):
            self.fail(f"{value!r} is not a number of seconds.", param, ctx)
        return seconds


def moment(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """A time of the past, as an option's callback: ``90m``, ``2h``, ``3d`` ago, or in ISO form."""
    if value is None:
        return None
    ago = _AGO.fullmatch(value)
    try:
        if ago:
            return datetime.now(UTC) - int(ago[1]) * _UNITS[ago[2]]
        return datetime.fromisoformat(value)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{value!r} is neither like 90m, 2h or 3d nor an ISO time.", ctx, param
        ) from None


def refuse_together(**given: object) -> None:
    """Refuse options that contradict each other.

    Args:
        given: The options by name, of which at most one may be set.

    Raises:
        click.UsageError: More than one is.
    """
    used = [f"--{name.replace('_', '-')}" for name, value in given.items() if value]
    if len(used) > 1:
        raise click.UsageError(f"{' and '.join(used)} cannot go together.")


def read_limits(given: tuple[str, ...]) -> Limits | None:
    """What ``--limit NAME=VALUE`` means, said so often.

    Raises:
        click.BadParameter: One of them is no limit.
    """
    from notebook_executor.config import Limits

    try:
        return Limits.of(read_pairs("--limit", given)) if given else None
    except TypeError as error:
        raise click.BadParameter(f"{error}.", param_hint="--limit") from error


def read_pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    """What an option says that takes ``NAME=VALUE`` and may be repeated.

    Raises:
        click.BadParameter: One of them is none.
    """
    pairs = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise click.BadParameter(f"{pair!r} is not NAME=VALUE.", param_hint=option)
        pairs[name] = value
    return pairs
