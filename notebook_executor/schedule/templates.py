"""What an entry leaves open until it runs: Jinja2, sandboxed and strict, from the scheduled time.

Templates know ``date`` (a date) and ``time`` (prints as 060000) on the clock of the entry's zone,
``ts`` (the instant, in UTC), ``name``, ``run_id``, ``env`` (the variables that ``pass_env`` lists)
and ``weeks``, ``days``, ``hours``, ``minutes``: ``{{ date - days(1) }}``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from notebook_executor.errors import UsageError
from notebook_executor.models import Record
from notebook_executor.schedule.entry import Entry
from notebook_executor.schedule.yaml_places import Step

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

Path = tuple[Step, ...]
Variables = Mapping[str, Any]


class Rendered(Record):
    """What an entry says of one of its runs."""

    parameters: dict[str, JsonValue]
    output_path: str | None
    branch: str
    message: str


def variables(
    entry: Entry, scheduled_at: datetime, run_id: str, environment: Mapping[str, str]
) -> Variables:
    """What the templates of a run know.

    Args:
        environment: Of it, templates see what the entry's ``pass_env`` lists.
    """
    local = entry.local(scheduled_at)
    return {
        "date": local.date(),
        "time": local.time(),
        "ts": scheduled_at.astimezone(UTC),
        "name": entry.name,
        "run_id": run_id,
        "env": {name: environment[name] for name in entry.pass_env if name in environment},
        **{unit: _units(unit) for unit in ("weeks", "days", "hours", "minutes")},
    }


def _units(unit: str) -> Any:
    return lambda count: timedelta(**{unit: count})


def render(
    entry: Entry, scheduled_at: datetime, run_id: str, environment: Mapping[str, str]
) -> Rendered:
    """What an entry says of the run that it was to start at a time.

    Raises:
        UsageError: A template cannot be filled in; ``details["path"]`` is its place in the entry.
    """
    known = variables(entry, scheduled_at, run_id, environment)
    output = entry.output_path
    return Rendered(
        parameters=fill(entry.parameters, known, ("parameters",)),
        output_path=None if output is None else render_text(output, known, ("output_path",)),
        branch=render_text(entry.commit.branch, known, ("commit", "branch")),
        message=render_text(entry.commit.message, known, ("commit", "message")),
    )


def templates(entry: Entry) -> Iterator[tuple[Path, str]]:
    """All templates of an entry, with their places in it."""
    yield from _texts(entry.parameters, ("parameters",))
    if entry.output_path is not None:
        yield ("output_path",), entry.output_path
    yield ("commit", "branch"), entry.commit.branch
    yield ("commit", "message"), entry.commit.message
    for number, notify in enumerate(entry.notify):
        if notify.webhook is not None:
            at = ("notify", number, "webhook")
            yield (*at, "url"), notify.webhook.url
            yield from _texts(notify.webhook.headers, (*at, "headers"))


def render_text(text: str, known: Variables, path: Path = ()) -> str:
    """A template filled in.

    Args:
        known: From ``variables``; more may be added.
        path: Its place in the entry, for the error.

    Raises:
        UsageError: It cannot be filled in.
    """
    import jinja2

    if "{" not in text:
        return text
    try:
        return _environment().from_string(text).render(known)
    except jinja2.TemplateSyntaxError as error:
        raise _refused(path, f"is not a template: {error.message}") from error
    except jinja2.UndefinedError as error:
        raise _refused(
            path, f"cannot be filled in: {error.message}", _meant(error, known)
        ) from error
    except Exception as error:  # whatever an expression's arithmetic raises
        told = f"{type(error).__name__}: {error}"
        raise _refused(path, f"cannot be filled in: {told:.200}") from error


def _refused(path: Path, message: str, hint: str = "") -> UsageError:
    place = ".".join(map(str, path)) or "the template"
    return UsageError(f"{place} {message}", hint=hint, path=path)


def _meant(error: Exception, known: Variables) -> str:
    name = str(error).partition("'")[2].partition("'")[0]
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"Did you mean {close[0]}?"
    if "dict object" in str(error):
        return "Of the environment, templates see the variables that pass_env lists."
    return f"Templates know {', '.join(known)}."


def fill(value: Any, known: Variables, path: Path) -> Any:
    """A value with all its texts filled in, those in lists and mappings too.

    Raises:
        UsageError: One of them cannot be filled in.
    """
    if isinstance(value, str):
        return render_text(value, known, path)
    if isinstance(value, list):
        return [fill(item, known, (*path, number)) for number, item in enumerate(value)]
    if isinstance(value, dict):
        return {key: fill(item, known, (*path, key)) for key, item in value.items()}
    return value


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _texts(item, (*path, number))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*path, key))


@cache
def _environment() -> SandboxedEnvironment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, finalize=_printed, keep_trailing_newline=True, cache_size=400
    )


def _printed(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return value.strftime("%H%M%S")
    return value
