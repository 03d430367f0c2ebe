"""A kernel that a keeper keeps, seen from the host: the tiers ``namespace`` and ``subreaper``."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from notebook_executor.errors import KernelStartError
from notebook_executor.lifecycle import directories
from notebook_executor.lifecycle.containment import ContainedEnd, not_launched, not_made
from notebook_executor.lifecycle.keeper import END_SECONDS
from notebook_executor.lifecycle.limits import NO_LIMITS, LimitHit, ResourceLimits
from notebook_executor.lifecycle.marks import VARIABLE, new_marks
from notebook_executor.lifecycle.reaper import Leftover, reap
from notebook_executor.lifecycle.spawned import KeptProcess, keep_process
from notebook_executor.lifecycle.supervisor import Supervisor
from notebook_executor.lifecycle.threads import new_thread

_ANSWER_SECONDS = 20.0
_SIGNAL_SECONDS = 5.0
_REAP_SECONDS = 10.0
_PAUSE = 0.005


class KeptKernel:
    """See ``Contained``. Only messages pass between host and keeper: no pid, no race for one.

    Raises:
        KernelStartError: There is no guard, or the keeper could not make the directory.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        tier: Literal["namespace", "subreaper"],
        directory: Path,
        record: Mapping[str, Any],
        owned: Path | None = None,
        server: str | None = None,
    ) -> None:
        self.tier: Literal["namespace", "subreaper", "best_effort"] = tier
        self.directory = directory
        self._marks = new_marks()
        self._lock = threading.Lock()
        self._changed = threading.Condition()
        self._events: dict[str, dict[str, Any]] = {}
        self._limit_hits: list[LimitHit] = []
        self._ended: ContainedEnd | None = None
        self._signalled = 0
        self._gone = False
        self.death_fd, self._death_end = os.pipe()
        self._rlimits: dict[str, tuple[int, int]] = {}
        self._wire = supervisor.keep(tier, directory, server)
        self._listener = new_thread(self._listen, "keeper")
        self._listener.start()
        self._send(
            do="make",
            record={**record, "marks": asdict(self._marks)},
            owned=None if owned is None else str(owned),
        )
        self._expect("made", lambda reason: not_made(directory, reason))

    @property
    def warm(self) -> bool:
        """Whether the kernel is a fork of one that has everything imported."""
        return bool(self._events["made"].get("warm"))

    def prepare(self, argv: list[str]) -> None:
        """Have a warm kernel start up to where it has to know what for; ``launch`` lets it go on.

        Raises:
            KernelStartError: It could not.
        """
        self._send(do="prepare", argv=argv, rlimits=self._mark())
        self._expect("prepared", lambda reason: not_launched(argv, self.directory, reason))

    def launch(
        self,
        argv: list[str],
        env: Mapping[str, str],
        cwd: Path,
        limits: ResourceLimits = NO_LIMITS,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        self._rlimits = {**limits.rlimits(), **self._mark()}
        self._send(
            do="launch",
            argv=argv,
            env=self._environment(env),
            cwd=str(cwd),
            limits=limits._asdict(),
            record=dict(about or {}),
            rlimits=self._rlimits,
        )
        self._expect("started", lambda reason: not_launched(argv, cwd, reason))

    def _mark(self) -> dict[str, tuple[int, int]]:
        mark = self._marks.limit
        return {"RLIMIT_MSGQUEUE": (mark, mark)} if mark else {}

    def spawn(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
    ) -> KeptProcess:
        spec = {
            "argv": list(argv),
            "env": self._environment(env),
            "cwd": str(cwd),
            "rlimits": self._rlimits,
            "group": self._events["made"].get("group"),
        }
        return keep_process(self._send, spec, (stdin, stdout, stderr))

    def _environment(self, env: Mapping[str, str]) -> dict[str, str]:
        return {
            **env,
            VARIABLE: self._marks.variable(env.get(VARIABLE)),
            directories.VARIABLE: str(self.directory),
        }

    @property
    def alive(self) -> bool:
        with self._changed:
            return not self._has_exited()

    def wait(self, timeout: float) -> bool:
        with self._changed:
            return self._changed.wait_for(self._has_exited, timeout)

    def send_signal(self, number: int) -> None:
        with self._changed:
            awaited = self._signalled + 1
        self._send(do="signal", number=number)
        # Whoever signals goes on with what presumes that the signal is there.
        with self._changed:
            self._changed.wait_for(
                lambda: self._signalled >= awaited or self._has_exited(), _SIGNAL_SECONDS
            )

    def set_deadline(self, at: float | None) -> None:
        self._send(do="deadline", at=at)

    def end(self) -> ContainedEnd:
        if self._ended is None:
            self._ended = self._end()
        return self._ended

    def _end(self) -> ContainedEnd:
        self._send(do="end")
        with self._changed:
            self._changed.wait_for(lambda: self._gone, END_SECONDS * 2)
        self._wire.hang_up()
        self._listener.join()
        self._wire.close()
        self._close_pipe()
        told = self._events.get("end")
        return self._report(told) if told else self._without_supervisors()

    def _report(self, told: Mapping[str, Any]) -> ContainedEnd:
        exited = self._events.get("exit", {})
        return ContainedEnd(
            exit_code=exited.get("code"),
            peak_memory_bytes=exited.get("peak", 0),
            ended=told["ended"],
            left=told["left"],
            files_left=told["files_left"],
            output_tail=told["tail"],
            limit_hits=tuple(self._limit_hits),
            oom_kills=exited.get("oom_kills"),
        )

    def _without_supervisors(self) -> ContainedEnd:
        """Both supervisors were killed, or hang: do here what the next start's reaper would do."""
        found: list[Leftover] = []
        deadline = time.monotonic() + _REAP_SECONDS
        # A killed keeper's lock may go a moment later than its end of the wire.
        while self.directory.exists() and not found and time.monotonic() < deadline:
            reaped = reap([self.directory.parent])
            found = [item for item in reaped if item.directory == self.directory]
            time.sleep(_PAUSE)
        if found:
            processes = len(found[0].processes)
            return self._report(
                {
                    "ended": processes,
                    "left": found[0].processes_left,
                    "files_left": found[0].files_left,
                    "tail": "",
                }
            )
        left = int(self.directory.exists())
        return self._report({"ended": 0, "left": left, "files_left": left, "tail": ""})

    def _has_exited(self) -> bool:
        return "exit" in self._events or self._is_over()

    def _is_over(self) -> bool:
        return self._gone or "end" in self._events

    def _send(self, *, descriptors: Sequence[int] = (), **message: Any) -> None:
        with self._lock:
            self._wire.send(descriptors=descriptors, **message)

    def _expect(self, event: str, problem: Callable[[str], KernelStartError]) -> None:
        with self._changed:
            answered = self._changed.wait_for(
                lambda: event in self._events or "failed" in self._events or self._gone,
                _ANSWER_SECONDS,
            )
        if event in self._events:
            return
        failed = self._events.get("failed", {})
        reason = failed.get("message") or ("it is gone" if answered else "it does not answer")
        self.end()
        error = problem(reason)
        error.details["retryable"] = not failed
        raise error

    def _listen(self) -> None:
        while True:
            message = self._wire.receive()
            with self._changed:
                if message is None:
                    self._gone = True
                elif message["event"] == "signalled":
                    self._signalled += 1
                elif message["event"] == "limit":
                    self._limit_hits.append(LimitHit(**message["hit"]))
                else:
                    self._events[str(message["event"])] = message
                if self._has_exited() and self._death_end >= 0:
                    # A forked copy of this process may hold the pipe open: closing alone would go
                    # unnoticed.
                    os.write(self._death_end, b"x")
                    os.close(self._death_end)
                    self._death_end = -1
                self._changed.notify_all()
            if message is None:
                return

    def _close_pipe(self) -> None:
        for descriptor in (self.death_fd, self._death_end):
            if descriptor >= 0:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
