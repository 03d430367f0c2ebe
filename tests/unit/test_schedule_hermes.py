"""Entries as jobs of the Hermes agent's cron, and what that cannot say."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from notebook_executor.errors import UsageError
from notebook_executor.schedule.claims import Claim
from notebook_executor.schedule.entry import Entry
from notebook_executor.schedule.hermes import (
    create_command,
    hermes_job,
    hermes_schedule,
    hermes_script,
)

_NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
_ROOT = Path("/srv/the project")


def entry(schedule: str, **fields: Any) -> Entry:
    return Entry(**{"name": "fleet", "schedule": schedule, "path": "a.ipynb", **fields})


@pytest.mark.parametrize(
    ("schedule", "zone", "told"),
    [
        ("0  6 * * *", "UTC", {"kind": "cron", "expr": "0 6 * * *", "display": "0 6 * * *"}),
        ("@hourly", "UTC", {"kind": "cron", "expr": "0 * * * *", "display": "0 * * * *"}),
        ("*/5 1-3 1,15 * 7", "Europe/Berlin", {"kind": "cron", "expr": "*/5 1-3 1,15 * 7"}),
        ("every 2h", "UTC", {"kind": "interval", "minutes": 120, "display": "every 120m"}),
        (
            "2027-02-03T14:00",
            "Europe/Berlin",
            {
                "kind": "once",
                "run_at": "2027-02-03T14:00:00+01:00",
                "display": "once at 2027-02-03 14:00",
            },
        ),
    ],
)
def test_what_the_agent_can_say(schedule: str, zone: str, told: dict[str, Any]) -> None:
    found = hermes_schedule(entry(schedule, timezone=zone), _NOW, ZoneInfo(zone))
    assert found | told == found


@pytest.mark.parametrize(
    ("schedule", "zone", "agent", "why"),
    [
        ("0 6 * * MON", "UTC", "UTC", "does not take '0 6 [*] [*] MON'"),
        ("0 6 L * *", "UTC", "UTC", "does not take"),
        ("every 90s", "UTC", "UTC", "whole minutes"),
        ("every 30s", "UTC", "UTC", "whole minutes"),
        ("0 6 * * *", "Europe/Berlin", "UTC", "not that of Europe/Berlin"),
        ("0 6 * * *", "Europe/London", "UTC", "not that of Europe/London"),
    ],
)
def test_what_it_cannot_say_is_refused(schedule: str, zone: str, agent: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as refused:
        hermes_schedule(entry(schedule, timezone=zone), _NOW, ZoneInfo(agent))
    assert "nbx schedule tick --quiet" in refused.value.hint


def test_a_job_says_how_it_went_and_when_it_is_next() -> None:
    last = Claim(
        entry="fleet", scheduled_at=_NOW, state="cut off", message="It was cut off.",
        claimed_at=_NOW,
    )  # fmt: skip
    job = hermes_job(entry("0 6 * * *"), _ROOT, _NOW, zone="UTC", last=last)

    assert job.next_run_at == "2026-11-21T06:00:00+00:00"
    assert (job.last_run_at, job.last_status) == (_NOW.isoformat(), "error")
    assert job.last_error == "It was cut off."
    assert job.id == hermes_job(entry("0 7 * * *"), _ROOT, _NOW, zone="UTC").id
    assert job.id != hermes_job(entry("0 6 * * *"), _ROOT / "x", _NOW, zone="UTC").id

    running = last.model_copy(update={"state": "running"})
    assert hermes_job(entry("0 6 * * *"), _ROOT, _NOW, zone="UTC", last=running).last_run_at is None


def test_what_is_suspended_or_paused_is_not_enabled() -> None:
    suspended = hermes_job(entry("0 6 * * *", suspend=True), _ROOT, _NOW, zone="UTC")
    paused = hermes_job(entry("0 6 * * *"), _ROOT, _NOW, zone="UTC", paused="for now")

    assert (suspended.enabled, suspended.state) == (False, "paused")
    assert (paused.enabled, paused.paused_reason) == (False, "for now")


def test_the_machines_clock_is_the_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERMES_TIMEZONE", "Asia/Tokyo")
    assert hermes_job(entry("0 6 * * *", timezone="Asia/Tokyo"), _ROOT, _NOW).enabled
    with pytest.raises(UsageError, match=r"must be a time zone, .* not 'Mars'"):
        hermes_job(entry("0 6 * * *"), _ROOT, _NOW, zone="Mars")

    monkeypatch.delenv("HERMES_TIMEZONE")
    assert hermes_job(entry("every 1h"), _ROOT, _NOW).enabled


def test_names_are_quoted_for_the_shell() -> None:
    job = hermes_job(entry("0 6 * * *"), _ROOT, _NOW, zone="UTC")

    assert create_command(job) == (
        "hermes cron create '0 6 * * *' --name fleet --script nbx-fleet.sh --no-agent "
        "--workdir '/srv/the project'"
    )
    script = hermes_script("fleet", _ROOT, [Path("/srv/$(x).yaml")])
    assert "fleet '/srv/$(x).yaml' --root '/srv/the project'" in script
    subprocess.run(["bash", "-n"], input=script, text=True, check=True, timeout=30)
