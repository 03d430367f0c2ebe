"""What all forms of a report say in words: the verdict, what was and what is, how long, where."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from hermes_runtime.formats import SCRAP_MIME
from notebook_executor.bundles import only_names
from notebook_executor.documents.unified import unified
from notebook_executor.references import described, is_reference
from notebook_executor.text import one_line, readable

if TYPE_CHECKING:
    from notebook_executor.documents.output_comparison import Difference
    from notebook_executor.review.models import (
        CellReview,
        NotebookReview,
        ParameterProblem,
        ReferenceReview,
        Review,
        ScrapDelta,
        ToolCallDelta,
        Verdict,
    )

_VALUE = 60
_COMMIT = 10
_MIB = 2**20
ARROWS = {
    "up": "↑",
    "down": "↓",
    "same": "=",
    "changed": "≠",
    "new": "+",
    "gone": "−",
    "unknown": "",
}
VERDICTS: dict[Verdict, str] = {
    "pass": "passes",
    "fail": "fails",
    "differs": "differs",
    "nothing_to_compare": "nothing to compare",
}
_GRAVEST_FIRST: tuple[Verdict, ...] = ("fail", "differs", "nothing_to_compare", "pass")
# What is said of one notebook, and of several, in the order of their weight.
_STATES = {
    "stopped": ("does not execute", "do not execute"),
    "failed": ("fails a step", "fail a step"),
    "differs": ("differs from its reference", "differ from their references"),
    "alone": ("executes, with nothing to compare", "execute, with nothing to compare"),
    "matches": ("matches its reference", "match their references"),
    "deleted": ("is deleted", "are deleted"),
    "left": ("was not executed", "were not executed"),
}


def gravest_first(notebooks: Iterable[NotebookReview]) -> list[NotebookReview]:
    """What needs to be looked at most, first; otherwise as they came."""
    return sorted(notebooks, key=lambda notebook: _GRAVEST_FIRST.index(notebook.verdict))


def headline(review: Review) -> str:
    """The verdict's reasons: how many notebooks changed, and what became of them."""
    count = len(review.notebooks)
    if not count:
        return "no notebook changed"
    states = Counter(map(_state, review.notebooks))
    told = [
        f"{states[state]} {words[states[state] > 1]}"
        for state, words in _STATES.items()
        if states[state]
    ]
    return f"{count} {'notebooks' if count > 1 else 'notebook'} changed: {', '.join(told)}"


def _state(notebook: NotebookReview) -> str:
    if notebook.executes is False:
        return "stopped"
    if notebook.verdict == "fail":
        return "failed"
    if notebook.change == "deleted":
        return "deleted"
    if notebook.executes is None:
        return "left"
    return {True: "matches", False: "differs", None: "alone"}[notebook.matches_reference]


def compared(review: Review) -> str:
    """What was held against what, and when their ways parted."""
    head = _named(review.head, review.head_commit)
    since = ""
    if review.merge_base is None:
        since = ", with no history in common"
    elif review.merge_base != review.base_commit:
        since = f", since {review.merge_base[:_COMMIT]}"
    return f"{head} against {_named(review.base, review.base_commit)}{since}"


def _named(name: str, commit: str | None) -> str:
    if commit is None or commit.startswith(name):
        return name[:_COMMIT] if commit else name
    return f"{name} ({commit[:_COMMIT]})"


def executes(notebook: NotebookReview) -> str:
    return {True: "yes", False: "no", None: "not run"}[notebook.executes]


def matches(notebook: NotebookReview) -> str:
    if notebook.matches_reference is None:
        return "nothing compared" if notebook.executes else "–"
    own = " (its own)" if notebook.reference and notebook.reference.side == "head" else ""
    return f"{'yes' if notebook.matches_reference else 'no'}{own}"


def reference(notebook: NotebookReview) -> str:
    """What the outputs were compared with; nothing where there was no reference."""
    used = notebook.reference
    if used is None:
        return ""
    cells = f"{used.compared} cell{'' if used.compared == 1 else 's'} compared"
    return f"{used.path} ({whose(used)}), {cells}"


def whose(used: ReferenceReview) -> str:
    return "this change's own" if used.side == "head" else "the base's"


def was_and_is(delta: ScrapDelta) -> str:
    """A scrap before and after, with an arrow: ``was 0.89, is 0.94 ↑``."""
    base, head = values(delta)
    arrow = ARROWS[delta.direction]
    if delta.direction == "new":
        return f"is {head} (new)"
    if delta.direction == "unknown":
        return f"is {head}"
    if delta.direction == "gone":
        return f"was {base} (gone)"
    if delta.direction == "same":
        return f"is {head}, as it was"
    return f"was {base}, is {head} {arrow}"


def values(delta: ScrapDelta) -> tuple[str, str]:
    """Both values; two numbers that differ are never told alike."""
    base, head = _value(delta.base), _value(delta.head)
    if base == head and delta.direction in ("up", "down"):
        return repr(delta.base), repr(delta.head)
    return base, head


def change(delta: ScrapDelta) -> str:
    """By how much a number changed, and by what share of what it was."""
    if delta.change is None or delta.direction not in ("up", "down"):
        return ""
    sign = "+" if delta.change > 0 else "−"
    share = f" ({sign}{abs(delta.change / delta.base):.1%})" if delta.base else ""
    return f"{sign}{readable(abs(delta.change))}{share}"


def _value(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return readable(value) if abs(value) < 1e300 else str(value)
    if is_reference(value):
        return described(value, _VALUE)
    return one_line(json.dumps(value, ensure_ascii=False, default=str), _VALUE)


def changed_scraps(notebook: NotebookReview) -> dict[str, ScrapDelta]:
    """Those that are not what they were: numbers first, as they say the most."""
    changed = {name: d for name, d in notebook.scraps.items() if d.direction != "same"}
    return dict(sorted(changed.items(), key=lambda item: item[1].change is None))


def calls(delta: ToolCallDelta) -> str:
    """How often a tool was called, and how that went."""
    before = "" if delta.base is None else f" (was {delta.base})"
    counts = {"ok": delta.ok, "failed": delta.error, "denied": delta.denied}
    counts["replayed"] = delta.replayed
    how = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    return f"{delta.head}{before}{': ' if how else ''}{how}"


def seconds(took: float | None, before: float | None = None) -> str:
    """A time, with what it was: ``2.1 s (was 1.9 s)``."""
    if took is None:
        return ""
    was = "" if before is None else f" (was {seconds(before)})"
    if took < 120:
        return f"{took:.2g} s{was}" if took < 1 else f"{took:.1f} s{was}"
    return f"{took // 60:.0f} min {took % 60:.0f} s{was}"


def memory(peak: int | None, before: int | None = None) -> str:
    """The most memory, with what it was; nothing where it is not known."""
    if not peak:
        return ""
    was = f" (was {before / _MIB:,.0f} MiB)" if before else ""
    return f"{peak / _MIB:,.0f} MiB{was}"


def failure(notebook: NotebookReview) -> str:
    """What ended the run, and where: the cell, and the line of the notebook's file."""
    cell, error = notebook.failed_cell, notebook.error
    if cell is None:
        return f"{error.kind}: {error.message}" if error is not None else ""
    place = "the injected parameters" if cell.index is None else f"cells[{cell.index}]"
    line = next((c.failed_line for c in notebook.cells if c.id == cell.id), None)
    where = f" ({notebook.path}:{line})" if line is not None else ""
    said = f"{cell.ename}: {cell.evalue}" if cell.ename else ""
    if not said and error is not None:
        said = f"{error.kind}: {error.message}"
    return f"{place}{where}: {said}"


def problems(notebook: NotebookReview) -> list[str]:
    """The steps that failed, but for the run, and the schedules that the change breaks."""
    told_apart = {
        "execution": notebook.error is not None,
        "parameters": bool(notebook.problems),
    }
    failed = [
        f"{step.name}: {advised(step.message, step.hint)}"
        for step in notebook.steps
        if step.status == "failed" and not told_apart.get(step.name)
    ]
    return [*failed, *map(problem, notebook.problems)]


def problem(found: ParameterProblem) -> str:
    """A schedule's entry that the notebook would refuse, with its place."""
    line = f":{found.line}" if found.line is not None else ""
    entry = f" ({found.entry})" if found.entry else ""
    return f"{found.file}{line}{entry}: {advised(found.message, found.hint)}"


def advised(message: str, hint: str | None) -> str:
    """What is wrong, and what to do."""
    end = "" if message.endswith((".", "!", "?", ")")) else "."
    return f"{message}{end} {hint}" if hint else message


class Reason(NamedTuple):
    """In what the outputs of a cell differ.

    Attributes:
        what: In a few words.
        lines: Of a difference, with their signs; none where the words say it all.
    """

    what: str
    lines: list[str]


def differing(notebook: NotebookReview) -> list[tuple[CellReview, list[Reason]]]:
    """The cells whose outputs are not the reference's."""
    return [(cell, _reasons(cell)) for cell in notebook.cells if cell.matches is False]


def _reasons(cell: CellReview) -> list[Reason]:
    """Scraps are told by name elsewhere, and HTML is nothing to read where there is text."""
    own = [one for one in cell.differences if not one.kind.startswith(SCRAP_MIME)]
    told = [one for one in own if not _says_nothing(one)] or own
    silent = {"text/html"} if any(one.kind == "text/plain" for one in told) else set()
    found = [_reason(one) for one in told if one.kind not in silent]
    if len(own) < len(cell.differences):
        found.append(Reason("in its scraps", []))
    return found or [Reason(cell.reason, [])]


def _says_nothing(difference: Difference) -> bool:
    """Of objects that are shown in another form, the plain text has but their names."""
    texts = (text for text in (difference.expected, difference.actual) if text)
    return difference.kind == "text/plain" and all(map(only_names, texts))


def _reason(difference: Difference) -> Reason:
    if difference.expected is None or difference.actual is None:
        return Reason(str(difference), [])
    told = unified(difference.expected, difference.actual).split("\n")
    return Reason(difference.kind, [line for line in told if not line.startswith("@@ ")])
