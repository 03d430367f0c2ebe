"""What tests read of a command: its result, its notebook, and its lines while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import nbformat
import psutil
import pytest

from notebook_executor import ExecutionResult

_PATIENCE = 60.0
_UNMARKED = psutil.Process().rlimit(psutil.RLIMIT_MSGQUEUE)
SLOW = "import time\nprint('busy', flush=True)\ntime.sleep(600)"


def result_of(stdout: str) -> ExecutionResult:
    """The one line on standard output, as the result that it is."""
    (line,) = stdout.splitlines()
    return ExecutionResult.model_validate_json(line)


def printed(path: Path, index: int) -> str:
    """What a cell of an executed notebook printed."""
    cell = nbformat.read(path, as_version=4).cells[index]
    return "".join(output.get("text", "") for output in cell.outputs)


def wait_for(line: str, stream: IO[str] | None) -> None:
    """Read until a line has come; the test's time limit is the patience."""
    assert stream is not None
    seen = []
    for text in stream:
        seen.append(text)
        if text.rstrip("\n") == line:
            return
    pytest.fail(f"{line!r} did not come, only {seen}")


def kernels(environment: dict[str, str]) -> list[psutil.Process]:
    """Living processes of kernels that were started with this test's private directory."""
    found = []
    for process in psutil.process_iter():
        try:
            # A forked kernel has its mark not in the environment that it began with.
            marked = process.rlimit(psutil.RLIMIT_MSGQUEUE) != _UNMARKED
            variables = process.environ()
        except psutil.Error:
            continue
        ours = variables.get("TMPDIR") == environment["TMPDIR"]
        if ours and (marked or "NBX_LEASE" in variables):
            found.append(process)
    return found


def settled(look: Callable[[], list[psutil.Process]]) -> list[psutil.Process]:
    """Look again, for a few seconds, until nothing is found: what is dying takes a moment."""
    deadline = time.monotonic() + _PATIENCE
    found = look()
    while found and time.monotonic() < deadline:
        time.sleep(0.02)
        found = look()
    return found
