"""The terminal: a command, in the containment of the run."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from hermes_runtime.running import CappedOutput, drain, follow, outcome
from notebook_executor.errors import ToolDeniedError, ToolError
from notebook_executor.lifecycle.spawning import SpawnedProcess
from notebook_executor.tools.builtin.errors import translated
from notebook_executor.tools.tool import Call

_END_SECONDS = 30.0


def terminal(
    call: Call,
    command: str | list[str],
    timeout: Annotated[float, Field(gt=0, le=86400)] = 180,
    workdir: str | None = None,
) -> dict[str, Any]:
    """Run a command: output, exit_code, and error where something is to be said.

    Without a policy that allows any command there is no shell: pipes, redirections and variables
    are refused. timeout: seconds until it is ended, with exit_code 124. workdir: where it runs;
    the notebook's working directory if not given. What it leaves running ends with it. Of more
    than 50,000 bytes head and tail are returned, and the file named that has the rest.
    """
    argv = call.policy.terminal.argv(command, call.env)
    cwd = _workdir(call, workdir)
    output = CappedOutput(str(call.spill) if call.spill is not None else None)
    reading, writing = os.pipe()
    try:
        os.set_blocking(reading, False)
        try:
            with translated(repr(argv[0])):
                process = call.spawn(argv, cwd=cwd, env=call.env, stdout=writing, stderr=writing)
        finally:
            os.close(writing)
        limit = call.seconds_left(timeout)
        with translated("the command"), process:
            code = _follow(call, process, reading, output, time.monotonic() + limit)
        drain(reading, output)
    finally:
        os.close(reading)
        output.close()
    if code is None and call.cancelled.is_set():
        raise ToolError("the command was ended: nobody waits for it any more")
    return outcome(output, code, limit)


def _follow(
    call: Call, process: SpawnedProcess, reading: int, output: CappedOutput, end: float
) -> int | None:
    """Its exit code; None if it has to be ended."""

    def is_over() -> bool:
        return call.cancelled.is_set() or time.monotonic() >= end

    if follow(reading, output, process.wait, is_over):
        return process.wait(_END_SECONDS)
    process.kill()
    process.wait(_END_SECONDS)
    return None


def _workdir(call: Call, workdir: str | None) -> Path:
    """Where the command runs: at the notebook's place or below, or where files may be read.

    Raises:
        ToolDeniedError: It is elsewhere, and the policy does not allow any command.
        ToolError: There is no such folder.
    """
    try:
        path = (call.cwd / (workdir or ".")).resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise ToolError(f"workdir {workdir!r} is no path: {error}") from None
    files = call.policy.files
    roots = [str(call.cwd.resolve()), *files.read, *files.write]
    if not call.policy.terminal.any and not any(map(path.is_relative_to, roots)):
        raise ToolDeniedError(
            f"no command may run in {str(path)!r}",
            hint=f"Choose a workdir below one of these: {', '.join(roots)}.",
        )
    if not path.is_dir():
        raise ToolError(f"the workdir {str(path)!r} is not a folder")
    return path
