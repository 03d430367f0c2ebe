"""Programs of others that we call: git, and what an operator wants to be told by.

Each has a time limit, no terminal to ask at, and ends with all that it has started in its session.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_KEPT = 20_000  # bytes of what a program printed, its end
_GRACE = 5.0


@dataclass(frozen=True)
class Finished:
    """How a program ended.

    Attributes:
        code: Its exit code; minus the signal's number if that ended it; None if its time was up.
        stdout: What it printed; of much, the end.
        stderr: The same of standard error.
    """

    code: int | None
    stdout: bytes
    stderr: bytes

    @property
    def complaint(self) -> str:
        """Why it failed, in its own words as far as there are some."""
        said = (self.stderr.strip() or self.stdout.strip()).decode("utf-8", "replace")
        how = "its time was up" if self.code is None else f"exit code {self.code}"
        return f"{how}: {said}" if said else how


def run_command(
    argv: Sequence[str],
    *,
    timeout: float,
    stdin: bytes = b"",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    keep: int | None = _KEPT,
) -> Finished:
    """Run a program to its end.

    What it leaves running in the background is its own affair, and does not delay the return;
    but when its time is up, its session is killed with it.

    Args:
        argv: The program and its arguments.
        timeout: Seconds until it is killed.
        stdin: What it can read.
        cwd: Where it runs; None for here.
        env: Its whole environment; None for ours.
        keep: Bytes of each stream that are returned, the last ones; None for all.

    Raises:
        OSError: It cannot be started.
    """
    # Files, not pipes: a pipe that a daemon has inherited would be waited for.
    with contextlib.ExitStack() as files:
        given, out, err = (files.enter_context(tempfile.TemporaryFile()) for _ in range(3))
        given.write(stdin)
        given.seek(0)
        process = subprocess.Popen(
            argv, stdin=given, stdout=out, stderr=err, cwd=cwd, env=env, start_new_session=True
        )
        code = _wait(process, timeout)
        return Finished(code, _end_of(out, keep), _end_of(err, keep))


def _wait(process: subprocess.Popen[bytes], timeout: float) -> int | None:
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.returncode is None:  # not waited for, so the number is still its own
            os.killpg(process.pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE)


def _end_of(file: IO[bytes], keep: int | None) -> bytes:
    size = file.seek(0, os.SEEK_END)
    file.seek(0 if keep is None else max(0, size - keep))
    return file.read()
