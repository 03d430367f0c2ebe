"""Where a run is recorded: ``<root>/.nbx/runs/<run id>/``.

In it are ``record.json``, ``journal.jsonl``, ``tools.jsonl`` and ``outputs/``.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notebook_executor.documents.writing import write_bytes
from notebook_executor.errors import DocumentError, UsageError
from notebook_executor.execution.journal import line_of
from notebook_executor.models import ExecutionResult

if TYPE_CHECKING:
    from notebook_executor.execution.plan import Plan

STATE = ".nbx"


@dataclass(frozen=True)
class RunRecord:
    """The directory of one run's record."""

    directory: Path

    @property
    def result_file(self) -> Path:
        return self.directory / "record.json"

    @property
    def journal_file(self) -> Path:
        return self.directory / "journal.jsonl"

    @property
    def tools_file(self) -> Path:
        """A line for each tool call: which cell made it, with what, and how it went."""
        return self.directory / "tools.jsonl"

    @property
    def cancel_file(self) -> Path:
        """Whoever writes it wants the run to end."""
        return self.directory / "cancel.json"

    @property
    def outputs(self) -> Path:
        return self.directory / "outputs"

    @property
    def run_id(self) -> str:
        return self.directory.name

    def write(self, result: ExecutionResult) -> None:
        """Write ``record.json``, atomically.

        Raises:
            DocumentError: It cannot be written.
        """
        write_bytes((result.to_json(indent=1) + "\n").encode(), self.result_file)

    def read(self) -> ExecutionResult | None:
        """The result; None for a run that goes on, or that was cut off.

        Raises:
            UsageError: The file is there, but holds no result.
        """
        try:
            text = self.result_file.read_text("utf-8")
        except FileNotFoundError:
            return None
        try:
            return ExecutionResult.model_validate_json(text)
        except ValueError as error:
            raise UsageError(f"{self.result_file} does not hold a result: {error}") from error

    def begin(self, header: dict[str, Any]) -> None:
        """Write the first line of the journal, which says of a run that goes on what it is.

        Raises:
            DocumentError: It cannot be written.
        """
        try:
            self.journal_file.write_bytes(line_of(header))
        except OSError as error:
            raise DocumentError(
                f"The run cannot be recorded: {self.directory}: {error.strerror}",
                hint="Set NBX_STATE_DIR to a directory that can be written.",
                kind="output_error",
            ) from error

    def header(self) -> dict[str, Any]:
        """What the journal's first line says of the run; empty when it cannot be read."""
        try:
            with self.journal_file.open(encoding="utf-8") as lines:
                loaded = json.loads(lines.readline())
        except (OSError, ValueError):
            return {}
        return loaded if isinstance(loaded, dict) else {}


def create_record(run_id: str, root: Path, state_dir: str | None, output: Path | None) -> RunRecord:
    """Make the directory of a new run's record.

    Below the root; where that cannot be written in ``state_dir``, else beside the output.

    Raises:
        DocumentError: None of these can be written.
        FileExistsError: There is a run of this id already.
    """
    places = [root / STATE]
    if state_dir:
        places.append(Path(state_dir))
    if output is not None:
        places.append(output.parent / STATE)
    reasons = []
    for place in places:
        try:
            return _make(place, run_id)
        except FileExistsError:
            if (place / "runs" / run_id).exists():
                raise
            reasons.append(f"{place}: a part of the path is a file")
        except OSError as error:
            reasons.append(f"{place}: {error.strerror}")
    raise DocumentError(
        f"The run cannot be recorded: {'; '.join(reasons)}",
        hint="Set NBX_STATE_DIR to a directory that can be written.",
        kind="output_error",
    )


def _make(place: Path, run_id: str) -> RunRecord:
    directory = place / "runs" / run_id
    directory.mkdir(parents=True)
    hide_from_git(place)
    # A directory that can be made but not written (full disk) must not be chosen.
    probe = directory / "journal.jsonl"
    try:
        probe.touch()
    except OSError:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    return RunRecord(directory)


def hide_from_git(place: Path) -> None:
    """Have git ignore a folder of ours, itself included."""
    ignore = place / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")


def state_directories(root: Path, state_dir: str | None) -> list[Path]:
    places = [root / STATE, *([Path(state_dir)] if state_dir else [])]
    return [place / "runs" for place in places if (place / "runs").is_dir()]


def iter_records(root: Path, state_dir: str | None = None) -> Iterator[RunRecord]:
    """All runs recorded for a root, the newest first."""
    found = [
        RunRecord(Path(entry.path))
        for place in state_directories(root, state_dir)
        for entry in os.scandir(place)
        if entry.is_dir()
    ]
    yield from sorted(found, key=lambda record: record.run_id, reverse=True)


def find_record(root: Path, name: str, state_dir: str | None = None) -> RunRecord:
    """A run by its id, by a prefix of it, or by ``last``.

    Raises:
        UsageError: There is no such run, or more than one.
    """
    records = list(iter_records(root, state_dir))
    if not records:
        raise UsageError(f"No run is recorded below {root}", hint="Run a notebook first.")
    if name == "last":
        return records[0]
    exact = [record for record in records if record.run_id == name]
    found = exact or [record for record in records if record.run_id.startswith(name)]
    if not found and len(name) >= 4:
        found = [record for record in records if record.run_id.partition("-")[2].startswith(name)]
    if not found:
        raise UsageError(f"No run is called {name!r}", hint="nbx runs list shows what there is.")
    if len(found) > 1:
        names = ", ".join(record.run_id for record in found[:5])
        raise UsageError(f"{len(found)} runs begin with {name!r}: {names}", hint="Say more of it.")
    return found[0]


def header_of(plan: Plan) -> dict[str, Any]:
    """The journal's first line: what the run is, and which process it belongs to."""
    request = plan.request
    return {
        "run_id": plan.run_id,
        "started_at": plan.started_at.isoformat(),
        "input_path": str(plan.input_path) if plan.input_path else None,
        "output_path": str(plan.output_path) if plan.output_path else None,
        "pid": os.getpid(),
        "pid_started": process_start(os.getpid()),
        "timeout": request.timeout,
        "run_timeout": request.run_timeout,
        "trigger": request.trigger.model_dump(mode="json"),
        "labels": dict(request.labels or {}),
        "sweep": request.sweep,
    }


def process_start(pid: int) -> float | None:
    """When a process started, to tell it from a later one with the same pid; None if gone.

    One that has exited is gone, also while nobody has collected it.
    """
    import psutil

    try:
        process = psutil.Process(pid)
        is_gone = process.status() == psutil.STATUS_ZOMBIE
        return None if is_gone else float(process.create_time())
    except psutil.Error:
        return None


def is_running(header: dict[str, Any]) -> bool:
    """Whether the process that wrote a journal's header is still there."""
    pid, started = header.get("pid"), header.get("pid_started")
    return isinstance(pid, int) and started is not None and process_start(pid) == started
