"""What a scheduler does: it takes on what is due, has it run, and sees each claim to its end.

A scheduler may end at any moment. What it had taken on is found by the next one, which sees the
kernel to its end and records what became of the run; nothing is run a second time, unless the
entry's retries say so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from types import TracebackType
from typing import Literal

from notebook_executor.schedule.agenda import Agenda
from notebook_executor.schedule.attempts import Workshop
from notebook_executor.schedule.claims import Claim
from notebook_executor.schedule.clock import Clock
from notebook_executor.schedule.due import Assessment, assess, first_seen, next_time
from notebook_executor.schedule.entry import Entry
from notebook_executor.schedule.happening import Happening
from notebook_executor.schedule.jobs import Aftermath, Jobs
from notebook_executor.schedule.ownership import Owner, is_gone, remove_marks_of_dead
from notebook_executor.schedule.waking import Wakeup

OWNERS = "owners"
STOPPED = "the scheduler was stopped"
_ABANDONED = timedelta(days=1)
_REPLACED = "the run that was due at {} takes its place"
# Done with; has got a run; to be looked at again because something of ours is in the way; or of
# others.
_Standing = Literal["done", "begun", "ours", "others"]


class Scheduler:
    """Runs what is due; a block, at whose end all that it has begun is over.

    To be used from one thread.

    Args:
        workshop: What runs notebooks, and the state that is shared with others.
        clock: What time it is.
        at_once: How many notebooks run at a time.
        tell: Called with what happens, from any thread, one at a time.
        aftermath: Called for what is over, on threads of its own.
    """

    def __init__(
        self,
        workshop: Workshop,
        *,
        clock: Clock,
        at_once: int,
        tell: Callable[[Happening], None],
        aftermath: Aftermath,
    ) -> None:
        self._state, self._clock, self._at_once = workshop.state, clock, at_once
        self._owners = workshop.state.directory / OWNERS
        self._entries: dict[str, Entry] = {}
        self._agenda = Agenda((), clock.now())
        self._seen = clock.now()
        self._look: dict[str, _Standing] = {}
        self._owner = Owner(self._owners)
        remove_marks_of_dead(self._owners)
        self.wakeup = Wakeup()
        self.jobs = Jobs(workshop, clock, self.wakeup, tell, aftermath)

    def __enter__(self) -> Scheduler:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._owner.close()
        self.wakeup.close()

    def stop(self) -> None:
        """Cancel what runs, and block until that is over, saved and noted as cut off."""
        self.jobs.cancel(STOPPED)
        self.jobs.join()

    def obey(self) -> None:
        """End what others want to end, and begin nothing."""
        self.jobs.obey(self._state.live())

    def beat(self) -> None:
        """Call the entries' heartbeats; returns at once."""
        addresses = [entry.heartbeat for entry in self._entries.values() if entry.heartbeat]
        if addresses:
            self.jobs.beat(addresses)

    def owns(self, claim: Claim) -> bool:
        return claim.owner == self._owner.token

    def load(self, entries: Iterable[Entry]) -> None:
        """Have these entries, and no others, from now on."""
        now = self._clock.now()
        before, self._entries = self._entries, {entry.name: entry for entry in entries}
        known = self._state.cursors(self._entries)
        new = self._entries.keys() - known.keys()
        begun = {name: first_seen(self._entries[name], now) for name in new}
        if begun:
            self._state.begin(begun)
        self._agenda = Agenda(self._entries.values(), now)
        if any(cursor > now for cursor in known.values()):
            self._state.set_back(now)
        self._seen = now
        self._look = {}
        for name, cursor in {**known, **begun}.items():
            entry = self._entries[name]
            passed = next_time(entry, min(cursor, now))
            if passed is None or passed > now:
                continue
            if entry.suspend or (name in before and before[name].suspend):
                self._state.pass_over(name, now)
            else:
                self._look[name] = "ours"

    def turn(self, horizon: datetime) -> None:
        """Do what there is to do now; does not wait for any of it.

        Args:
            horizon: What is due later is left alone.

        Raises:
            Exception: What a job has failed of, the state most likely.
        """
        self.see_to_live()
        now = self._clock.now()
        if now < self._seen:
            self._state.set_back(now)
        self._seen = now
        self._look.update((entry.name, "ours") for entry in self._agenda.take(now))
        paused = self._state.paused() if self._look else {}
        self._look = {name: how for name, how in self._look.items() if name not in paused}
        while self._begin_some(now, horizon):
            pass

    def _begin_some(self, now: datetime, horizon: datetime) -> bool:
        """Begin a run each of those that something is due of; whether there was any.

        Who has got one is asked last the next time, so that no backlog keeps others waiting.
        """
        waiting: dict[str, _Standing] = {}
        begun: dict[str, _Standing] = {}
        for name, before in self._look.items():
            entry = self._entries[name]
            if self._is_full and entry.concurrency_policy != "replace":
                waiting[name] = before
            else:
                how = self._decide(entry, now, horizon, before)
                (begun if how == "begun" else waiting)[name] = how
        self._look = {**waiting, **begun}
        self._look = {name: how for name, how in self._look.items() if how != "done"}
        return bool(begun)

    @property
    def _is_full(self) -> bool:
        return self.jobs.running >= self._at_once

    def see_to_live(self) -> None:
        """What ``turn`` does, due times aside."""
        self.jobs.check()
        live = self._state.live()
        self.jobs.obey(live)
        for claim in live:
            self._see_to(claim)

    @property
    def idle(self) -> bool:
        """Whether nothing goes on that this scheduler has begun, or could begin."""
        waiting = any(map(self.owns, self._state.live()))
        return not (self.jobs.count or waiting or "ours" in self._look.values())

    def seconds_to_next(self, at_most: float) -> float:
        """How long there will be nothing to do, as far as time alone tells."""
        moments = [claim.retry_at for claim in self._state.live() if claim.retry_at is not None]
        if (due := self._agenda.next_time()) is not None:
            moments.append(due)
        return min([at_most, *map(self._clock.seconds_until, moments)])

    def run_now(self, entry: Entry) -> Claim | list[Claim] | None:
        """Run an entry by hand, beside its due times.

        Returns:
            The claim; the live ones that are in its way, which are asked to end where the entry
            says so; or None where there is one of this very moment.
        """
        self._entries[entry.name] = entry
        self.see_to_live()
        now = self._clock.now()
        self._state.begin({entry.name: now})
        wanted = Claim(entry=entry.name, scheduled_at=now, manual=True)
        claimed = self._claim(entry, wanted, now)
        if isinstance(claimed, list):
            self._in_the_way(entry, claimed, now, "others")
        return claimed

    def awaits(self, entry: Entry, others: list[Claim]) -> bool:
        """Whether it is for us to wait until these runs, which are in the entry's way, are over."""
        return entry.concurrency_policy == "replace" or all(map(self.owns, others))

    def _see_to(self, claim: Claim) -> None:
        """Conclude what a dead scheduler has left, and try again what waits for it."""
        entry = self._entries.get(claim.entry)
        if claim.state == "waiting":
            due = claim.retry_at is not None and claim.retry_at <= self._clock.now()
            if entry is not None and due and not self._is_full:
                again = self._state.claim_again(claim, self._owner.token, self._clock.now())
                if again is not None:
                    self.jobs.run(again, entry)
        elif (entry is not None or self._is_old(claim)) and self._is_orphan(claim):
            ours = claim.model_copy(update={"owner": self._owner.token})
            if self._state.change(claim, ours):
                self.jobs.settle(ours, entry)

    def _is_orphan(self, claim: Claim) -> bool:
        return claim.owner is None or is_gone(self._owners, claim.owner)

    def _is_old(self, claim: Claim) -> bool:
        """Whether it is ours to conclude although we do not know its entry: nobody else came."""
        return claim.claimed_at is None or self._clock.now() - claim.claimed_at > _ABANDONED

    def _decide(
        self, entry: Entry, now: datetime, horizon: datetime, before: _Standing
    ) -> _Standing:
        cursor = self._state.cursors([entry.name])[entry.name]
        found = assess(entry, cursor, now)
        if found.missed:
            self._miss(entry, found, now)
        due = found.run[0].at if found.run else None
        if due is None or due > horizon:
            return "done"
        if self._is_full:
            if others := self._state.live(entry.name):  # one of them may hold the place
                self._in_the_way(entry, others, due, before)
            return "ours"
        claimed = self._claim(entry, Claim(entry=entry.name, scheduled_at=due), now)
        if isinstance(claimed, list):
            return self._in_the_way(entry, claimed, due, before)
        if claimed is None:  # it has run: another scheduler was faster, or the clock was put back
            self._state.pass_over(entry.name, due)
        return "begun"

    def _claim(self, entry: Entry, wanted: Claim, now: datetime) -> Claim | list[Claim] | None:
        ours = wanted.model_copy(update={"owner": self._owner.token, "claimed_at": now})
        claimed = self._state.claim(ours, alone=entry.concurrency_policy != "allow")
        if isinstance(claimed, Claim):
            self.jobs.run(claimed, entry)
        return claimed

    def _in_the_way(
        self, entry: Entry, others: list[Claim], due: datetime, before: _Standing
    ) -> _Standing:
        """What still goes on is awaited, or asked to end, for as long as the due time can wait."""
        if entry.concurrency_policy == "replace":
            reason = _REPLACED.format(f"{due:%Y-%m-%d %H:%M:%S} UTC")
            for other in others:
                self._replace(other, reason)
        if self.awaits(entry, others):
            return "ours"
        if before != "others":
            self.jobs.say("blocked", entry.name, "The run before still goes on", claim=others[0])
        return "others"

    def _replace(self, other: Claim, reason: str) -> None:
        if other.state == "waiting":
            given_up = other.model_copy(
                update={"state": "error", "retry_at": None, "message": f"Not retried: {reason}"}
            )
            self._state.change(other, given_up)
        elif other.ending is None:
            self._state.ask_to_end(other, reason)
            self.jobs.say("replaced", other.entry, reason, claim=other)

    def _miss(self, entry: Entry, found: Assessment, now: datetime) -> None:
        count = len(found.missed)
        told = (
            f"{'more than ' * found.more_missed}{count} due time{'s were' if count > 1 else ' was'}"
        )
        missed = Claim(
            entry=entry.name,
            scheduled_at=found.missed[-1],
            state="missed",
            finished_at=now,
            message=f"{told} missed, from {found.missed[0]:%Y-%m-%d %H:%M:%S} UTC on",
        )
        if self._state.pass_over(entry.name, found.missed[-1], missed):
            self.jobs.say("missed", entry.name, missed.message, claim=missed)
            self.jobs.miss(missed, entry)
