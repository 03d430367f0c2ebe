"""From a request to a plan: absolute paths, deadlines, the run's id. Touches no file."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from notebook_executor.config import Settings
from notebook_executor.execution.request import RunRequest, StrPath

RECORDING = ".tools.jsonl"
"""In place of a notebook's suffix: the recording of its tool calls that goes with it."""


@dataclass(frozen=True)
class Plan:
    """Everything about a run that is decided before it starts.

    Attributes:
        run_id: Sorts by time.
        input_path: None where the notebook was passed as an object.
        source: The file that is read; another than ``input_path`` where it is a copy of that.
        output_path: None where no notebook is to be written.
        cwd: The kernel's working directory.
        parameters: As passed, or the address of a file of them.
        python: The interpreter to run.
        deadline: On the monotonic clock; None without a run timeout.
        record: The file that tool calls are recorded in.
        replay: The recording that answers them.
    """

    request: RunRequest
    settings: Settings
    run_id: str
    started_at: datetime
    began: float
    root: Path
    input_path: Path | None
    source: Path | None
    output_path: Path | None
    cwd: Path
    parameters: Mapping[str, Any] | str | None
    python: str | None
    deadline: float | None
    record: Path | None = None
    replay: Path | None = None

    def starting_now(self) -> Plan:
        """The plan of a run that had to wait: its times count from now, its id stays."""
        began = time.monotonic()
        limit = self.request.run_timeout
        return replace(
            self,
            started_at=datetime.now(UTC),
            began=began,
            deadline=None if limit is None else began + limit,
        )

    def remaining(self, limit: float) -> float:
        """Seconds that may still be used of ``limit``, given the run's deadline."""
        if self.deadline is None:
            return limit
        return max(0.0, min(limit, self.deadline - time.monotonic()))


def make_plan(
    request: RunRequest, root: Path, settings: Settings, run_id: str | None = None
) -> Plan:
    started_at = datetime.now(UTC)
    began = time.monotonic()
    run_id = run_id or new_run_id(started_at)
    source = None if request.node is not None else _absolute(root, request.path)
    named = source if request.stands_for is None else _absolute(root, request.stands_for)
    return Plan(
        request=request,
        settings=settings,
        run_id=run_id,
        started_at=started_at,
        began=began,
        root=root,
        input_path=named,
        source=source,
        output_path=_output_path(request, root, named, run_id),
        cwd=_working_directory(request, root, source),
        parameters=_parameters(request, root),
        python=_python(request, root),
        deadline=None if request.run_timeout is None else began + request.run_timeout,
        record=_recording(request.record, root, source),
        replay=_recording(request.replay, root, source),
    )


def new_run_id(at: datetime) -> str:
    """UTC second, 4096ths of it in three hex digits, three random ones: ids sort by time."""
    fraction = at.microsecond * 4096 // 1_000_000
    return f"{at:%Y%m%dT%H%M%SZ}-{fraction:03x}{os.urandom(2).hex()[:3]}"


def _absolute(root: Path, path: str | os.PathLike[str]) -> Path:
    # Not resolved: a link stays the name that the caller knows.
    return Path(os.path.abspath(root / path))


def _output_path(request: RunRequest, root: Path, source: Path | None, run_id: str) -> Path | None:
    if request.output_path is False:
        return None
    if isinstance(request.output_path, str | os.PathLike):
        return _absolute(root, request.output_path)
    if source is None:
        folder = Path("notebook")
    elif source.is_relative_to(root):
        relative = source.relative_to(root)
        folder = relative.parent / relative.stem
    else:
        folder = Path(source.stem)
    return root / "runs" / folder / f"{run_id}.ipynb"


def _recording(given: StrPath | bool | None, root: Path, source: Path | None) -> Path | None:
    if given is None or isinstance(given, bool):
        return source.with_suffix(RECORDING) if given and source is not None else None
    return _absolute(root, given)


def _working_directory(request: RunRequest, root: Path, source: Path | None) -> Path:
    if request.cwd is not None:
        return _absolute(root, request.cwd)
    return source.parent if source is not None else root


def _parameters(request: RunRequest, root: Path) -> Mapping[str, Any] | str | None:
    given = request.parameters
    if given is None or isinstance(given, Mapping):
        return given
    address = os.fspath(given)
    # papermill also reads parameter files from s3://, gs:// and the like.
    return address if "://" in address else str(_absolute(root, address))


def _python(request: RunRequest, root: Path) -> str | None:
    if request.python is None:
        return None
    named = os.fspath(request.python)
    return str(_absolute(root, named)) if os.sep in named else named


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def git_commit(directory: Path) -> str | None:
    """The commit that is checked out where the notebook lies; None outside of a repository."""
    above = (directory, *directory.parents)
    # Starting git costs as much as a short notebook.
    if "GIT_DIR" not in os.environ and not any((place / ".git").exists() for place in above):
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(directory), "rev-parse", "--verify", "--quiet", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
