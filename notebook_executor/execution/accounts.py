"""A run that goes on, in a few words: bounded text that knows where the next one goes on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from notebook_executor.models import Event
from notebook_executor.text import clip, one_line, plain

_TITLE = 80
_MESSAGE = 500


class Account(str):
    """A text of bounded length.

    Attributes:
        cursor: The place in the run's events up to which this account has told of them.
    """

    cursor: int


def account(
    head: str,
    fresh: Sequence[Event],
    cursor: int,
    missed: int,
    max_chars: int,
) -> Account:
    """What there is to say of a run.

    In this order: how it stands; what is new; the cursor. What does not fit is left out in the
    middle.

    Args:
        head: How it stands.
        fresh: The events that are new.
        cursor: The place after them.
        missed: How many events before them are not there any more.
        max_chars: The budget in characters; never exceeded.
    """
    closing = f"cursor: {cursor}"
    room = max_chars - len(closing) - 1
    parts = [clip(head, max(0, room))]
    room -= len(parts[0]) + 1
    news = _news(fresh, missed)
    if news and room > 40:
        parts.append(clip(f"new:\n{news}", room))
    told = Account(clip("\n".join([*filter(None, parts), closing]), max(0, max_chars)))
    told.cursor = cursor
    return told


def standing(run_id: str, state: str, events: Sequence[Event]) -> str:
    """How a run stands that is not over, given its events so far."""
    running = None
    for event in events:
        if event.kind == "cell_started":
            running = event
        elif event.kind == "cell_finished" and running and event.cell_id == running.cell_id:
            running = None
    if running is None:
        return f"{state}: run {run_id}"
    title = one_line(running.data["source"].strip().partition("\n")[0], _TITLE)
    return f"{state}: run {run_id}\ncell {_index(running)} runs: {title}"


def _news(events: Iterable[Event], missed: int) -> str:
    parts = [f"({missed} earlier events are not kept)\n"] if missed else []
    # A stream comes in pieces, which make lines only when they are put together again.
    for stream, group in groupby(events, _is_stream):
        if stream:
            text = plain("".join(event.data["text"] for event in group))
            parts.append(text if text.endswith("\n") else f"{text}\n")
        else:
            parts.extend(_line(event) for event in group)
    return "".join(parts).rstrip("\n")


def _is_stream(event: Event) -> bool:
    return event.kind == "output" and event.data["output_type"] == "stream"


def _line(event: Event) -> str:
    match event.kind:
        case "run_started":
            return f"{event.data['cells']} cells to run\n"
        case "output":
            return f"{plain(event.data['text'])}\n"
        case "cell_finished":
            took = event.data["duration_seconds"]
            return f"[{_index(event)}] {event.data['status']} in {took:.1f} s\n"
        case "warning":
            return f"warning: {one_line(event.data['message'], _MESSAGE)}\n"
        case _:
            return ""


def _index(event: Event) -> str:
    return "parameters" if event.index is None else str(event.index)
