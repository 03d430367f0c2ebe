"""Runs, edits, checks and compares Jupyter notebooks, and leaves nothing behind.

The layers, highest first; imports point downward only, and the rooms of one line do not import
each other:

- ``cli``: the command ``nbx``, one file a command
- ``executor``: ``NotebookExecutor``, the façade, which only delegates
- ``project_checks``: what it delegates to that proves notebooks by running them
- ``project_documents``, ``kernel_supply``: what it delegates to without and with kernels
- ``review``: what a pull request does to notebooks
- ``schedule``: notebooks at their times
- ``sweeps``: one notebook at many points
- ``execution``: one run, from request to result; its pipeline is ``execution/run.py``
- ``tools``, ``backends``: what notebooks may have done for them; where a kernel comes from
- ``documents``, ``scraps``, ``lifecycle``: notebooks as files; named outputs; kernels as processes
- ``models``, ``config``: the contract's data; settings
- ``briefing``, ``text``, ``errors``, ``nbformat_loading``

``hermes_runtime``, beside this package, is imported inside kernels and imports nothing of it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from notebook_executor.config import Limits, Settings
    from notebook_executor.errors import NotebookExecutorError
    from notebook_executor.execution.history import Runs
    from notebook_executor.execution.started import Run
    from notebook_executor.executor import NotebookExecutor
    from notebook_executor.models import Event, ExecutionResult
    from notebook_executor.review.models import Review
    from notebook_executor.review.proposal import Proposal
    from notebook_executor.sweeps.sweep import Sweep

_HOMES = {
    "Event": "models",
    "ExecutionResult": "models",
    "Limits": "config",
    "NotebookExecutor": "executor",
    "NotebookExecutorError": "errors",
    "Proposal": "review.proposal",
    "Review": "review.models",
    "Run": "execution.started",
    "Runs": "execution.history",
    "Settings": "config",
    "Sweep": "sweeps.sweep",
}

__all__ = [
    "Event",
    "ExecutionResult",
    "Limits",
    "NotebookExecutor",
    "NotebookExecutorError",
    "Proposal",
    "Review",
    "Run",
    "Runs",
    "Settings",
    "Sweep",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: ``lifecycle`` works without pydantic."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """Where Jupyter Server finds what ends the sessions of its kernels."""
    return [{"module": "notebook_executor.lifecycle.server_extension"}]


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
