"""What the commands of ``nbx schedule`` that run notebooks have in common."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from notebook_executor.cli.exits import ExitCode
from notebook_executor.cli.project import absolute, open_executor, shown_path
from notebook_executor.cli.screen import Screen, Style, write_json
from notebook_executor.cli.summary import duration

if TYPE_CHECKING:
    from notebook_executor.config import Settings
    from notebook_executor.schedule.claims import Claim
    from notebook_executor.schedule.clock import Clock
    from notebook_executor.schedule.happening import Happening
    from notebook_executor.schedule.loading import Loaded
    from notebook_executor.schedule.problems import Problem
    from notebook_executor.schedule.scheduler import Scheduler
    from notebook_executor.schedule.serving import Stop
    from notebook_executor.schedule.state import State

_FOLDER = "schedules"
_STYLES: dict[str, Style] = {
    "success": "good",
    "error": "bad",
    "cut off": "bad",
    "missed": "bad",
    "alert": "bad",
}

paths_argument = click.argument("paths", metavar="[PATH]...", nargs=-1)
at_once_option = click.option(
    "--jobs",
    "-j",
    type=click.IntRange(min=1),
    help="Run so many notebooks at a time [default: as many as there are cores].",
)
now_option = click.option("--now", metavar="TIME", help="Act as if it were that time, in ISO form.")


def clock_of(now: str | None) -> Clock:
    """The system's clock, or one that is set to a time and goes on from there."""
    from notebook_executor.schedule.clock import Clock, moment_of

    return Clock() if now is None else Clock.showing(moment_of(now))


def problem_line(problem: Problem) -> str:
    """A mistake with its place, as a reader would type that."""
    return f"{shown_path(problem.file)}:{problem.line}:{problem.column}: {problem.message}"


@dataclass(frozen=True)
class Project:
    """Where a schedule is at home."""

    root: Path
    settings: Settings

    @classmethod
    def of(cls, root: str | None) -> Project:
        with open_executor(root) as executor:
            return cls(executor.root, executor.settings)

    def paths(self, given: tuple[str, ...]) -> list[Path]:
        """The files of entries: those that are named, else the project's folder of them."""
        return [Path(absolute(path)) for path in given] or [self.root / _FOLDER]

    def load(self, given: tuple[str, ...]) -> Loaded:
        """The entries; mistakes are told on standard error."""
        from notebook_executor.schedule.loading import load_entries

        loaded = load_entries(self.paths(given))
        for problem in loaded.problems:
            Screen(sys.stderr).line(problem_line(problem), "bad")
        return loaded

    def known(self) -> tuple[dict[str, str], dict[str, Claim]]:
        """Which entries are paused, with the reasons, and the last claim of each."""
        from notebook_executor.schedule.places import find_state

        state = find_state(self.root, self.settings)
        if state is None:
            return {}, {}
        with state:
            return state.paused(), state.last()

    @contextmanager
    def scheduler(
        self,
        state: State,
        clock: Clock,
        jobs: int | None,
        tell: Callable[[Happening], None],
    ) -> Iterator[Scheduler]:
        from notebook_executor.backends.local import LocalBackend
        from notebook_executor.schedule.afterwards import Afterwards
        from notebook_executor.schedule.attempts import Workshop
        from notebook_executor.schedule.scheduler import Scheduler

        backend = LocalBackend("auto")
        try:
            with Scheduler(
                Workshop(self.root, self.settings, state, backend),
                clock=clock,
                at_once=jobs or os.cpu_count() or 1,
                tell=tell,
                aftermath=Afterwards(self.root, self.settings.state_dir, state),
            ) as scheduler:
                yield scheduler
        finally:
            backend.close()


class Reporter:
    """Tells what a scheduler does; counts what failed.

    Args:
        as_json: A line of JSON for each step, on standard output.
        quiet: Nothing but what somebody should hear of.
    """

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        self._json, self._quiet = as_json, quiet
        self.failed = self.mistakes = 0

    def __call__(self, happening: Happening) -> None:
        self.failed += happening.failed
        if self._json:
            write_json(sys.stdout, happening)
        elif (
            not self._quiet or happening.failed or happening.kind in ("missed", "alert", "problem")
        ):
            self._show(happening)

    def complain(self, message: str) -> None:
        """Tell of a mistake in a file of entries."""
        self.mistakes += 1
        if self._json:
            write_json(sys.stdout, {"kind": "problem", "message": message})
        else:
            Screen(sys.stderr).line(message, "bad")

    def _show(self, happening: Happening) -> None:
        claim, result = happening.claim, happening.result
        words = [f"{happening.at.astimezone():%H:%M:%S}", happening.entry or ""]
        if claim is not None:
            words.append(f"({claim.scheduled_at.astimezone():%Y-%m-%d %H:%M})")
        words.append(claim.state if claim and happening.kind == "finished" else happening.kind)
        style = _STYLES.get(words[-1])
        if result is not None:
            words.append(duration(result.duration_seconds))
        screen = Screen(sys.stdout)
        screen.line(" ".join(words), style)
        for line in _details(happening):
            screen.line(f"  {line}")


def _details(happening: Happening) -> list[str]:
    claim, result = happening.claim, happening.result
    lines = [happening.message] if happening.message else []
    if claim is not None and happening.kind in ("finished", "retry") and claim.message:
        lines.append(claim.message)
    if claim is not None and claim.retry_at is not None:
        lines.append(f"tried again at {claim.retry_at.astimezone():%H:%M:%S}")
    if happening.kind == "finished" and result is not None and result.output_path:
        lines.append(shown_path(result.output_path))
    if happening.failed and claim is not None and claim.run_id:
        lines.append(f"nbx runs show {claim.run_id}")
    return lines


@contextmanager
def stopping() -> Iterator[Stop]:
    """Within the block, signals ask a scheduler to stop instead of ending the process."""
    from notebook_executor.schedule.serving import Stop

    stop = Stop()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, stop)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def exit_code(stop: Stop, reporter: Reporter) -> ExitCode:
    if stop.signal is not None:
        return ExitCode.INTERRUPTED if stop.signal == signal.SIGINT else ExitCode.TERMINATED
    return ExitCode.NOTEBOOK_FAILED if reporter.failed else ExitCode.SUCCESS
