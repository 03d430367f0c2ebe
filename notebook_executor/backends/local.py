"""The built-in backend: kernels on this machine, each in a private directory, over IPC."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import hermes_runtime
from notebook_executor.backends.protocol import KernelRequest, Lease
from notebook_executor.lifecycle.choice import Containment
from notebook_executor.lifecycle.kernel import start_kernel
from notebook_executor.lifecycle.kernelspecs import LaunchSpec, find_launch_spec

# As nbclient does: parallel kernels that share one history database lock each other out.
_IPYKERNEL_ARGUMENTS = ("--HistoryManager.hist_file=:memory:",)


class LocalBackend:
    """Leases kernels that run on this machine as its user."""

    def __init__(self) -> None:
        self._containment = Containment()

    def close(self) -> None:
        """End the guard process that is kept between leases; may be called again."""
        self._containment.close()

    @contextmanager
    def lease(self, request: KernelRequest) -> Iterator[Lease]:
        """See ``Backend.lease``."""
        spec = find_launch_spec(
            request.kernel_name,
            python=request.python,
            wanted=request.wanted,
            language=request.language,
        )
        with start_kernel(
            spec,
            self._containment,
            cwd=request.cwd,
            env=request.env,
            start_timeout=request.start_timeout,
            host_view=request.host_view,
            extra_arguments=_IPYKERNEL_ARGUMENTS if spec.is_ipykernel else (),
            graces=request.graces,
            prepare=_runtime_copier(spec, request.env),
        ) as kernel:
            lease = Lease(
                handle=kernel,
                channels=kernel.channels,
                info=kernel.info,
                name=spec.name,
                python=spec.executable,
                transport=kernel.transport,
                containment=kernel.containment,
                warnings=(spec.warning,) if spec.warning else (),
                ended=lambda: kernel.end,
            )
            yield lease


def _runtime_copier(
    spec: LaunchSpec, env: Mapping[str, str]
) -> Callable[[Path], Mapping[str, str]]:
    """What lets the Python of another environment import ``hermes_runtime``, and nothing else."""

    def copy(directory: Path) -> Mapping[str, str]:
        if spec.language != "python" or spec.executable == sys.executable:
            return {}
        library = directory / "lib"
        source = Path(hermes_runtime.__file__).parent
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, library / source.name, ignore=ignored)
        return {"PYTHONPATH": os.pathsep.join(filter(None, (str(library), env.get("PYTHONPATH"))))}

    return copy
