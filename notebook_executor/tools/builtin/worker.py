"""Work that might take for ever, or all there is, in a process of its own.

A regular expression or a page can be made so that Python works on it for days, and nothing else of
the host meanwhile. In a process within the run's containment it can be ended, and the run's limits
hold for it.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from typing import Any

from notebook_executor.errors import ToolDeniedError, ToolError
from notebook_executor.lifecycle.spawning import SpawnedProcess
from notebook_executor.tools.builtin.errors import translated
from notebook_executor.tools.tool import Call

_PAUSE = 0.05
_END_SECONDS = 30.0
_START = (
    "import json, sys; wanted = json.load(sys.stdin); sys.path[:] = wanted['path']; "
    "from notebook_executor.tools.builtin.worker_process import work; work(wanted)"
)
_KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "HOME", "TMPDIR")


def work_apart(call: Call, work: str, payload: Any, limit: float) -> Any:
    """Have a function called in another process.

    Args:
        call: Whose containment and deadline it has.
        work: ``module:function``, of one argument.
        payload: What JSON can hold; the argument.
        limit: Seconds until it is ended.

    Returns:
        What it has returned, as JSON holds it.

    Raises:
        ToolError: It raised one, took too long, or nobody waits for it any more.
    """
    wanted = {"path": sys.path, "work": work, "payload": payload}
    with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as answer:
        asked.write(json.dumps(wanted).encode())
        asked.seek(0)
        with translated(work):
            process = call.spawn(
                [sys.executable, "-I", "-c", _START],
                cwd=call.cwd,
                env={name: call.env[name] for name in _KEPT_VARIABLES if name in call.env},
                stdin=asked.fileno(),
                stdout=answer.fileno(),
            )
        with translated(work), process:
            _await(call, process, limit)
        answer.seek(0)
        told = answer.read()
    return _result(told)


def _await(call: Call, process: SpawnedProcess, limit: float) -> None:
    end = time.monotonic() + call.seconds_left(limit)
    while process.wait(_PAUSE) is None:
        if call.cancelled.is_set() or time.monotonic() >= end:
            process.kill()
            process.wait(_END_SECONDS)
            reason = "nobody waits for it any more" if call.cancelled.is_set() else "too slow"
            raise ToolError(f"this was given up: {reason}", hint="Ask for less at a time.")


def _result(told: bytes) -> Any:
    try:
        answer = json.loads(told)
    except ValueError:
        raise ToolError("the process that was to do this ended without an answer") from None
    if "error" in answer:
        kind = ToolDeniedError if answer["denied"] else ToolError
        raise kind(answer["error"], hint=answer["hint"])
    return answer["result"]
