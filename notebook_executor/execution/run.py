"""One run, from request to result. The pipeline of the whole package is ``run_notebook``."""

from __future__ import annotations

import contextlib
import os
import traceback
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from notebook_executor.backends.protocol import Backend, KernelRequest, Lease
from notebook_executor.config import Settings
from notebook_executor.documents.canonical import non_finite_places
from notebook_executor.documents.writing import check_writable
from notebook_executor.errors import DocumentError, KernelStartError
from notebook_executor.execution.cancel_requests import heeded
from notebook_executor.execution.cancelling import Cancellation, RunCancelledError
from notebook_executor.execution.engine import Engine
from notebook_executor.execution.failures import Failure, from_exception, interrupted
from notebook_executor.execution.journal import Journal
from notebook_executor.execution.ledger import Events, Ledger, Recorder
from notebook_executor.execution.limits import resource_limits, with_cause
from notebook_executor.execution.plan import Plan, git_commit, make_plan
from notebook_executor.execution.preparation import Prepared, prepare, read_source
from notebook_executor.execution.records import RunRecord, create_record, header_of
from notebook_executor.execution.request import RunRequest
from notebook_executor.execution.results import build_result, kernel_report
from notebook_executor.execution.saving import OutputFile
from notebook_executor.execution.secrets import Mask
from notebook_executor.execution.spilling import SpillPlace
from notebook_executor.execution.tooling import OUTER_VARIABLES, RunTools, run_tools
from notebook_executor.execution.watchdog import Watchdog
from notebook_executor.lifecycle.environment import filter_environment
from notebook_executor.lifecycle.kernel import Graces, KernelEnd
from notebook_executor.models import Event, ExecutionResult

_WITHHELD = "Withheld from the kernel's environment: {} (pass_env lets a variable through)."


@dataclass(frozen=True)
class Begun:
    """A run that has its id and its record, and has done nothing yet.

    Attributes:
        record: None where there is no place for one.
        problem: Why there is none; the run goes on without, and says so.
    """

    plan: Plan
    record: RunRecord | None
    problem: str = ""


def begin_run(
    request: RunRequest, root: Path, settings: Settings, run_id: str | None = None
) -> Begun:
    """Give a run its id and its record.

    Args:
        request: What to run.
        root: The project; relative paths, ``runs/`` and ``.nbx/`` are below it.
        settings: The operator's.
        run_id: One that was drawn by ``new_run_id``; None to draw one that is still free.

    Raises:
        FileExistsError: Another run has the ``run_id`` that was given.
    """
    while True:
        plan = make_plan(request, root, settings, run_id)
        try:
            record = create_record(plan.run_id, root, settings.state_dir, plan.output_path)
            record.begin(header_of(plan))
        except FileExistsError:
            if run_id is not None:
                raise
            continue  # two runs of the same instant drew the same id
        except DocumentError as error:
            return Begun(plan, None, str(error))
        return Begun(plan, record)


def run_notebook(
    begun: Begun,
    backend: Backend,
    cancellation: Cancellation | None = None,
    follower: Callable[[Event], None] | None = None,
) -> ExecutionResult:
    """Run one notebook: prepare, execute, tear down, save, tell.

    Blocks until the run is over and its kernel is gone.

    Args:
        begun: The run.
        backend: Where the kernel comes from.
        cancellation: By which somebody else may end the run.
        follower: Told of each event before the request's ``on_event`` is.

    Returns:
        The result, also of a run that failed.

    Raises:
        KeyboardInterrupt: As it came, after teardown and saving.
    """
    plan = begun.plan
    ledger = Ledger(begun.record)
    callbacks = filter(None, (follower, plan.request.on_event))
    events = Events(callbacks, plan.run_id, ledger.warnings)
    cancellation = cancellation or Cancellation()
    interruption: BaseException | None = None
    try:
        if begun.problem:
            events.warn(begun.problem)
        with heeded(begun.record, cancellation):
            _execute(plan, ledger, events, backend, cancellation)
    except KernelStartError as error:
        ledger.failure = _not_started(plan, ledger, error, cancellation)
    except RunCancelledError:
        ledger.failure = Failure("cancelled", "")
    except Exception as error:
        ledger.failure = from_exception(error)
        if ledger.failure.kind == "internal":
            _keep_traceback(ledger.record)
    except BaseException as error:
        interruption = error
        ledger.failure = interrupted(error)
    ledger.failure = _with_reason(ledger.failure, cancellation)
    result = _conclude(plan, ledger)
    events.emit(
        "run_finished",
        status=result.status,
        duration_seconds=result.duration_seconds,
        output_path=result.output_path,
    )
    if interruption is not None:
        raise interruption
    return result


def _with_reason(failure: Failure | None, cancellation: Cancellation) -> Failure | None:
    if failure is None or failure.kind != "cancelled":
        return failure
    return replace(failure, reason=cancellation.reason or "")


def _execute(
    plan: Plan, ledger: Ledger, events: Events, backend: Backend, cancellation: Cancellation
) -> None:
    cancellation.check()
    notebook, ledger.source_sha256 = read_source(plan)
    ledger.git_commit = git_commit(plan.source.parent if plan.source else plan.root)
    prepared = ledger.prepared = prepare(plan, notebook, ledger.source_sha256)
    if plan.output_path is not None:
        check_writable(plan.output_path)
        ledger.file = OutputFile(plan.output_path)
    events.emit(
        "run_started",
        input_path=str(plan.input_path) if plan.input_path else None,
        output_path=str(plan.output_path) if plan.output_path else None,
        cells=len(prepared.selected),
    )
    own = {name: value for name, value in os.environ.items() if name not in OUTER_VARIABLES}
    environment, ledger.withheld = filter_environment(own, set(plan.request.pass_env))
    if ledger.withheld:
        events.warn(_WITHHELD.format(", ".join(ledger.withheld)))
    with ExitStack() as stack:
        journal = _open_journal(ledger, prepared, events)
        recorder = Recorder(ledger, prepared, journal, events)
        stack.callback(recorder.close)
        stack.callback(_note_end, ledger)
        cancellation.check()
        tools = stack.enter_context(run_tools(plan, ledger, events, ledger.calls))
        request = _kernel_request(plan, prepared, environment, cancellation, tools)
        lease = stack.enter_context(backend.lease(request))
        ledger.lease = lease
        tools.surround(lease, request.env, ledger.record.outputs if ledger.record else None)
        for warning in lease.warnings:
            events.warn(warning)
        if journal is not None:
            journal.kernel(kernel_report(ledger), lease.info.get("language_info", {}))
        events.emit("kernel_ready")
        _run_cells(plan, ledger, lease, recorder, cancellation, tools)


def _run_cells(
    plan: Plan,
    ledger: Ledger,
    lease: Lease,
    recorder: Recorder,
    cancellation: Cancellation,
    tools: RunTools,
) -> None:
    prepared = ledger.prepared
    assert prepared is not None
    place = SpillPlace(ledger.record.outputs if ledger.record else None, plan.settings.output_limit)
    timeout, settings = plan.request.timeout, plan.settings
    with Watchdog(lease.handle, timeout, plan.deadline, settings, cancellation) as watchdog:
        mask = Mask(prepared.secrets.values())
        engine = Engine(lease, watchdog, recorder, place, settings.iopub_timeout, tools.cells, mask)
        try:
            selected = prepared.selected.__contains__
            ledger.failure = engine.run(prepared.notebook, selected, prepared.aside)
        finally:
            ledger.outputs_complete = engine.outputs_complete


def _kernel_request(
    plan: Plan,
    prepared: Prepared,
    environment: Mapping[str, str],
    cancellation: Cancellation,
    tools: RunTools,
) -> KernelRequest:
    settings = plan.settings
    return KernelRequest(
        kernel_name=plan.request.kernel_name,
        wanted=prepared.wanted_kernel,
        language=prepared.language,
        python=plan.python,
        cwd=plan.cwd,
        env={**environment, **(plan.request.env or {}), **prepared.env},
        start_timeout=plan.remaining(settings.start_timeout),
        host_view=prepared.host_view,
        required=plan.request.require_containment,
        limits=resource_limits(plan.request.limits),
        graces=Graces(settings.shutdown_grace, settings.interrupt_grace, settings.terminate_grace),
        about=_about(plan),
        unwanted=lambda: cancellation.requested,
        prepare=tools.prepare,
    )


def _about(plan: Plan) -> dict[str, str]:
    notebook = {"notebook": str(plan.input_path)} if plan.input_path else {}
    return {"run_id": plan.run_id, **notebook}


def _not_started(
    plan: Plan, ledger: Ledger, error: KernelStartError, cancellation: Cancellation
) -> Failure:
    """A start that the run's own deadline cut short is a timeout of the run."""
    end = error.details.get("end")
    ledger.end = end if isinstance(end, KernelEnd) else None
    if cancellation.requested:
        return Failure("cancelled", "")
    if plan.deadline is not None and plan.remaining(1.0) == 0.0:
        return Failure("run_timeout", "")
    return from_exception(error)


def _note_end(ledger: Ledger) -> None:
    if ledger.lease is not None:
        ledger.end = ledger.lease.ended()


def _open_journal(ledger: Ledger, prepared: Prepared, events: Events) -> Journal | None:
    if ledger.record is None:
        return None
    try:
        journal = Journal(ledger.record.journal_file, events.warn)
    except OSError as error:
        events.warn(f"The journal could not be opened: {error.strerror}.")
        return None
    journal.prepared(prepared, ledger.git_commit)
    return journal


def _keep_traceback(record: RunRecord | None) -> None:
    if record is not None:
        with contextlib.suppress(OSError):
            (record.directory / "traceback.txt").write_text(traceback.format_exc(), "utf-8")


def _conclude(plan: Plan, ledger: Ledger) -> ExecutionResult:
    """Save the notebook, build the result, record it; a place that fails is named in it."""
    finished_at = datetime.now(UTC)
    ledger.failure = with_cause(ledger.failure, ledger.end, plan.request.limits)
    saved = _save(plan, ledger, finished_at)
    result = build_result(plan, ledger, finished_at, saved)
    if ledger.record is not None:
        try:
            ledger.record.write(result)
        except DocumentError as error:
            ledger.warnings.append(f"The record could not be written: {error.message}")
            result = build_result(plan, ledger, finished_at, saved)
    return result


def _save(plan: Plan, ledger: Ledger, finished_at: datetime) -> Path | None:
    """Write the executed notebook; where that fails, into the record, so nothing is lost."""
    if ledger.prepared is None or plan.output_path is None:
        return None
    notebook = ledger.prepared.notebook
    ledger.warnings.extend(
        f"A number in {place} was not finite; it is null in the notebook."
        for place in non_finite_places(notebook)
    )
    notebook.metadata.papermill.update(
        end_time=finished_at.isoformat(),
        duration=(finished_at - plan.started_at).total_seconds(),
    )
    try:
        (ledger.file or OutputFile(plan.output_path)).write(notebook)
        return plan.output_path
    except DocumentError as error:
        rescued = _rescue(ledger)
        if ledger.failure is None:
            ledger.failure = from_exception(error)
        elif ledger.failure.kind != "output_error":
            ledger.warnings.append(f"The executed notebook: {error.message}.")
        return rescued


def _rescue(ledger: Ledger) -> Path | None:
    """The executed notebook in the run's record, where its own place cannot be written."""
    if ledger.record is None or ledger.prepared is None or not ledger.outcomes:
        return None
    rescued = ledger.record.outputs / "notebook.ipynb"
    try:
        ledger.record.outputs.mkdir(exist_ok=True)
        OutputFile(rescued).write(ledger.prepared.notebook)
    except (DocumentError, OSError):
        return None
    return rescued
