"""The built-in backend: kernels on this machine, each in a private directory, over IPC."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

import hermes_runtime
from notebook_executor.backends.protocol import KernelRequest, Lease
from notebook_executor.errors import KernelStartError
from notebook_executor.lifecycle.choice import Containment
from notebook_executor.lifecycle.kernel import Kernel, start_kernel
from notebook_executor.lifecycle.kernelspecs import LaunchSpec, find_launch_spec
from notebook_executor.lifecycle.premade import HISTORY_IN_MEMORY
from notebook_executor.lifecycle.warm import WarmKernels, Warmth

Environment = Callable[[], Mapping[str, str]]

_IPYKERNEL_ARGUMENTS = (
    # As nbclient does: parallel kernels that share one history database lock each other out.
    HISTORY_IN_MEMORY,
    # A pause before each reply, for front ends that do not wait for the outputs. We wait for idle.
    "--IPythonKernel._execute_sleep=0",
)

# How long a kernel that may not speak IPC at all has to show that it does.
_IPC_SECONDS = 20.0
_TCP_ATTEMPTS = 3


class LocalBackend:
    """Leases kernels that run on this machine as its user.

    Args:
        warm: Which of them are forks of a process that has ipykernel loaded; see ``WarmKernels``.
        preload: What that process imports besides.
    """

    def __init__(self, warm: Warmth = False, preload: Sequence[str] = ()) -> None:
        self.warm: Warmth = warm
        self.preload = tuple(preload)
        self._containment = Containment()
        self._warm = WarmKernels(self._containment, warm, preload)
        self._tcp_only: set[str] = set()

    def prepare(self) -> None:
        """Begin what the first lease would wait for; does not block, and may be called again."""
        self._containment.prepare()

    def expect(self, kernel_name: str | None, python: str | None, env: Environment) -> None:
        """Begin what the first lease waits for, if it is for such a kernel; does not block.

        Args:
            kernel_name: The kernelspec; None for what most notebooks name.
            python: The interpreter instead.
            env: Gives the kernel's environment.
        """
        if not self._warm.untouched:
            return
        with suppress(KernelStartError, OSError):
            spec = find_launch_spec(kernel_name, python=python, wanted="python3", language="python")
            if spec.is_ipykernel:
                self._warm.expect(spec, _IPYKERNEL_ARGUMENTS, env())

    def close(self) -> None:
        """End what is kept between leases, the guard process too; may be called again."""
        self._warm.close()
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
        with ExitStack() as stack:
            kernel, warnings = self._start(spec, request, stack)
            yield Lease(
                handle=kernel,
                channels=kernel.channels,
                info=kernel.info,
                name=spec.name,
                python=spec.executable,
                transport=kernel.transport,
                containment=kernel.containment,
                warm=kernel.warm,
                warnings=tuple(filter(None, (spec.warning, *warnings, self._why_cold(kernel)))),
                ended=lambda: kernel.end,
                spawn=kernel.contained.spawn,
            )

    def _why_cold(self, kernel: Kernel) -> str:
        asked = self._warm.mode is True and kernel.why_cold
        return f"The kernel was started cold: {kernel.why_cold}." if asked else ""

    def _start(
        self, spec: LaunchSpec, request: KernelRequest, stack: ExitStack
    ) -> tuple[Kernel, list[str]]:
        """Start over IPC; a kernel that is not known to speak it gets a second try over TCP."""
        if spec.is_ipykernel:
            return stack.enter_context(self._kernel(spec, request, "ipc")), []
        if spec.name not in self._tcp_only:
            patience = min(request.start_timeout / 2, _IPC_SECONDS)
            try:
                hasty = replace(request, start_timeout=patience)
                return stack.enter_context(self._kernel(spec, hasty, "ipc")), []
            except KernelStartError as error:
                if not error.details.get("retryable"):
                    raise
        kernel = stack.enter_context(self._over_tcp(spec, request))
        self._tcp_only.add(spec.name)
        return kernel, [f"The kernel {spec.name!r} does not speak IPC and ran over TCP."]

    @contextmanager
    def _over_tcp(self, spec: LaunchSpec, request: KernelRequest) -> Iterator[Kernel]:
        """Try again where a port was taken between its choice and its use (jupyter_client#487)."""
        with ExitStack() as stack:
            for left in reversed(range(_TCP_ATTEMPTS)):
                try:
                    kernel = stack.enter_context(self._kernel(spec, request, "tcp"))
                    break
                except KernelStartError as error:
                    if not left or "ddress already in use" not in str(error.details):
                        raise
            yield kernel

    def _kernel(
        self, spec: LaunchSpec, request: KernelRequest, transport: Literal["ipc", "tcp"]
    ) -> AbstractContextManager[Kernel]:
        return start_kernel(
            spec,
            self._containment,
            cwd=request.cwd,
            env=request.env,
            start_timeout=request.start_timeout,
            transport=transport,
            host_view=request.host_view,
            required=request.required,
            limits=request.limits,
            extra_arguments=_IPYKERNEL_ARGUMENTS if spec.is_ipykernel else (),
            graces=request.graces,
            prepare=_preparer(spec, request),
            about=request.about,
            unwanted=request.unwanted,
            warm=self._warm,
        )


def _preparer(spec: LaunchSpec, request: KernelRequest) -> Callable[[Path], Mapping[str, str]]:
    def prepare(directory: Path) -> Mapping[str, str]:
        wanted = dict(request.prepare(directory))
        if spec.language == "python" and spec.executable != sys.executable:
            known = wanted.get("PYTHONPATH", request.env.get("PYTHONPATH"))
            wanted["PYTHONPATH"] = os.pathsep.join(filter(None, (_copy_runtime(directory), known)))
        return wanted

    return prepare


def _copy_runtime(directory: Path) -> str:
    """What lets the Python of another environment import ``hermes_runtime``, and nothing else.

    Returns:
        What is to be on its path.
    """
    library = directory / "lib"
    source = Path(hermes_runtime.__file__).parent
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(source, library / source.name, ignore=ignored)
    return str(library)
