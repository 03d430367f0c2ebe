"""What an entry of a schedule says; ``docs/schedule.schema.json`` is made from it."""

from __future__ import annotations

import difflib
import zoneinfo
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    JsonValue,
    TypeAdapter,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from notebook_executor.models import ErrorKind, Record
from notebook_executor.schedule import duration
from notebook_executor.schedule.expression import FORMS, Expression, parse_expression

Seconds = Annotated[
    float,
    BeforeValidator(duration.to_seconds),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0},
                {"type": "string", "pattern": duration.PATTERN},
            ]
        }
    ),
]
RetryKind = Literal[ErrorKind, "cut_off"]
Occasion = Literal["success", "failure", "alert", "recovery", "missed"]
NAME_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$"
URL_PATTERN = r"^https?://"


class Retries(Record):
    """Whether a run that failed is tried again for the same due time."""

    limit: int = Field(0, ge=0, le=100, description="How often at most, after the first attempt.")
    on: tuple[RetryKind, ...] = Field(
        ("kernel_start", "kernel_died", "internal"),
        description="The kinds of error that are tried again; cut_off: the scheduler itself ended.",
    )
    backoff: Seconds = Field(
        30.0, description="Before the first retry; doubled for each one that follows."
    )


class Keep(Record):
    """How many runs of an entry are kept: their records, and their notebooks outside of git."""

    success: int = Field(30, ge=0, description="The newest that succeeded.")
    failure: int = Field(100, ge=0, description="The newest that did not.")


class Commit(Record):
    """Whether the executed notebook is committed, and how."""

    enabled: bool | Literal["auto"] = Field(
        "auto", description="auto: when the output lies in a git work tree."
    )
    branch: str = Field("notebook-runs", min_length=1, description="A template.")
    message: str = Field("run {{name}} {{date}}", min_length=1, description="A template.")
    push: bool = Field(False, description="Push the branch to the remote it belongs to.")


class Webhook(Record):
    """An address that is sent the compact result as JSON."""

    url: str = Field(pattern=URL_PATTERN, description="A template: {{ env.NAME }}.")
    headers: dict[str, str] = Field(default_factory=dict, description="Values are templates.")


class Notify(Record):
    """Who is told, and on which occasions; give either a command or a webhook."""

    on: tuple[Occasion, ...] = Field(("failure",), min_length=1, description="When.")
    command: str | tuple[str, ...] | None = Field(
        None,
        description="A text is the shell's, a list is not; the compact result is on its stdin.",
    )
    webhook: Webhook | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Notify:
        if bool(self.command) == (self.webhook is not None):
            raise ValueError("give either command or webhook")
        return self


class Entry(Record):
    """A notebook, and when it runs. Relative paths are relative to the project's root."""

    name: str = Field(
        pattern=NAME_PATTERN,
        description="Names the entry in history and commands: letters, digits, dot, dash, _.",
    )
    schedule: str = Field(min_length=1, max_length=200, description=f"When it runs: {FORMS}.")
    timezone: str = Field("UTC", description="The zone of the clock that cron fields mean.")
    type: Literal["notebook"] = Field("notebook", description="What is run.")
    path: str = Field(min_length=1, description="The notebook.")
    parameters: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="For its parameters cell; texts are templates, in lists and mappings too.",
    )
    output_path: str | None = Field(
        None,
        description="A template of where the executed notebook goes; an existing file is never "
        "overwritten, -2 is appended. null: runs/<path>/<run id>.ipynb.",
    )
    kernel_name: str | None = Field(None, description="Another kernelspec than the notebook's.")
    cwd: str | None = Field(None, description="Where it runs; null: the notebook's folder.")
    policy: str | None = Field(None, description="The file that says which tools it may call.")
    pass_env: tuple[str, ...] = Field(
        (),
        description="Variables that reach the kernel although they look secret, and that templates "
        "may read as {{ env.NAME }}.",
    )
    timeout: Seconds | None = Field(300.0, description="Of each cell; null: none.")
    run_timeout: Seconds | None = Field(3600.0, description="Of the run; null: none.")
    concurrency_policy: Literal["allow", "forbid", "replace"] = Field(
        "forbid",
        description="What if the run before still goes on: run beside it, wait for its end, or end "
        "it.",
    )
    starting_deadline: Seconds = Field(
        600.0, description="What has not been started so long after its time was missed."
    )
    catch_up: Literal["none", "last", "all"] = Field(
        "last",
        description="What is run of that which was missed: nothing, the last one, or all (at most "
        "the last 100), oldest first.",
    )
    retries: Retries = Retries()
    alert_if: str | None = Field(
        None, min_length=1, description='A condition over scraps: "health_score < 0.8".'
    )
    keep: Keep = Keep()
    suspend: bool = Field(False, description="Not run by itself.")
    commit: Commit = Commit()
    notify: tuple[Notify, ...] = Field((), description="Who is told of what.")
    heartbeat: str | None = Field(
        None, pattern=URL_PATTERN, description="An address that is called after each tick."
    )

    @field_validator("schedule")
    @classmethod
    def _happens(cls, value: str) -> str:
        parse_expression(value, zone_of("UTC"))
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        zone_of(value)
        return value

    @field_validator("timeout", "run_timeout")
    @classmethod
    def _above_zero(cls, value: float | None) -> float | None:
        if value == 0:
            raise ValueError("must be above zero, or null for none")
        return value

    @cached_property
    def expression(self) -> Expression:
        """When it runs."""
        return parse_expression(self.schedule, self.zone)

    @cached_property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zone_of(self.timezone)

    def local(self, instant: datetime) -> datetime:
        """An instant on the clock of the entry's zone."""
        return instant.astimezone(self.zone)


def zone_of(name: str) -> zoneinfo.ZoneInfo:
    """The zone of this name.

    Raises:
        ValueError: There is none.
    """
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = {known.lower(): known for known in sorted(zoneinfo.available_timezones())}
        close = difflib.get_close_matches(name.lower(), known, n=1)
        meant = f"; did you mean {known[close[0]]}?" if close else ""
        raise ValueError(
            f"must be a time zone, like Europe/Berlin or UTC, not {name!r:.50}{meant}"
        ) from None


def schedule_schema() -> dict[str, Any]:
    """The JSON Schema of a document of entries: one of them, or a list."""
    schema = TypeAdapter(Entry | list[Entry]).json_schema()
    return {"title": "Schedule", "description": "Entries of nbx schedule.", **schema}
