"""Which tier a kernel gets: the best there is here, and never less than is required."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from notebook_executor.errors import KernelStartError
from notebook_executor.lifecycle.best_effort import BestEffortKernel
from notebook_executor.lifecycle.containment import Contained, Tier
from notebook_executor.lifecycle.directories import bases, new_directory_path
from notebook_executor.lifecycle.kept import KeptKernel
from notebook_executor.lifecycle.leases import outer_directory
from notebook_executor.lifecycle.reaper import reap
from notebook_executor.lifecycle.registry import described
from notebook_executor.lifecycle.supervisor import Supervisor

_RANK: dict[Tier, int] = {"best_effort": 0, "subreaper": 1, "namespace": 2}


class Containment:
    """Opens private directories for kernels, each in the best tier there is.

    Holds the guard process between kernels; ``close`` ends it. Safe to use from several threads.
    """

    def __init__(self) -> None:
        self.supervisor = Supervisor()
        self._reaped = False

    def prepare(self) -> None:
        """Begin what the first kernel would wait for; does not block, and may be called again."""
        if has_supervisors():
            self.supervisor.launch()

    def open(
        self,
        *,
        host_view: bool,
        required: Tier | None,
        record: Mapping[str, Any],
        directory: Path | None = None,
        owned: Path | None = None,
        server: str | None = None,
    ) -> Contained:
        """Make a private directory for a kernel.

        Args:
            host_view: Whether the kernel is to see the host's processes, which rules out the
                tier ``namespace``.
            required: The least tier that will do; None for any.
            record: What the lease file says of the kernel, for those who look.
            directory: Where: the path of a private directory that has ended; None for a new one,
                which lies in that of the kernel that this process is part of, if it is of one.
            owned: Another directory that is made, and goes with the private one.
            server: The fork server that its keeper is to come from.

        Raises:
            KernelStartError: There is no place for the directory, or something else at its path,
                or no tier that will do.
        """
        if not self._reaped:
            # What a host and its supervisors left that were all killed in the same instant.
            self._reaped = True
            reap(bases())
        tier, why_not = self._best(host_view)
        if not suffices(tier, required):
            raise KernelStartError(
                f"Containment {required!r} is required, and only {tier!r} is to be had: {why_not}",
                hint="Require less, or change what the reason names.",
            )
        told = described(record, tier)
        if tier == "best_effort":
            return BestEffortKernel(directory or _new_path(), told, owned)
        keep = partial(KeptKernel, self.supervisor, tier, record=told, owned=owned, server=server)
        try:
            return keep(directory=directory or _new_path())
        except KernelStartError as error:
            # A guard that was killed may have been asked while it was dying; the next one answers.
            if not error.details.get("retryable"):
                raise
            return keep(directory=directory or _new_path())

    def _best(self, host_view: bool) -> tuple[Tier, str]:
        if not has_supervisors():
            return "best_effort", "the others need Linux and /proc"
        if host_view:
            return "subreaper", "the host's processes are to be seen"
        problem = self.supervisor.problem()
        return ("subreaper", problem) if problem else ("namespace", "")

    def close(self) -> None:
        """End the guard, and with it whatever it still guards; may be called again."""
        self.supervisor.close()

    def __enter__(self) -> Containment:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def suffices(tier: Tier, required: Tier | None) -> bool:
    """Whether a tier promises as much as is required."""
    return required is None or _RANK[tier] >= _RANK[required]


def _new_path() -> Path:
    return new_directory_path(outer_directory())


def has_supervisors() -> bool:
    """Whether guard and keepers, and what they fork, can work here."""
    return sys.platform.startswith("linux") and os.path.isdir("/proc/self")
