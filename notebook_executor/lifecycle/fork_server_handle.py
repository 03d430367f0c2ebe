"""A fork server, seen from the host: what it was started for, and whether it can still be used."""

from __future__ import annotations

import os
import sys
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from notebook_executor.lifecycle.kernelspecs import LaunchSpec
from notebook_executor.lifecycle.supervisor import Supervisor

_ARGUMENTS = ("-m", "ipykernel_launcher", "-f", "{connection_file}")
_IMPORT_SECONDS = 60.0


@dataclass(frozen=True)
class Command:
    """What a fork server stands in for; equal ones can share it.

    Attributes:
        argv: The kernelspec's command.
        env: The environment, the kernelspec's part included, what a lease adds not.
        extra: What is appended to the command line.
        preload: Modules that are to be imported beforehand.
    """

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    extra: tuple[str, ...]
    preload: tuple[str, ...]

    @classmethod
    def of(
        cls,
        spec: LaunchSpec,
        env: Mapping[str, str],
        extra: tuple[str, ...],
        preload: tuple[str, ...],
    ) -> Command:
        return cls(spec.argv, tuple(sorted(spec.environment(env).items())), extra, preload)

    @property
    def interpreter(self) -> list[str]:
        """The interpreter and its options; empty where a fork cannot stand in for the command."""
        options = self.argv[1:-4]
        plain = all(word[:2] in ("-X", "-W") and len(word) > 2 for word in options)
        if sys.platform != "linux" or self.argv[-4:] != _ARGUMENTS or not plain:
            return []
        return list(self.argv[:-4])


class ForkServer:
    """Starts a fork server; it imports meanwhile. Safe to use from several threads.

    Args:
        supervisor: The host's; its guard is the parent.
        command: What its kernels stand in for.

    Attributes:
        name: What the supervisor knows it by.
        problem: Why it cannot be used; empty when it can, None while that is not known.
        configured: Whether code of the user's runs while a kernel starts, which then must not
            start before its time.

    Raises:
        KernelStartError: There is no guard to be had.
    """

    def __init__(self, supervisor: Supervisor, command: Command) -> None:
        self.name = uuid.uuid4().hex
        self.problem: str | None = None
        self.configured = False
        self._supervisor = supervisor
        self._lock = threading.Lock()
        self._state: dict[str, int | None] = {}
        self._wire = supervisor.serve(
            self.name, {"argv": command.interpreter, "env": dict(command.env), "cwd": "/"}
        )
        self._wire.socket.settimeout(_IMPORT_SECONDS)
        self._wire.send(preload=command.preload, arguments=command.extra)

    def wait_usable(self) -> bool:
        """Block until it has imported everything; False when it could not."""
        with self._lock:
            if self.problem is None:
                self.problem = self._hear()
                self._wire.close()
        return not self.problem

    def _hear(self) -> str:
        try:
            answer: dict[str, Any] | None = self._wire.receive()
        except TimeoutError:
            return f"its imports took longer than {_IMPORT_SECONDS:g} s"
        if answer is None:
            return "it exited while it was importing"
        if not answer["problem"]:
            self.configured = answer["configured"]
            self._state = _state(answer["watched"])
        return str(answer["problem"])

    @property
    def stale(self) -> bool:
        """Whether something was installed, or configured, since it has imported."""
        return self.problem == "" and _state(self._state) != self._state

    def end(self) -> None:
        """End it; kernels that it has forked live on."""
        self._supervisor.forget(self.name)
        with self._lock:
            if self.problem is None:
                self.problem = "it was ended"
                self._wire.close()


def _state(paths: Any) -> dict[str, int | None]:
    return {path: _changed(path) for path in paths}


def _changed(path: str) -> int | None:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return None
