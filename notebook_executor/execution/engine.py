"""Cells, one after the other, on a leased kernel. A cell's status has one source: its reply."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from notebook_executor.backends.protocol import Lease
from notebook_executor.documents.cells import has_tag
from notebook_executor.execution.failures import CellFailure, Failure
from notebook_executor.execution.outputs import NotebookOutputs, record_time
from notebook_executor.execution.secrets import NOTHING_SECRET, Mask
from notebook_executor.execution.spilling import SpillPlace
from notebook_executor.execution.watchdog import Ending, Watchdog
from notebook_executor.execution.widgets import Widgets
from notebook_executor.lifecycle.connection import Message
from notebook_executor.models import CellStatus, ErrorKind
from notebook_executor.text import plain

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from notebook_executor.tools.cells import Cells

# How long a dead kernel's last messages may take from its socket to ours.
_LAST_WORDS = 0.2
_CELL_LINE = re.compile(r"Cell In\s?\[(\d+)\], line (\d+)")
_BODY_LINE = re.compile(r"File <timed exec>:(\d+)")
# What hermes_runtime raises, and ipykernel for ``input()``.
_KINDS: dict[str, ErrorKind] = {
    "StdinNotImplementedError": "stdin_requested",
    "ToolDeniedError": "tool_denied",
    "ReplayMismatchError": "replay_mismatch",
}
_STATUSES: dict[Ending, CellStatus] = {
    "cell_timeout": "timeout",
    "run_timeout": "timeout",
    "cancelled": "error",
}
_ERRORS: dict[Ending, str] = {
    "cell_timeout": "CellTimeoutError",
    "run_timeout": "CellTimeoutError",
    "cancelled": "Cancelled",
}


@dataclass(frozen=True)
class CellOutcome:
    """How one cell went.

    Attributes:
        reply: The content of the kernel's execute_reply; empty where none came.
        failure: Set where this cell ends the run.
        last: The notebook asked to end here (``sys.exit(0)``, ``exit()``): not a failure.
    """

    status: CellStatus
    duration_seconds: float = 0.0
    reply: dict[str, Any] = field(default_factory=dict)
    failure: Failure | None = None
    last: bool = False


class CellObserver(Protocol):
    """Whoever wants to know of each cell, markdown included, before and after its turn."""

    def cell_started(self, index: int, cell: NotebookNode) -> None: ...

    def output(self, index: int, output: NotebookNode, sync: Callable[[], None]) -> None:
        """``sync`` brings the cell's streams in the notebook up to date; it costs their length."""

    def late(self, index: int) -> None:
        """A finished cell changes; its streams are up to date when the running one finishes."""

    def quiet(self, sync: Callable[[], None]) -> None:
        """Called every now and then while a cell runs and sends nothing."""

    def underway(self) -> None:
        """Called when a cell has been sent: what is done now delays neither it nor the next."""

    def cell_finished(self, index: int, cell: NotebookNode, outcome: CellOutcome) -> None: ...


class Engine:
    """Executes a notebook's cells on one lease.

    Args:
        lease: The kernel; the engine is the only one to use its channels meanwhile.
        watchdog: Enforces the deadlines.
        observer: Told of each step.
        place: Where outputs go that are too large.
        iopub_timeout: Seconds of silence after a reply until outputs count as lost.
        cells: Told which cell is running, for the tools that it may call.
        mask: Hides secrets in what the kernel says.
    """

    def __init__(
        self,
        lease: Lease,
        watchdog: Watchdog,
        observer: CellObserver,
        place: SpillPlace,
        iopub_timeout: float,
        cells: Cells | None = None,
        mask: Mask = NOTHING_SECRET,
    ) -> None:
        self._lease = lease
        self._watchdog = watchdog
        self._observer = observer
        self._iopub_timeout = iopub_timeout
        self._cells = cells
        self._mask = mask
        self._widgets = Widgets(lease)
        self._outputs = NotebookOutputs(self._widgets, place, observer.output, observer.late)
        self._complete = True
        # A secret that is cut in two would not be recognised.
        lease.channels.cuts_streams = not mask.hides

    @property
    def outputs_complete(self) -> bool:
        """False when the kernel, or we, lost some of what was printed."""
        return self._complete and self._lease.channels.malformed == 0

    def run(
        self,
        notebook: NotebookNode,
        selected: Callable[[int], bool] = lambda _: True,
        aside: tuple[int, str] | None = None,
    ) -> Failure | None:
        """Execute the cells in order until one fails; sets the notebook's metadata too.

        Args:
            notebook: Changed in place; right at every moment for what has happened so far.
            selected: Whether the cell at an index is to run.
            aside: Code that is in no cell, and leaves no trace, and the index of the cell that it
                follows.

        Returns:
            What ended the run early; None when nothing did.
        """
        notebook.metadata["language_info"] = self._lease.info.get("language_info", {})
        try:
            for index, cell in enumerate(notebook.cells):
                outcome = self._turn(index, cell, selected(index))
                if outcome.failure is not None:
                    return outcome.failure
                if outcome.last:
                    return None
                if aside is not None and aside[0] == index:
                    failure = self._execute_aside(aside[1])
                    if failure is not None:
                        return failure
        finally:
            self._outputs.sync()
            state = self._widgets.metadata()
            if state is not None:
                notebook.metadata["widgets"] = state
        return None

    def _turn(self, index: int, cell: NotebookNode, selected: bool) -> CellOutcome:
        fired = self._watchdog.fired
        if fired is not None:
            return CellOutcome("not_run", failure=Failure(fired.kind, "", state="live"))
        if cell.cell_type == "code" and not selected:
            return self._finished(index, cell, CellOutcome("skipped"))
        self._observer.cell_started(index, cell)
        if cell.cell_type != "code" or not cell.source.strip():
            return self._finished(index, cell, CellOutcome("skipped"))
        if has_tag(cell, "skip-execution"):
            return self._finished(index, cell, CellOutcome("skipped"))
        began = time.monotonic()
        try:
            return self._finished(index, cell, self._execute(index, cell, began))
        except BaseException:
            self._outputs.finish()
            raise

    def _finished(self, index: int, cell: NotebookNode, outcome: CellOutcome) -> CellOutcome:
        self._observer.cell_finished(index, cell, outcome)
        return outcome

    def _execute(self, index: int, cell: NotebookNode, began: float) -> CellOutcome:
        expects_error = has_tag(cell, "raises-exception")
        self._outputs.begin(index, cell)
        self._lease.handle.busy = True
        with self._watchdog.cell() as allowed:
            reply = self._ask(cell, stop_on_error=not expects_error) if allowed else None
        self._complete = self._outputs.finish() and self._complete
        took = time.monotonic() - began
        fired = self._watchdog.fired
        if not allowed and fired is not None:
            self._lease.handle.busy = False
            return CellOutcome("not_run", failure=Failure(fired.kind, "", state="live"))
        if reply is None:
            return self._died(index, took)
        self._lease.handle.busy = False
        reply = _with_shown_error(reply, cell)
        finished = fired is not None and fired.kind == "cancelled" and reply.get("status") == "ok"
        if fired is not None and not finished:
            failure = Failure(fired.kind, "", state="live", signal=fired.signal)
            cell_failure = _cell_failure(index, cell, reply, _ERRORS[fired.kind])
            return CellOutcome(_STATUSES[fired.kind], took, reply, failure.at(cell_failure))
        return _judge(index, cell, reply, took, expects_error)

    def _died(self, index: int, took: float) -> CellOutcome:
        fired = self._watchdog.fired
        if fired is None:
            died = CellFailure(index, "KernelDiedError", "")
            return CellOutcome("error", took, failure=Failure("kernel_died", "", cell=died))
        cell_failure = CellFailure(index, _ERRORS[fired.kind], "")
        failure = Failure(fired.kind, "", signal=fired.signal, cell=cell_failure)
        return CellOutcome(_STATUSES[fired.kind], took, failure=failure)

    def _execute_aside(self, code: str) -> Failure | None:
        from nbformat.v4 import new_code_cell

        channels, nowhere = self._lease.channels, new_code_cell(metadata={"execution": {}})
        request = {"code": code, "silent": True, "store_history": False, "allow_stdin": False}
        with self._watchdog.cell() as allowed:
            if not allowed:
                return None  # the next cell's turn says why
            reply = self._listen(channels.send("shell", "execute_request", request), nowhere)
        if reply is None:
            return Failure("kernel_died", "")
        if reply.get("status") == "ok":
            return None
        # What the kernel says of it may have the value in it.
        return Failure("internal", "The kernel did not accept the secret parameters", state="live")

    def _ask(self, cell: NotebookNode, *, stop_on_error: bool) -> dict[str, Any] | None:
        """Execute the source; None when the kernel died before it had answered."""
        request = {
            "code": cell.source,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": stop_on_error,
        }
        channels = self._lease.channels
        # Known before it is sent: the cell may call a tool before ``send`` has returned.
        message = channels.session.msg("execute_request", request)
        request_id = str(message["header"]["msg_id"])
        self._outputs.expect(request_id)
        if self._cells is not None:
            self._cells.began(request_id, cell.id, self._watchdog.deadline)
        try:
            channels.send("shell", message)
            self._observer.underway()
            return self._listen(request_id, cell)
        finally:
            if self._cells is not None:
                self._cells.ended()

    def _listen(self, request_id: str, cell: NotebookNode) -> dict[str, Any] | None:
        """Wait for the reply *and* for idle: only then have all outputs arrived."""
        channels = self._lease.channels
        reply: dict[str, Any] | None = None
        idle = False
        while reply is None or not idle:
            messages = channels.receive(self._patience(reply is not None))
            for message in map(self._mask.message, messages):
                if message.channel == "iopub":
                    self._take(message)
                    idle = idle or _is_idle(message, request_id)
                elif message.parent_id == request_id and message.type == "execute_reply":
                    reply = message.content
                    record_time(cell, "shell.execute_reply", message.body)
            if messages:
                continue
            self._observer.quiet(self._outputs.sync)
            if channels.dead:
                return reply
            if reply is not None:
                self._complete = False
                break
        return reply

    def _take(self, message: Message) -> None:
        """Handle an IOPub message; one that is not as the protocol says must not end the run."""
        try:
            self._outputs.handle(message)
        except Exception:  # whatever a malformed message makes us, or nbformat, raise
            self._lease.channels.malformed += 1

    def _patience(self, replied: bool) -> float | None:
        if self._lease.channels.dead:
            return _LAST_WORDS
        return self._iopub_timeout if replied else None


def _is_idle(message: Message, request_id: str) -> bool:
    if message.type != "status" or message.parent_id != request_id:
        return False
    return bool(message.content.get("execution_state") == "idle")


def _with_shown_error(reply: dict[str, Any], cell: NotebookNode) -> dict[str, Any]:
    """The reply, or the error that the cell has shown where its reply knows of none.

    ``%run`` of a script that fails, and magics and handlers that show a traceback by themselves,
    are answered with ok (papermill#381, papermill#501).
    """
    if reply.get("status") != "ok":
        return reply
    shown = [output for output in cell.outputs if output.output_type == "error"]
    return {**reply, "status": "error", **shown[-1]} if shown else reply


def _judge(
    index: int, cell: NotebookNode, reply: dict[str, Any], took: float, expects_error: bool
) -> CellOutcome:
    if reply.get("status") == "ok":
        return CellOutcome("ok", took, reply, last=_asked_to_exit(reply))
    if reply.get("ename") == "SystemExit" and reply.get("evalue") in ("", "0", "None"):
        return CellOutcome("ok", took, reply, last=True)
    if expects_error:
        return CellOutcome("expected_error", took, reply)
    failed = _cell_failure(index, cell, reply, "CellFailedError")
    kind = _KINDS.get(failed.ename, "cell_error")
    failure = Failure(kind, "", state="live", cell=failed)
    return CellOutcome("error", took, reply, failure)


def _asked_to_exit(reply: dict[str, Any]) -> bool:
    """Whether the cell called ``exit()`` or ``quit()``: IPython then ends the kernel."""
    return any(
        item.get("source") == "ask_exit" and not item.get("keepkernel")
        for item in reply.get("payload") or ()
    )


def _cell_failure(
    index: int, cell: NotebookNode, reply: dict[str, Any], default: str
) -> CellFailure:
    lines = reply.get("traceback") or []
    traceback = plain("\n".join(str(line) for line in lines))
    return CellFailure(
        output_index=index,
        ename=str(reply.get("ename") or default),
        evalue=plain(str(reply.get("evalue") or "")),
        traceback=traceback,
        line=_failing_line(traceback, cell.get("execution_count")),
    )


def _failing_line(traceback: str, execution_count: int | None) -> int | None:
    """The deepest line of this very cell that the traceback names.

    A cell magic (``%%time``) runs its body under another name, counted from the line below it.
    """
    body = [int(line) + 1 for line in _BODY_LINE.findall(traceback)]
    if body:
        return body[-1]
    lines = [
        int(line) for count, line in _CELL_LINE.findall(traceback) if int(count) == execution_count
    ]
    return lines[-1] if lines else None
