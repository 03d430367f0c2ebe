"""What follows a run: is it an alert, where is it committed, and who is told?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from notebook_executor.errors import UsageError
from notebook_executor.execution.records import RunRecord, state_directories
from notebook_executor.models import ExecutionResult
from notebook_executor.schedule.claims import Claim
from notebook_executor.schedule.committing import Committed, commit_file
from notebook_executor.schedule.conditions import parse_condition
from notebook_executor.schedule.entry import Entry, Notify, Occasion
from notebook_executor.schedule.happening import HappeningKind
from notebook_executor.schedule.notice import Notice, make_notice
from notebook_executor.schedule.notifying import call_command, call_webhook
from notebook_executor.schedule.state import State
from notebook_executor.schedule.templates import Variables, render_text, variables

# What matters most comes first.
_ORDER: tuple[Occasion, ...] = ("failure", "alert", "recovery", "missed", "success")


@dataclass(frozen=True)
class Afterwards:
    """Sees to what an entry wants done after its runs; safe for many threads.

    A scheduler that ended in the midst of it has another one do it again: then a commit is found to
    be there, and who is told may be told twice.

    Attributes:
        root: The project.
        state_dir: Where runs are recorded that could not be in the project.
        state: What the entry's runs before have come to.
    """

    root: Path
    state_dir: str | None
    state: State

    def __call__(
        self, entry: Entry, claim: Claim, result: ExecutionResult | None
    ) -> Iterator[tuple[HappeningKind, str]]:
        """Do it, and tell of an alert, and of each thing that could not be done.

        Args:
            entry: Whose run it was.
            claim: As it is concluded.
            result: None where there was no run, or nothing of it was recorded.
        """
        known = variables(entry, claim.scheduled_at, claim.run_id or "", os.environ)
        commit = self._commit(entry, known, result)
        if commit is not None and commit.problem is not None:
            yield "problem", f"the notebook is not where it should be: {commit.problem}"
        alert = alert_of(entry, result)
        if alert is not None:
            yield "alert", alert
        occasions = self._occasions(entry, claim, alert)
        for notify in entry.notify:
            wanted = [one for one in _ORDER if one in occasions and one in notify.on]
            if wanted:
                identity = commit.commit if commit is not None else None
                notice = make_notice(wanted[0], claim, result, alert=alert, commit=identity)
                problem = self._tell(notify, known, notice)
                if problem is not None:
                    yield "problem", problem

    def _commit(
        self, entry: Entry, known: Variables, result: ExecutionResult | None
    ) -> Committed | None:
        """Commit what was executed, also of a run that failed."""
        wish = entry.commit
        if wish.enabled is False or result is None or result.output_path is None:
            return None
        file = Path(result.output_path)
        if not file.is_file():
            return None
        try:
            branch = render_text(wish.branch, known, ("commit", "branch"))
            message = render_text(wish.message, known, ("commit", "message"))
        except UsageError as error:
            return Committed(state="failed", branch=wish.branch, problem=error.message)
        required = wish.enabled is True
        return commit_file(file, branch, message, push=wish.push, required=required)

    def _occasions(self, entry: Entry, claim: Claim, alert: str | None) -> set[Occasion]:
        if claim.state == "missed":
            return {"missed"}
        if claim.state != "success":
            return {"failure"}
        if alert is not None:
            return {"success", "alert"}
        return {"success", "recovery"} if self._was_bad(entry, claim) else {"success"}

    def _was_bad(self, entry: Entry, claim: Claim) -> bool:
        """Whether the entry's run before failed, or raised an alert."""
        for earlier in self.state.claims(entry.name, limit=20):
            over = earlier.state in ("success", "error", "cut off")
            if over and earlier.scheduled_at < claim.scheduled_at:
                if earlier.state == "success" and earlier.run_id and entry.alert_if:
                    return alert_of(entry, self._recorded(earlier.run_id)) is not None
                return earlier.state != "success"
        return False

    def _recorded(self, run_id: str) -> ExecutionResult | None:
        for place in state_directories(self.root, self.state_dir):
            try:
                found = RunRecord(place / run_id).read()
            except UsageError:
                continue
            if found is not None:
                return found
        return None

    def _tell(self, notify: Notify, known: Variables, notice: Notice) -> str | None:
        if notify.webhook is None:
            assert notify.command is not None
            return call_command(notify.command, notice, self.root)
        try:
            url = render_text(notify.webhook.url, known, ("webhook", "url"))
            headers = {
                name: render_text(value, known, ("webhook", "headers", name))
                for name, value in notify.webhook.headers.items()
            }
        except UsageError as error:
            return error.message
        return call_webhook(url, headers, notice)


def alert_of(entry: Entry, result: ExecutionResult | None) -> str | None:
    """Why a run that succeeded is an alert by the entry's condition; None where it is none.

    A condition that cannot be told, because a scrap is missing, is an alert too: who wants to hear
    of a low score wants to hear that there is none.
    """
    if entry.alert_if is None or result is None or not result.ok:
        return None
    try:
        holds = parse_condition(entry.alert_if).holds(dict(result.scraps))
    except UsageError as error:
        return error.message
    return entry.alert_if if holds else None
