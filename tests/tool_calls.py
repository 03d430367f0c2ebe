"""Calls of tools, as a broker would make them, without a run around them."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from notebook_executor.lifecycle.loose import LooseProcess
from notebook_executor.tools.builtin import builtin_tools
from notebook_executor.tools.policy import Policy
from notebook_executor.tools.tool import Call

ENV = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}


def spawn_loose(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
) -> LooseProcess:
    return LooseProcess(argv, cwd, env, (stdin, stdout, stderr))


def call_builtin(tool: str, cwd: Path, policy: dict[str, Any], **arguments: Any) -> Any:
    """Call one of the built-in tools; ``policy`` is what a file of it would say."""
    return run_call(new_call(tool, cwd, policy, **arguments))


def new_call(tool: str, cwd: Path, policy: dict[str, Any], **arguments: Any) -> Call:
    return Call(
        tool=tool,
        arguments=arguments,
        policy=Policy.model_validate(policy).rooted(cwd),
        cwd=cwd,
        env=ENV,
        spawn=spawn_loose,
        cancelled=threading.Event(),
        spill=cwd / "outputs",
    )


def run_call(call: Call) -> Any:
    (tool,) = (one for one in builtin_tools() if one.name == call.tool)
    return tool.run(call)
