"""The tools of one run: what it may call, who serves the calls, and where they are written down."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notebook_executor.backends.protocol import Lease
from notebook_executor.documents.writing import check_writable
from notebook_executor.errors import DocumentError, ToolError, UsageError
from notebook_executor.execution.ledger import Events, Ledger
from notebook_executor.execution.plan import Plan
from notebook_executor.execution.tool_calls import CallLog, audit_line
from notebook_executor.lifecycle.environment import looks_secret
from notebook_executor.tools.audit import Answers, AuditSink, FinishedCall
from notebook_executor.tools.policy import Policy

if TYPE_CHECKING:
    from notebook_executor.tools.broker import Broker
    from notebook_executor.tools.catalogue import Catalogue
    from notebook_executor.tools.cells import Cells
    from notebook_executor.tools.desk import Desk

RUN_VARIABLE = "NBX_RUN_ID"
OUTER_VARIABLES = (RUN_VARIABLE, "NBX_TOOLS_SOCKET", "NBX_TOOLS_TOKEN")
"""What a kernel is told of its run; those of a run that this process itself is part of."""


class RunTools:
    """What a run without tools has, too: its kernel is told which run it is of."""

    def __init__(self, plan: Plan, broker: Broker | None = None) -> None:
        self._plan = plan
        self._broker = broker

    @property
    def cells(self) -> Cells | None:
        """To be told which cell is running; None where nobody asks."""
        return self._broker.desk.cells if self._broker else None

    def prepare(self, directory: Path) -> dict[str, str]:
        """Before a kernel starts: the socket in its directory, the variables it needs."""
        told = {RUN_VARIABLE: self._plan.run_id}
        return {**told, **self._broker.listen(directory)} if self._broker else told

    def surround(self, lease: Lease, env: Mapping[str, str], record: Path | None) -> None:
        """Tell the tools what is around them, once there is a kernel."""
        if self._broker is None:
            return
        from notebook_executor.tools.desk import Surroundings

        self._broker.desk.surroundings = Surroundings(
            cwd=self._plan.cwd, env=env, spawn=lease.spawn, spill=record
        )


@contextmanager
def run_tools(plan: Plan, ledger: Ledger, events: Events, log: CallLog) -> Iterator[RunTools]:
    """The tools of a run; a block around the lease of its kernel.

    Raises:
        ToolError: A source of tools cannot be opened.
        DocumentError: The recording that is to be replayed, or replaced, cannot be read.
    """
    request = plan.request
    asked = (request.tools or None, request.policy, request.record, request.replay)
    if all(one is None for one in asked):
        yield RunTools(plan)
        return
    from notebook_executor.tools.broker import Broker

    with ExitStack() as stack:
        desk = stack.enter_context(_desk(plan, ledger, log, events))
        broker = Broker(desk)
        stack.callback(_warn_of_work, broker, events)
        stack.enter_context(broker)
        yield RunTools(plan, broker)


def _warn_of_work(broker: Broker, events: Events) -> None:
    if broker.at_work:
        names = ", ".join(broker.at_work)
        events.warn(f"Tools are still at work in this process, after the run: {names}.")


@contextmanager
def _desk(plan: Plan, ledger: Ledger, log: CallLog, events: Events) -> Iterator[Desk]:
    from notebook_executor.tools.catalogue import Catalogue
    from notebook_executor.tools.desk import Desk
    from notebook_executor.tools.redaction import Redactor

    policy = _policy(plan)
    with ExitStack() as stack:
        answers = stack.enter_context(_answers(plan, ledger, events))
        catalogue = (
            stack.enter_context(_catalogue(plan, policy, events))
            if answers is None
            else Catalogue(())
        )
        sinks: list[AuditSink] = [log]
        if ledger.record is not None:
            sinks += stack.enter_context(_audit(ledger.record.tools_file, events))
        redactor = Redactor(policy.redact, _known(plan, ledger), _withheld(ledger))
        if plan.record is not None:
            described = catalogue.describe(policy)
            recording = _recording(plan.record, plan, described, ledger, events)
            sinks.append(stack.enter_context(recording))
        recorded = plan.record is not None
        yield Desk(catalogue, policy, redactor, sinks, answers, recorded)


@contextmanager
def _catalogue(plan: Plan, policy: Policy, events: Events) -> Iterator[Catalogue]:
    from notebook_executor.tools.sources import opened_catalogue

    with ExitStack() as stack:
        try:
            opening = opened_catalogue(plan.request.tools or {}, policy, events.warn)
            catalogue = stack.enter_context(opening)
        except UsageError as error:
            raise ToolError(error.message, hint=error.hint) from error
        yield catalogue


def _policy(plan: Plan) -> Policy:
    """The caller's; without one, what the caller gave by name may be called, and nothing else."""
    given = plan.request.policy
    if given is None:
        names = tuple(plan.request.tools or ())
        given = Policy(allow=(*names, *(f"{name}.*" for name in names)))
    return given.rooted(plan.root)


def _known(plan: Plan, ledger: Ledger) -> list[str]:
    """Secrets that the kernel has: its parameters', and variables that it was given on purpose."""
    passed = {name: os.environ.get(name, "") for name in plan.request.pass_env}
    given = {**passed, **(plan.request.env or {})}
    secrets = ledger.prepared.secrets.values() if ledger.prepared else ()
    return [*secrets, *(value for name, value in given.items() if looks_secret(name))]


def _withheld(ledger: Ledger) -> list[str]:
    return [os.environ.get(name, "") for name in ledger.withheld]


@contextmanager
def _audit(path: Path, events: Events) -> Iterator[list[AuditSink]]:
    """Writes a line of ``tools.jsonl`` for each call."""
    broken = threading.Event()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        events.warn(f"The record of tool calls could not be opened: {error.strerror}.")
        yield []
        return

    def write(finished: FinishedCall) -> None:
        try:
            os.write(descriptor, audit_line(finished))
        except OSError:
            broken.set()

    try:
        yield [write]
    finally:
        os.close(descriptor)
        if broken.is_set():
            events.warn(f"Not all tool calls could be written to {path}.")


@contextmanager
def _answers(plan: Plan, ledger: Ledger, events: Events) -> Iterator[Answers | None]:
    if plan.replay is None:
        yield None
        return
    from notebook_executor.tools.recording import ignored_of, read_recording
    from notebook_executor.tools.replaying import Replay

    replay = Replay(read_recording(plan.replay), plan.replay, ignored_of(plan.request.replay))
    yield replay
    # Of a run that failed, it goes without saying that it has not made all calls.
    told = (replay.blanked(), "" if ledger.failure else replay.unused())
    for warning in filter(None, told):
        events.warn(warning)


@contextmanager
def _recording(
    path: Path, plan: Plan, described: list[dict[str, Any]], ledger: Ledger, events: Events
) -> Iterator[AuditSink]:
    """Keeps the calls, and writes them when the run is over, however that comes."""
    from notebook_executor.tools.recording import Recorder, ignored_of

    check_writable(path)
    recorder = Recorder(path, ignored_of(plan.request.record))
    try:
        yield recorder
    finally:
        try:
            recorder.write(described)
        except DocumentError as error:
            if ledger.failure is None:
                raise
            events.warn(f"The recording: {error.message}.")
