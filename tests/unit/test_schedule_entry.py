"""What an entry may say, and what it says by itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from pydantic import ValidationError

from notebook_executor.schedule.entry import Entry, schedule_schema

_SCHEMA = Path(__file__).parents[2] / "docs" / "schedule.schema.json"
_REFRESH = (
    'python -c "import json; from notebook_executor.schedule.entry import schedule_schema; '
    'print(json.dumps(schedule_schema(), indent=2))" > docs/schedule.schema.json'
)


def _entry(**fields: Any) -> Entry:
    return Entry.model_validate({"name": "a", "schedule": "0 6 * * *", "path": "a.ipynb", **fields})


def test_an_entry_has_the_documented_defaults() -> None:
    defaults = _entry().model_dump(mode="json", exclude={"name", "schedule", "path"})
    assert defaults == {
        "timezone": "UTC",
        "type": "notebook",
        "parameters": {},
        "output_path": None,
        "kernel_name": None,
        "cwd": None,
        "policy": None,
        "pass_env": [],
        "timeout": 300,
        "run_timeout": 3600,
        "concurrency_policy": "forbid",
        "starting_deadline": 600,
        "catch_up": "last",
        "retries": {
            "limit": 0,
            "on": ["kernel_start", "kernel_died", "internal"],
            "backoff": 30,
        },
        "alert_if": None,
        "keep": {"success": 30, "failure": 100},
        "suspend": False,
        "commit": {
            "enabled": "auto",
            "branch": "notebook-runs",
            "message": "run {{name}} {{date}}",
            "push": False,
        },
        "notify": [],
        "heartbeat": None,
    }


def test_its_schedule_is_on_the_clock_of_its_zone() -> None:
    entry = _entry(timezone="Europe/Berlin")
    assert list(islice(entry.expression.after(datetime(2026, 3, 28, tzinfo=UTC)), 2)) == [
        datetime(2026, 3, 28, 5, tzinfo=UTC),
        datetime(2026, 3, 29, 4, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("schedule", "0 6 * *", "five fields"),
        ("schedule", "0 6 * * 8", "day-of-week"),
        ("schedule", "0 0 30 2 *", "day-of-month"),
        ("schedule", "0 0 * * 5L/2", "is not cron"),
        ("schedule", "0 0 1 1 * 2027", "five fields"),
        ("schedule", "@reboot", "@daily"),
        ("schedule", "every 0s", "at least one"),
        ("schedule", "every day", '"2h"'),
        ("schedule", "2026-12-24", "time of day"),
        ("schedule", "20261224", "time of day"),
        ("schedule", "0001-01-01T00:00+14:00", "from 1970"),
        ("schedule", "9999-12-31T23:59-14:00", "to 9000"),
        ("timezone", "Europe/Nowhere", "a time zone"),
        ("timezone", "europe/berlin", "did you mean Europe/Berlin?"),
        ("timezone", "Europe", "a time zone"),
        ("timezone", "../etc/passwd", "a time zone"),
        ("timezone", "", "a time zone"),
        ("name", "a/b", "pattern"),
        ("name", "..", "pattern"),
        ("timeout", 0, "above zero"),
        ("timeout", "soon", '"10m"'),
        ("timeout", float("nan"), '"10m"'),
        ("timeout", True, '"10m"'),
        ("notify", [{"on": ["failure"]}], "either command or webhook"),
        ("notify", [{"command": "x", "webhook": {"url": "https://x"}}], "either command or"),
        ("heartbeat", "ftp://x", "pattern"),
        ("type", "script", "notebook"),
    ],
)
def test_what_means_nothing_is_refused_where_it_stands(field: str, value: Any, told: str) -> None:
    with pytest.raises(ValidationError) as refused:
        _entry(**{field: value})
    errors = refused.value.errors()
    assert {error["loc"][0] for error in errors} == {field}
    assert told in errors[0]["msg"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("10m", 600), ("1h30m", 5400), ("1d 2h", 93600), ("0.5h", 1800), (7, 7)],
)
def test_lengths_of_time_are_written_with_units(text: Any, seconds: float) -> None:
    assert _entry(timeout=text).timeout == seconds


def test_the_published_schema_is_that_of_the_models() -> None:
    published = json.loads(_SCHEMA.read_text("utf-8"))
    assert published == json.loads(json.dumps(schedule_schema())), _REFRESH

    check = jsonschema.Draft202012Validator(published)
    good = {"name": "a", "schedule": "@daily", "path": "a.ipynb", "timeout": "1h30m"}
    assert check.is_valid(good)
    assert check.is_valid([{**good, "commit": {"enabled": True}}, {**good, "timeout": None}])
    for field, value in (("timeout", "soon"), ("cron", "@daily"), ("name", "a/b"), ("suspend", 2)):
        assert not check.is_valid({**good, field: value})


def test_every_field_is_described() -> None:
    schema = schedule_schema()
    for model in schema["$defs"].values():
        for field, about in model.get("properties", {}).items():
            assert about.get("description") or "$ref" in about or field == "webhook"
