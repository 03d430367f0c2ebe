"""``alert_if``: what it can say of scraps, and all that it cannot do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notebook_executor.errors import UsageError
from notebook_executor.schedule.conditions import UndecidedError, parse_condition

SCRAPS: dict[str, Any] = {
    "health_score": 0.75,
    "alert_count": 3,
    "state": "degraded",
    "hosts": ["a", "b"],
    "disk": {"used": 91.5, "mounts": [{"path": "/", "used": 80}]},
    "fleet.size": 12,
    "nothing": None,
    "broken": float("nan"),
    "table": {"$scrap": "dataframe", "path": "/x.parquet", "shape": [3, 2], "preview": "a b"},
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("health_score < 0.8", True),
        ("health_score < 0.8 and alert_count > 5", False),
        ("alert_count > 5 or state == 'degraded'", True),
        ("not (0.5 < health_score <= 0.75)", False),
        ("state in ['degraded', 'down']", True),
        ("'c' not in hosts", True),
        ("disk.used >= 90 and disk['mounts'][0].used < 90", True),
        ('scraps["fleet.size"] != 12', False),
        ("len(hosts) * 2 - 1 == 3 and alert_count % 2 == 1 and alert_count // 2 == 1", True),
        ("max(health_score, 0.9) == 0.9 and abs(-alert_count) == 3", True),
        ("nothing is None and nothing == null and true and not false", True),
        ("has('health_score') and not has('no_such')", True),
        ("(0.5 if state == 'degraded' else 0.9) > health_score", False),
        ("not has('no_such') or no_such > 1", True),
        ("alert_count", True),
        ("\n  health_score < 0.8\n  and alert_count > 0\n", True),
    ],
)
def test_what_it_says(text: str, holds: bool) -> None:
    assert parse_condition(text).holds(SCRAPS) is holds


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("no_such < 1", "no scrap 'no_such'"),
        ("nothing < 1", "not supported between"),
        ("state < 1", "not supported between"),
        ("broken < 1", "NaN"),
        ("table == 1", "'table' is a dataframe"),
        ("disk.free < 1", "free"),
        ("hosts[7] == 'a'", "out of range"),
        ("state.upper", "no members"),
        ("state[0] == 'd'", "no members"),
        ("alert_count / 0 > 1", "division by zero"),
        ("state * 3 == 'x'", "is not a number"),
        ("hosts + hosts == 1", "is not a number"),
        ("round(1, 2, 3) > 1", "round"),
    ],
)
def test_what_cannot_be_told_is_said(text: str, why: str) -> None:
    with pytest.raises(UndecidedError, match=why):
        parse_condition(text).holds(SCRAPS)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("health_score < 1)", 16),
        ("a) or (b", 1),
        ("1 < __import__('os').system('x')", 4),
        ("open('/etc/passwd')", 0),
        ("1 < (lambda: 1)()", 4),
        ("[x for x in hosts]", 0),
        ("health_score := 1", 13),
        ("2 ** 10 > 1", 0),
        ("1 << 10", 0),
        ("~alert_count", 0),
        ("hosts[0:1]", 6),
        ("max(*hosts)", 4),
        ("max(hosts, key=len)", 0),
        ("has(health_score)", 0),
        ("has()", 0),
        ("f'{state}'", 0),
        ("b'x' == 1", 0),
        ("1j == 1", 0),
        ("{'a': 1}", 0),
        ("...", 0),
        ("", 0),
        ("a\0b", 0),
    ],
)
def test_what_is_not_allowed_is_refused_with_its_place(text: str, column: int) -> None:
    with pytest.raises(UsageError) as refused:
        parse_condition(text)

    assert refused.value.details["column"] == column
    assert refused.value.hint


@pytest.mark.parametrize("text", ["(" * 400 + "1" + ")" * 400, "-" * 900 + "1", "1" * 5000])
def test_what_is_too_much_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_condition(text)


@given(st.text(max_size=60) | st.from_regex(r"[a-z_.\[\]()'0-9 <>=+*/-]{0,40}", fullmatch=True))
def test_any_text_is_told_or_refused(text: str) -> None:
    try:
        told = parse_condition(text).holds(SCRAPS)
    except UsageError:
        return
    assert isinstance(told, bool)
