"""What is told of a run: a compact result, as JSON for programs and as text for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from notebook_executor.models import ErrorKind, ExecutionResult, Record
from notebook_executor.schedule.claims import Claim
from notebook_executor.schedule.entry import Occasion

_TEXT = 1500  # characters
_SCRAP = 2000  # characters of JSON
_SCRAPS = 20_000  # of all together
_TITLES: dict[Occasion, str] = {
    "success": "succeeded",
    "failure": "failed",
    "alert": "raises an alert",
    "recovery": "has recovered",
    "missed": "was missed",
}


class NoticeError(Record):
    """Why a run failed, and in which cell."""

    kind: ErrorKind
    message: str
    hint: str = ""
    cell: int | None = None  # index in the input notebook
    line: int | None = None


class Notice(Record):
    """What a command finds on its standard input, and a webhook in its body.

    Attributes:
        occasion: Of those that fit and were asked for, the one that matters most.
        name: The entry.
        scheduled_at: The due time; of several missed ones the last.
        text: All of it for a person, in at most 1,500 characters.
        alert: Why ``alert_if`` raises one.
        scraps: As JSON has them, those of some length left out.
        left_out: The names of these.
        commit: Where the executed notebook was committed.
    """

    schema_: Literal[1] = Field(1, alias="schema")
    occasion: Occasion
    name: str
    scheduled_at: datetime
    attempt: int
    status: str
    text: str
    alert: str | None = None
    error: NoticeError | None = None
    scraps: dict[str, Any] = Field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    run_id: str | None = None
    started_at: datetime | None = None
    duration_seconds: float | None = None
    output_path: str | None = None
    commit: str | None = None


def make_notice(
    occasion: Occasion,
    claim: Claim,
    result: ExecutionResult | None,
    *,
    alert: str | None,
    commit: str | None,
) -> Notice:
    """Say of a claim that is over what there is to say.

    Args:
        occasion: Which of its sides is told.
        claim: As it was concluded.
        result: None where there was no run, or nothing of it was recorded.
        alert: Why there is one.
        commit: Where the notebook was committed.
    """
    notice = Notice(
        occasion=occasion,
        name=claim.entry,
        scheduled_at=claim.scheduled_at,
        attempt=claim.attempt,
        status=claim.state,
        text=_text(occasion, claim, result, alert),
        alert=alert,
        run_id=claim.run_id,
        output_path=claim.output_path,
        commit=commit,
    )
    if result is None:
        return notice
    scraps, left_out = _bounded(dict(result.scraps))
    return notice.model_copy(
        update={
            "error": _error(result),
            "scraps": scraps,
            "left_out": left_out,
            "run_id": result.run_id,
            "started_at": result.started_at,
            "duration_seconds": result.duration_seconds,
            "output_path": result.output_path,
        }
    )


def _error(result: ExecutionResult) -> NoticeError | None:
    if result.error is None:
        return None
    cell = result.failed_cell
    return NoticeError(
        kind=result.error.kind,
        message=result.error.message,
        hint=result.error.hint,
        cell=cell.index if cell else None,
        line=cell.line if cell else None,
    )


def _bounded(scraps: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    kept: dict[str, Any] = {}
    room = _SCRAPS
    for name, value in scraps.items():
        size = len(json.dumps(value, default=repr))
        if size <= min(room, _SCRAP):
            kept[name] = value
            room -= size
    return kept, tuple(name for name in scraps if name not in kept)


def _text(
    occasion: Occasion, claim: Claim, result: ExecutionResult | None, alert: str | None
) -> str:
    due = f"{claim.scheduled_at:%Y-%m-%d %H:%M %Z}"
    lines = [f"{claim.entry} {_TITLES[occasion]} ({due})"]
    if alert is not None:
        lines.append(f"alert: {alert}")
    if result is None and claim.message:
        lines.append(claim.message)
    head = "\n".join(lines)[: _TEXT // 2]
    return head if result is None else f"{head}\n{result.for_llm(_TEXT - len(head) - 1)}"
