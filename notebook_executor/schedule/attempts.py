"""One attempt at a claim: from an id and a free place to the result of its run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path

from notebook_executor.backends.protocol import Backend
from notebook_executor.config import Settings
from notebook_executor.errors import DocumentError, UsageError
from notebook_executor.execution.cancelling import Cancellation
from notebook_executor.execution.plan import make_plan, new_run_id
from notebook_executor.execution.request import RunRequest
from notebook_executor.execution.run import begin_run, run_notebook
from notebook_executor.models import ExecutionResult, RunError, Trigger
from notebook_executor.schedule.claims import Claim
from notebook_executor.schedule.entry import Entry
from notebook_executor.schedule.keeping import remove_run
from notebook_executor.schedule.recovering import recorded_result
from notebook_executor.schedule.state import State
from notebook_executor.schedule.templates import render
from notebook_executor.sweeps.outcomes import without_run
from notebook_executor.tools.policy_file import policy_of

_CLAIMS = 10_000  # of an entry


@dataclass(frozen=True)
class Workshop:
    """What all attempts of a scheduler have in common."""

    root: Path
    settings: Settings
    state: State
    backend: Backend

    def attempt(
        self,
        claim: Claim,
        entry: Entry,
        cancellation: Cancellation,
        tell: Callable[[Claim], None],
    ) -> tuple[Claim, ExecutionResult]:
        """Run the claim's notebook; blocks until its kernel is gone.

        Args:
            claim: In state ``running``, ours.
            entry: What to run.
            cancellation: By which the run may be ended.
            tell: Told of the claim once it has its id and its place.

        Returns:
            The claim as it stands in the state, and the result: also where nothing could be run.
        """
        while True:
            run_id = new_run_id(datetime.now(UTC))
            try:
                request = _request(claim, entry, run_id, self.root)
            except UsageError as error:
                return self._refused(claim, entry, error)
            claim = self._placed(claim, request, run_id)
            if claim.output_path is not None:
                request = replace(request, output_path=claim.output_path)
            try:
                begun = begin_run(request, self.root, self.settings, run_id)
            except FileExistsError:
                continue  # somebody else's run drew the same id
            tell(claim)
            return claim, run_notebook(begun, self.backend, cancellation)

    def recorded(self, run_id: str) -> ExecutionResult | None:
        """What is on record of a run that nobody follows any more, after its recovery."""
        return recorded_result(run_id, self.root, self.settings.state_dir)

    def tidy(self, entry: Entry) -> None:
        """Remove what the entry does not want to be kept."""
        keep = entry.keep
        for run_id, output in self.state.surplus(entry.name, keep.success, keep.failure):
            remove_run(run_id, output, self.root, self.settings.state_dir)
            self.state.forget_run(run_id)
        self.state.forget(entry.name, _CLAIMS)

    def _placed(self, claim: Claim, request: RunRequest, run_id: str) -> Claim:
        """Note the run's id, and a path for its notebook that nobody has or is about to have."""
        planned = make_plan(request, self.root, self.settings, run_id).output_path
        assert planned is not None
        return self.state.place(claim, run_id, map(str, free_paths(planned)))

    def _refused(
        self, claim: Claim, entry: Entry, error: UsageError
    ) -> tuple[Claim, ExecutionResult]:
        """The result of an entry of which no run could be made, on record as one of a run is."""
        request = RunRequest(notebook=entry.path, output_path=False, trigger=_trigger(claim))
        begun = begin_run(request, self.root, self.settings)
        result = without_run(request, self.root, "invalid_parameters", error.message).model_copy(
            update={
                "run_id": begun.plan.run_id,
                "error": RunError(
                    kind="invalid_parameters", message=error.message, hint=error.hint
                ),
            }
        )
        if begun.record is not None:
            with contextlib.suppress(DocumentError):
                begun.record.write(result)
        return self.state.place(claim, begun.plan.run_id, ()), result


def free_paths(path: Path) -> Iterator[Path]:
    """The path, or it with -2, -3 … before its suffix: those where nothing is yet."""
    numbered = (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in count(2))
    return (one for one in chain([path], numbered) if not os.path.lexists(one))


def _request(claim: Claim, entry: Entry, run_id: str, root: Path) -> RunRequest:
    """What to run.

    Raises:
        UsageError: A template cannot be filled in, or the entry's policy is none.
    """
    rendered = render(entry, claim.scheduled_at, run_id, os.environ)
    return RunRequest(
        notebook=entry.path,
        output_path=rendered.output_path,
        parameters=rendered.parameters,
        timeout=entry.timeout,
        run_timeout=entry.run_timeout,
        kernel_name=entry.kernel_name,
        cwd=entry.cwd,
        pass_env=entry.pass_env,
        policy=None if entry.policy is None else policy_of(entry.policy, root),
        trigger=_trigger(claim),
    )


def _trigger(claim: Claim) -> Trigger:
    return Trigger(
        kind="schedule",
        name=claim.entry,
        scheduled_at=claim.scheduled_at,
        attempt=claim.attempt,
    )
