"""Kernels and their processes: private directories, connections, launch and end.

Knows no notebook. Other Jupyter projects can use this room alone: it needs jupyter_client and
nothing else of what the package depends on. The supervisors import it too, and nothing but the
standard library: names are therefore looked up when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from notebook_executor.lifecycle.auxiliary.launched import LaunchedSession, launch
    from notebook_executor.lifecycle.auxiliary.session import EndedSession
    from notebook_executor.lifecycle.auxiliary.table import (
        cleanup_all_sessions,
        register_session,
        unregister_session,
    )
    from notebook_executor.lifecycle.choice import Containment
    from notebook_executor.lifecycle.kernel import Graces, Kernel, KernelEnd, start_kernel
    from notebook_executor.lifecycle.kernelspecs import LaunchSpec, find_launch_spec
    from notebook_executor.lifecycle.limits import LimitHit, ResourceLimits
    from notebook_executor.lifecycle.reaper import reap
    from notebook_executor.lifecycle.registry import live_kernels

_HOMES = {
    "Containment": "choice",
    "EndedSession": "auxiliary.session",
    "Graces": "kernel",
    "Kernel": "kernel",
    "KernelEnd": "kernel",
    "LaunchSpec": "kernelspecs",
    "LaunchedSession": "auxiliary.launched",
    "LimitHit": "limits",
    "ResourceLimits": "limits",
    "cleanup_all_sessions": "auxiliary.table",
    "find_launch_spec": "kernelspecs",
    "launch": "auxiliary.launched",
    "live_kernels": "registry",
    "reap": "reaper",
    "register_session": "auxiliary.table",
    "start_kernel": "kernel",
    "unregister_session": "auxiliary.table",
}

__all__ = [
    "Containment",
    "EndedSession",
    "Graces",
    "Kernel",
    "KernelEnd",
    "LaunchSpec",
    "LaunchedSession",
    "LimitHit",
    "ResourceLimits",
    "cleanup_all_sessions",
    "find_launch_spec",
    "launch",
    "live_kernels",
    "reap",
    "register_session",
    "start_kernel",
    "unregister_session",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
