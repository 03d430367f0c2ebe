"""Entries as jobs of the Hermes agent's cron, which starts scripts: ``no_agent``, without a model.

The agent keeps its jobs in a file of its own, which only the agent writes. Here are the jobs as it
would have them, and the scripts that they name: each runs one entry by ``nbx``, is silent when all
is well, and ends with 1 when it is not, which the agent delivers as an alert.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import sys
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from notebook_executor.documents.writing import write_bytes
from notebook_executor.errors import UsageError
from notebook_executor.models import Record
from notebook_executor.schedule.claims import Claim
from notebook_executor.schedule.due import next_time
from notebook_executor.schedule.entry import Entry, zone_of
from notebook_executor.schedule.expression import Cron, Every, Once

SCRIPT_LIMIT = 3600  # seconds after which the agent ends a script, unless it is told otherwise
# What the agent takes for cron: no names, no L, no #.
_CRON = re.compile(r"[\d*,/-]+(?: [\d*,/-]+){4}")
_HALF_A_YEAR = timedelta(days=182)


class HermesJob(Record):
    """A job as hermes-agent 0.19 keeps it in ``cron/jobs.json``; what is not said is its default.

    Attributes:
        id: The same each time for the same entry of the same project.
        script: Below ``<HERMES_HOME>/scripts``.
    """

    id: str
    name: str
    prompt: str = ""
    skills: tuple[str, ...] = ()
    skill: str | None = None
    model: str | None = None
    provider: str | None = None
    provider_snapshot: str | None = None
    model_snapshot: str | None = None
    base_url: str | None = None
    script: str
    no_agent: Literal[True] = True
    context_from: tuple[str, ...] | None = None
    schedule: dict[str, str | int]
    schedule_display: str
    repeat: dict[str, int | None]
    enabled: bool
    state: Literal["scheduled", "paused"]
    paused_at: str | None = None
    paused_reason: str | None = None
    created_at: str
    next_run_at: str | None
    last_run_at: str | None = None
    last_status: Literal["ok", "error"] | None = None
    last_error: str | None = None
    last_delivery_error: str | None = None
    deliver: str = "local"
    origin: dict[str, Any] | None = None
    enabled_toolsets: tuple[str, ...] | None = None
    workdir: str


def hermes_job(
    entry: Entry,
    root: Path,
    now: datetime,
    *,
    zone: str | None = None,
    paused: str | None = None,
    last: Claim | None = None,
) -> HermesJob:
    """An entry as a job.

    Args:
        entry: What to run.
        root: The project.
        now: From when on times count.
        zone: The agent's time zone; None for what it is by its environment.
        paused: Why the entry is paused; None where it is not.
        last: What became of its last due time.

    Raises:
        UsageError: There is no such zone, or the agent's cron cannot run it when the entry says.
    """
    schedule = hermes_schedule(entry, now, agent_zone(zone))
    at = next_time(entry, now)
    once = schedule["kind"] == "once"
    held = entry.suspend or paused is not None
    over = last if last is not None and not last.live else None
    good = over is not None and over.state == "success"
    identity = f"{root}\0{entry.name}".encode("utf-8", "surrogateescape")
    return HermesJob(
        id=hashlib.sha256(identity).hexdigest()[:12],
        name=entry.name,
        script=script_name(entry.name),
        schedule=schedule,
        schedule_display=str(schedule["display"]),
        repeat={"times": 1 if once else None, "completed": 0},
        enabled=not held,
        state="paused" if held else "scheduled",
        paused_reason=paused or None,
        created_at=now.isoformat(),
        next_run_at=None if at is None else entry.local(at).isoformat(),
        last_run_at=None if over is None else (over.claimed_at or over.scheduled_at).isoformat(),
        last_status=None if over is None else ("ok" if good else "error"),
        last_error=over.message if over is not None and not good else None,
        workdir=str(root),
    )


def hermes_schedule(entry: Entry, now: datetime, zone: ZoneInfo | None) -> dict[str, str | int]:
    """When an entry runs, as the agent parses it from a text.

    Args:
        entry: The entry.
        now: Clocks are compared today, and half a year on.
        zone: That of the agent's clock; None for the machine's.

    Raises:
        UsageError: It has no words for that.
    """
    expression = entry.expression
    if isinstance(expression, Once):
        at = entry.local(expression.at)
        return {
            "kind": "once",
            "run_at": at.isoformat(),
            "display": f"once at {at:%Y-%m-%d %H:%M}",
        }
    if isinstance(expression, Every):
        minutes, rest = divmod(expression.seconds, 60)
        if rest or not minutes:
            raise _refused(entry, "it knows whole minutes only")
        return {"kind": "interval", "minutes": minutes, "display": f"every {minutes}m"}
    assert isinstance(expression, Cron)
    if not _CRON.fullmatch(expression.fields):
        raise _refused(entry, f"it does not take {expression.fields!r} for cron")
    moments = (now, now + _HALF_A_YEAR)
    if any(at.astimezone(zone).utcoffset() != entry.local(at).utcoffset() for at in moments):
        raise _refused(entry, f"its clock is not that of {entry.timezone}")
    return {"kind": "cron", "expr": expression.fields, "display": expression.fields}


def agent_zone(given: str | None) -> ZoneInfo | None:
    """The zone of the agent's clock, unless its configuration has one; None for the machine's.

    Raises:
        UsageError: There is no such zone.
    """
    name = os.environ.get("HERMES_TIMEZONE", "").strip() if given is None else given
    try:
        return zone_of(name) if name else None
    except ValueError as error:
        raise UsageError(f"The zone of the agent's clock {error}") from error


def _refused(entry: Entry, why: str) -> UsageError:
    return UsageError(
        f"The agent's cron cannot run {entry.name!r} when it is due: {why}",
        hint="Have one job call `nbx schedule tick --quiet` each minute: it serves any entry.",
    )


def script_name(name: str) -> str:
    return f"nbx-{name}.sh"


def hermes_script(name: str, root: Path, paths: Iterable[Path] = ()) -> str:
    """The script of an entry's job, for bash.

    Args:
        name: The entry.
        root: The project.
        paths: Files of entries; none for the project's folder.
    """
    # By its interpreter: the agent's PATH need not have ours.
    argv = [sys.executable, "-m", "notebook_executor.cli.main", "schedule", "hermes", "run"]
    command = shlex.join([*argv, name, *map(str, paths), "--root", str(root)])
    # exec, because the agent ends what it has started, and nothing that this has.
    made = f"# The notebook entry {name}; made by nbx schedule hermes install."
    return f"#!/bin/bash\n{made}\nexec {command}\n"


def install_script(name: str, root: Path, home: Path, paths: Iterable[Path] = ()) -> Path:
    """Write an entry's script to where the agent looks for it.

    Raises:
        DocumentError: It cannot be written.
    """
    target = home / "scripts" / script_name(name)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{target.parent} cannot be made: {error.strerror}") from error
    write_bytes(hermes_script(name, root, paths).encode("utf-8", "surrogateescape"), target)
    return target


def create_command(job: HermesJob) -> str:
    """What a person types to have the agent run a job."""
    told = job.schedule
    when = {"once": told.get("run_at"), "interval": told["display"], "cron": told.get("expr")}
    argv = ["hermes", "cron", "create", str(when[str(told["kind"])]), "--name", job.name]
    return shlex.join([*argv, "--script", job.script, "--no-agent", "--workdir", job.workdir])
