"""The threads of a scheduler: each sees one claim to its end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from notebook_executor.execution.cancelling import Cancellation
from notebook_executor.lifecycle.threads import new_thread
from notebook_executor.models import ExecutionResult
from notebook_executor.schedule.attempts import Workshop
from notebook_executor.schedule.claims import Claim
from notebook_executor.schedule.clock import Clock
from notebook_executor.schedule.entry import Entry, Retries
from notebook_executor.schedule.happening import Happening, HappeningKind
from notebook_executor.schedule.notifying import call_heartbeats
from notebook_executor.schedule.recovering import end_kernel_of
from notebook_executor.schedule.verdict import NO_RETRIES, conclude
from notebook_executor.schedule.waking import Wakeup


class Aftermath(Protocol):
    """What follows the end of a run, or times that were missed."""

    def __call__(
        self, entry: Entry, claim: Claim, result: ExecutionResult | None
    ) -> Iterable[tuple[HappeningKind, str]]:
        """Do it, and tell what there is to tell: an alert, and each problem.

        It may be called a second time for a claim, where its scheduler ended in the midst of it.

        Args:
            entry: The entry.
            claim: As it is about to be concluded: ``success``, ``error``, ``cut off``, ``missed``.
            result: None where there was no run, or nothing of it was recorded.
        """


@dataclass(eq=False)
class _Job:
    """A thread's work; the claim is that of a notebook that runs."""

    claim: Claim | None = None
    cancellation: Cancellation = field(default_factory=Cancellation)
    ending: str | None = None


class Jobs:
    """What a scheduler is at. Safe for many threads.

    Args:
        workshop: What runs notebooks.
        clock: The scheduler's.
        wakeup: Woken at the end of each job.
        tell: Called with what happens, one at a time.
        aftermath: Called for what is over, before that is noted.
    """

    def __init__(
        self,
        workshop: Workshop,
        clock: Clock,
        wakeup: Wakeup,
        tell: Callable[[Happening], None],
        aftermath: Aftermath,
    ) -> None:
        self._workshop, self._clock, self._wakeup = workshop, clock, wakeup
        self._tell, self._aftermath = tell, aftermath
        self._lock = threading.Lock()
        self._telling = threading.Lock()
        self._jobs: dict[_Job, threading.Thread] = {}
        self._failure: BaseException | None = None
        self._stopped = False

    @property
    def count(self) -> int:
        with self._lock:
            return len(self._jobs)

    @property
    def running(self) -> int:
        """How many notebooks."""
        with self._lock:
            return sum(job.claim is not None for job in self._jobs)

    def check(self) -> None:
        """Raise what a job has failed of: its claim is for the next scheduler to see to."""
        if self._failure is not None:
            raise self._failure

    def run(self, claim: Claim, entry: Entry) -> None:
        """Run a claim that is ours."""
        job = _Job(claim)
        self._begin(job, lambda: self._run(job, claim, entry))

    def settle(self, orphan: Claim, entry: Entry | None) -> None:
        """Conclude a claim that we took over from a scheduler that is gone."""
        self._begin(_Job(), lambda: self._settle(orphan, entry))

    def miss(self, missed: Claim, entry: Entry) -> None:
        """Have follow what follows missed times."""
        self._begin(_Job(), lambda: self._follow(entry, missed, None))

    def beat(self, addresses: Iterable[str]) -> None:
        """Call addresses whose owners want to know that a scheduler lives."""
        self._begin(_Job(), lambda: self._beat(addresses))

    def obey(self, claims: Iterable[Claim]) -> None:
        """End those runs of ours that somebody wants to end.

        Args:
            claims: The live ones, as the state has them.
        """
        wishes = {(claim.entry, claim.scheduled_at): claim.ending for claim in claims}
        with self._lock:
            jobs = [(job, job.claim) for job in self._jobs if job.ending is None]
        for job, claim in jobs:
            job.ending = wishes.get((claim.entry, claim.scheduled_at)) if claim else None
            if job.ending is not None:
                job.cancellation.cancel(job.ending)

    def cancel(self, reason: str) -> None:
        """End all runs; returns at once. They count as cut off."""
        with self._lock:
            jobs = list(self._jobs)
        for job in jobs:
            job.cancellation.cancel(reason)

    def join(self) -> None:
        """Block until all is over."""
        while True:
            with self._lock:
                threads = list(self._jobs.values())
            if not threads:
                return
            for thread in threads:
                thread.join()

    def say(
        self, kind: HappeningKind, entry: str | None, message: str = "", **about: object
    ) -> None:
        happening = Happening(
            kind=kind, at=self._clock.now(), entry=entry, message=message, **about
        )
        with self._telling:
            self._tell(happening)

    def _begin(self, job: _Job, work: Callable[[], None]) -> None:
        def carry_out() -> None:
            try:
                work()
            except BaseException as error:
                self._failure = self._failure or error
            finally:
                with self._lock:  # whoever has seen that nothing is left may close the pipe
                    del self._jobs[job]
                    self._wakeup.wake()

        thread = new_thread(carry_out, "schedule")
        with self._lock:
            self._jobs[job] = thread
            thread.start()

    def _run(self, job: _Job, claim: Claim, entry: Entry) -> None:
        def started(placed: Claim) -> None:
            self.say("started", entry.name, claim=placed)

        claim, result = self._workshop.attempt(claim, entry, job.cancellation, started)
        asked = claim.model_copy(update={"ending": job.ending})
        self._conclude(asked, entry, entry.retries, result)

    def _settle(self, orphan: Claim, entry: Entry | None) -> None:
        result, gone = None, True
        if orphan.run_id is not None:
            gone = end_kernel_of(orphan.run_id)
            result = self._workshop.recorded(orphan.run_id)
        if not gone:
            self.say("problem", orphan.entry, "Its kernel may still be running: see nbx ps")
        retries = entry.retries if entry is not None and gone else NO_RETRIES
        self._conclude(orphan, entry, retries, result)

    def _conclude(
        self, claim: Claim, entry: Entry | None, retries: Retries, result: ExecutionResult | None
    ) -> None:
        concluded = conclude(claim, retries, result, self._clock.now())
        retried = concluded.state == "waiting"
        if entry is not None and not retried:
            self._follow(entry, concluded, result)
        if not self._workshop.state.change(claim, concluded):
            self.say("problem", claim.entry, "Another scheduler has taken this run for cut off")
        self.say("retry" if retried else "finished", claim.entry, claim=concluded, result=result)
        if entry is not None:
            self._workshop.tidy(entry)

    def _beat(self, addresses: Iterable[str]) -> None:
        for problem in call_heartbeats(addresses):
            self.say("problem", None, problem)

    def _follow(self, entry: Entry, claim: Claim, result: ExecutionResult | None) -> None:
        for kind, message in self._aftermath(entry, claim, result):
            self.say(kind, entry.name, message, claim=claim)
