"""What has become of named outputs and of tool calls, from the base to the head."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from notebook_executor.errors import NotebookExecutorError
from notebook_executor.execution.plan import RECORDING
from notebook_executor.models import ExecutionResult
from notebook_executor.references import Scraps, is_reference
from notebook_executor.review.models import Direction, ScrapDelta, ToolCallDelta
from notebook_executor.review.subject import Scene, Subject
from notebook_executor.scraps.collecting import collect_scraps


def scrap_deltas(subject: Subject) -> dict[str, ScrapDelta]:
    """Each scrap before and after, in the head's order, then those that are gone."""
    if subject.result is None:
        return {}
    head, base = subject.result.scraps, _base_scraps(subject)
    if base is None:
        return {
            name: ScrapDelta(base=None, head=value, direction="unknown")
            for name, value in head.items()
        }
    names = dict.fromkeys([*head, *(base if subject.result.ok else ())])
    return {name: _delta(name, base, head) for name in names}


def _base_scraps(subject: Subject) -> Scraps | None:
    """None where nothing tells what they were."""
    if subject.base_result is not None:
        return subject.base_result.scraps if subject.base_result.ok else None
    if subject.base_reference is None:
        return None
    values, _, payloads = collect_scraps(subject.base_reference)
    return Scraps(values, payloads)


def _delta(name: str, base: Scraps, head: Scraps) -> ScrapDelta:
    old, new = (dict(scraps.items()).get(name) for scraps in (base, head))
    if name not in base:
        return ScrapDelta(base=None, head=new, direction="new")
    if name not in head:
        return ScrapDelta(base=old, head=None, direction="gone")
    if _is_number(old) and _is_number(new):
        change: float = new - old  # type: ignore[operator]
        return ScrapDelta(base=old, head=new, change=change, direction=_way(change))
    same = _content(base, name) == _content(head, name)
    return ScrapDelta(base=old, head=new, direction="same" if same else "changed")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _way(change: float) -> Direction:
    return "same" if not change else "up" if change > 0 else "down"


def _content(scraps: Scraps, name: str) -> Any:
    """What a scrap is, without where it lies."""
    value = dict(scraps.items())[name]
    if not is_reference(value):
        return value
    try:
        return scraps.content(name)
    except NotebookExecutorError:
        return {**value, "path": None}


def tool_deltas(subject: Subject, scene: Scene) -> tuple[ToolCallDelta, ...]:
    """How often each tool was called before and after."""
    result = subject.result
    if result is None:
        return ()
    base = _base_calls(subject, scene)
    head = Counter(call.tool for call in result.tool_calls)
    return tuple(_calls(tool, base, result) for tool in dict.fromkeys([*head, *(base or ())]))


def _calls(tool: str, base: Mapping[str, int] | None, result: ExecutionResult) -> ToolCallDelta:
    calls = [call for call in result.tool_calls if call.tool == tool]
    outcomes = Counter(call.outcome for call in calls)
    return ToolCallDelta(
        tool=tool,
        base=None if base is None else base.get(tool, 0),
        head=len(calls),
        ok=outcomes["ok"],
        error=outcomes["error"],
        denied=outcomes["denied"],
        replayed=sum(call.replayed for call in calls),
    )


def _base_calls(subject: Subject, scene: Scene) -> dict[str, int] | None:
    """By tool: as the base, run again, made them, else as its recording has them."""
    if subject.base_result is not None:
        return dict(Counter(call.tool for call in subject.base_result.tool_calls))
    if subject.change.base_path is None:
        return None
    recording = PurePosixPath(subject.change.base_path).with_suffix(RECORDING)
    data = scene.comparison.old.read(str(recording))
    return None if data is None else dict(Counter(_recorded(data)))


def _recorded(data: bytes) -> list[str]:
    found = []
    for line in data.split(b"\n"):
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict) and isinstance(said.get("tool"), str):
            found.append(said["tool"])
    return found
