"""What templates know, and what they refuse."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from notebook_executor.errors import UsageError
from notebook_executor.schedule.entry import Entry
from notebook_executor.schedule.templates import render, render_text, templates, variables

# In Berlin, the day on which clocks went forward.
AT = datetime(2026, 3, 29, 4, tzinfo=UTC)


def _entry(**fields: Any) -> Entry:
    given = {
        "name": "fleet",
        "schedule": "0 6 * * *",
        "timezone": "Europe/Berlin",
        "path": "a.ipynb",
    }
    return Entry.model_validate({**given, **fields})


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("runs/{{name}}_{{date}}_{{time}}.ipynb", "runs/fleet_2026-03-29_060000.ipynb"),
        ("{{ts}} {{run_id}}", "2026-03-29T04:00:00Z r1"),
        (
            "{{date - days(1)}} {{ (date - weeks(1)).strftime('%d.%m.%Y') }}",
            "2026-03-28 22.03.2026",
        ),
        ("{{ts - hours(4) - minutes(1)}}", "2026-03-28T23:59:00Z"),
        ("{{ date.isoweekday() }}{% if date.month == 3 %} March{% endif %}\n", "7 March\n"),
        ("{{env.PLACE}}", "here"),
        ("{ not one }", "{ not one }"),
    ],
)
def test_templates_are_filled_in_from_the_scheduled_time(template: str, text: str) -> None:
    known = variables(_entry(pass_env=["PLACE", "UNSET"]), AT, "r1", {"PLACE": "here", "KEY": "x"})
    assert render_text(template, known) == text


@pytest.mark.parametrize(
    ("template", "message", "hint"),
    [
        ("{{dtae}}", "'dtae' is undefined", "Did you mean date?"),
        ("{{ x.y }}", "'x' is undefined", "Templates know date, time"),
        ("{{env.KEY}}", "KEY", "pass_env"),
        ("{{date", "is not a template", ""),
        ("{{date + 1}}", "TypeError", ""),
        ("{{''.__class__}}", "unsafe", ""),
        ("{% include '/etc/passwd' %}", "no loader", ""),
        ("{% for i in range(10**9) %}x{% endfor %}", "Range too big", ""),
    ],
)
def test_what_cannot_be_filled_in_is_refused(template: str, message: str, hint: str) -> None:
    entry = _entry(parameters={"a": [{"b": template}]})
    with pytest.raises(UsageError) as refused:
        render(entry, AT, "r1", {"KEY": "x"})
    assert refused.value.message.startswith("parameters.a.0.b ")
    assert message in refused.value.message
    assert hint in refused.value.hint
    assert refused.value.details["path"] == ("parameters", "a", 0, "b")


def test_a_run_has_its_parameters_output_and_commit() -> None:
    entry = _entry(
        parameters={"run_id": "{{date}}", "n": 3, "deep": [{"at": "{{time}}"}], "none": None},
        output_path="runs/fleet_{{date}}.ipynb",
    )
    assert render(entry, AT, "r1", {}).model_dump() == {
        "parameters": {
            **{"run_id": "2026-03-29", "n": 3, "none": None},
            "deep": [{"at": "060000"}],
        },
        "output_path": "runs/fleet_2026-03-29.ipynb",
        "branch": "notebook-runs",
        "message": "run fleet 2026-03-29",
    }
    assert render(_entry(), AT, "r1", {}).output_path is None


def test_all_templates_of_an_entry_are_listed_with_their_places() -> None:
    entry = _entry(
        parameters={"a": ["x"], "n": 1},
        output_path="o",
        notify=[
            {"on": ["failure"], "command": "echo"},
            {"on": ["missed"], "webhook": {"url": "https://x", "headers": {"A": "{{env.A}}"}}},
        ],
    )
    assert dict(templates(entry)) == {
        ("parameters", "a", 0): "x",
        ("output_path",): "o",
        ("commit", "branch"): "notebook-runs",
        ("commit", "message"): "run {{name}} {{date}}",
        ("notify", 1, "webhook", "url"): "https://x",
        ("notify", 1, "webhook", "headers", "A"): "{{env.A}}",
    }
