"""Two schedulers on one state, killed again and again at random moments.

``python -m tests.faults.scheduler_kills --kills 1000`` prints what became of all due times. The
notebooks keep a ledger of their own: a line when one begins, and another when it has ended.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import nbformat
import yaml

# What a scheduler imports late is imported now, for all of them.
from notebook_executor.cli import schedule_serve  # noqa: F401
from notebook_executor.cli.main import main as nbx
from notebook_executor.lifecycle.registry import live_kernels
from notebook_executor.schedule import afterwards, scheduler, serving  # noqa: F401
from notebook_executor.schedule.claims import Claim
from notebook_executor.schedule.due import due_times
from notebook_executor.schedule.entry import Entry
from notebook_executor.schedule.state import State

NBX = (sys.executable, "-m", "notebook_executor.cli.main")
_START = datetime(2026, 3, 28, 22, tzinfo=UTC)  # clocks in Berlin change three hours later
_PERIOD = timedelta(minutes=20)
_MOST_OF_ONE = 80  # of more than 100, the first are not caught up with
_DUE_TIMES_A_KILL = 1.3
_LONGEST_WAIT = 60.0
_LIMIT = 600.0
_RETRIES = 2
_NOTEBOOK = (
    "due = run = ''\npause = 0.0",
    "import os, time\n"
    "def note(word):\n"
    "    ledger = os.open('ledger.txt', os.O_WRONLY | os.O_APPEND | os.O_CREAT)\n"
    "    os.write(ledger, f'{word} {due} {run}\\n'.encode())\n"
    "    os.close(ledger)\n"
    "note('began')",
    "time.sleep(pause)",
    "note('ended')",
)
_ENTRIES: list[dict[str, object]] = [
    {"name": "forbids", "schedule": "*/20 * * * *", "timezone": "Europe/Berlin"},
    {"name": "allows", "schedule": "every 20m", "concurrency_policy": "allow"},
    {
        "name": "retries",
        "schedule": "7,27,47 * * * *",
        "retries": {"limit": _RETRIES, "on": ["cut_off"], "backoff": 0},
    },
]


@dataclass
class Findings:
    """What became of the due times.

    Attributes:
        kills: How many schedulers were killed.
        states: How many claims ended in each state.
        retried: How many of them in a later attempt than the first.
        wrong: What should not be; empty if all is well.
    """

    kills: int = 0
    states: Counter[str] = field(default_factory=Counter)
    retried: int = 0
    wrong: list[str] = field(default_factory=list)


class Project:
    """A project with entries that are all late, and whose notebooks keep a ledger.

    Args:
        root: An empty folder.
        count: How many due times there are, at least.
    """

    def __init__(self, root: Path, count: int) -> None:
        self.root = root
        of_each = math.ceil(count / len(_ENTRIES))
        copies = math.ceil(of_each / _MOST_OF_ONE)
        wanted = [
            _entry({**one, "name": f"{one['name']}-{copy}"})
            for copy in range(copies)
            for one in _ENTRIES
        ]
        self.until = _START + math.ceil(of_each / copies) * _PERIOD
        self.private = root / "t"
        self.private.mkdir()
        (root / ".git").mkdir()
        self.entries = [Entry.model_validate(fields) for fields in wanted]
        (root / "schedules.yaml").write_text(yaml.safe_dump(wanted))
        nbformat.write(_notebook(), root / "note.ipynb")
        with State(self.state) as state:
            state.begin({entry.name: _START for entry in self.entries})

    @property
    def state(self) -> Path:
        return self.root / ".nbx/schedule"

    def become_scheduler(self, output: int) -> NoReturn:
        """Be ``nbx schedule serve`` from now on; for a process that was forked for that."""
        try:
            os.setsid()
            sys.stdout = os.fdopen(output, "w")
            os.chdir(self.root)
            os.environ["TMPDIR"] = str(self.private)
            words = ["nbx", "schedule", "serve", "schedules.yaml", "--json", "-j", "2"]
            sys.argv = [*words, "--clock", f"{self.until.isoformat()},1"]
            nbx()
        finally:
            os._exit(9)

    def finish(self) -> None:
        """Let a last scheduler see to all that is left."""
        subprocess.run(
            [*NBX, "schedule", "tick", "schedules.yaml", "-q", "--now", self.until.isoformat()],
            cwd=self.root,
            env={**os.environ, "TMPDIR": str(self.private)},
            stdin=subprocess.DEVNULL,
            timeout=_LIMIT,
            check=False,
        )

    def claims(self) -> list[Claim]:
        with State(self.state) as state:
            return state.claims()

    def check(self) -> Findings:
        """Hold what is claimed against the notebooks' ledger and against the calendar."""
        claims = {(claim.entry, claim.scheduled_at): claim for claim in self.claims()}
        findings = Findings(states=Counter(claim.state for claim in claims.values()))
        findings.retried = sum(claim.attempt > 1 for claim in claims.values())
        for entry in self.entries:
            findings.wrong += _unaccounted(entry, claims, self.until)
        findings.wrong += _contradictions(claims, self._ledger())
        findings.wrong += self._left_behind()
        return findings

    def _ledger(self) -> dict[str, dict[str, Counter[str]]]:
        """For each due time, how often which run has noted that it began, and that it ended."""
        found: dict[str, dict[str, Counter[str]]] = {}
        ledger = self.root / "ledger.txt"
        for line in ledger.read_text().splitlines() if ledger.exists() else ():
            word, due, run = line.split()
            found.setdefault(due, {}).setdefault(word, Counter())[run] += 1
        return found

    def _left_behind(self) -> list[str]:
        wrong = [f"a kernel was left: {kernel}" for kernel in live_kernels([self.private])]
        wrong += [f"left: {path}" for path in self.private.glob("*nbx-*")]
        return wrong + [f"a mark was left: {path}" for path in (self.state / "owners").iterdir()]


def _entry(fields: dict[str, object]) -> dict[str, object]:
    return {
        "path": "note.ipynb",
        "parameters": {"due": "{{name}}/{{ts.isoformat()}}", "run": "{{run_id}}", "pause": 0.2},
        "catch_up": "all",
        "starting_deadline": "1d",
        "keep": {"success": 10**6, "failure": 10**6},
        "commit": {"enabled": False},
        **fields,
    }


def _notebook() -> Any:
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": kernelspec})
    for number, source in enumerate(_NOTEBOOK):
        notebook.cells.append(nbformat.v4.new_code_cell(source, id=f"cell-{number}"))
    notebook.cells[0].metadata["tags"] = ["parameters"]
    return notebook


def _unaccounted(
    entry: Entry, claims: dict[tuple[str, datetime], Claim], until: datetime
) -> list[str]:
    """Due times that nobody has taken on, and claims that are no due times, or are not over."""
    due = set(due_times(entry, _START, until))
    claimed = {at: claim for (name, at), claim in claims.items() if name == entry.name}
    wrong = [f"{entry.name} {at}: nobody has taken it on" for at in sorted(due - claimed.keys())]
    wrong += [f"{entry.name} {at}: was never due" for at in sorted(claimed.keys() - due)]
    wrong += [f"not over: {claim}" for claim in claimed.values() if claim.live]
    return wrong


def _contradictions(
    claims: dict[tuple[str, datetime], Claim], ledger: dict[str, dict[str, Counter[str]]]
) -> list[str]:
    """Where what the notebooks noted is not what the claims say."""
    wrong = []
    for (name, at), claim in claims.items():
        told = ledger.pop(f"{name}/{at.isoformat()}", {})
        began, ended = told.get("began", Counter()), told.get("ended", Counter())
        wrong += [f"{claim}: ran twice as {run}" for run, count in began.items() if count > 1]
        if len(began) > claim.attempt or claim.attempt > 1 + name.startswith("retries") * _RETRIES:
            wrong.append(f"{claim}: too many runs: {list(began)}")
        if claim.state == "success" and claim.run_id not in ended:
            wrong.append(f"{claim}: never ended")
        if claim.state == "missed" and began:
            wrong.append(f"{claim}: missed, and ran")
        if claim.state == "error":
            wrong.append(f"{claim}: nothing fails here")
    return wrong + [f"nobody has claimed {due}, and it ran" for due in ledger]


@dataclass
class Victim:
    """A scheduler that is to be killed, so many lines of output and seconds after its start."""

    pid: int
    output: int
    lines: int
    seconds: float
    moment: float = field(default_factory=lambda: time.monotonic() + _LONGEST_WAIT)

    def listen(self) -> None:
        """Count what it says; with the last of the lines the time begins to run."""
        if self.lines:
            said = os.read(self.output, 65536)
            self.lines -= min(said.count(b"\n"), self.lines) if said else self.lines
        if not self.lines:
            self.moment = min(self.moment, time.monotonic() + self.seconds)

    def kill(self) -> str:
        """Kill it; what is to be said of that, if it was not alive any more."""
        ended, status = os.waitpid(self.pid, os.WNOHANG)
        if not ended:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.output)
        return f"a scheduler ended by itself: {status}" if ended else ""


class Killer:
    """Keeps two schedulers of a project going, and kills them until there were enough kills.

    They are forks of this process, which must have no other thread: what they import is there.
    """

    def __init__(self, project: Project, chance: random.Random) -> None:
        self._project, self._chance = project, chance
        self._victims: list[Victim] = []
        self.kills = 0
        self.wrong: list[str] = []

    def run(self, kills: int, minutes: float) -> None:
        deadline = time.monotonic() + 60 * minutes
        self._victims = [self._start() for _ in range(2)]
        while self._victims:
            soonest = min(victim.moment for victim in self._victims)
            speaking = [victim.output for victim in self._victims if victim.lines]
            heard = select.select(speaking, [], [], max(0.0, soonest - time.monotonic()))[0]
            for victim in tuple(self._victims):
                if victim.output in heard:
                    victim.listen()
                elif victim.moment <= time.monotonic():
                    self._victims.remove(victim)
                    self.wrong += filter(None, [victim.kill()])
                    self.kills += 1
                    if self.kills + len(self._victims) < kills and time.monotonic() < deadline:
                        self._victims.append(self._start())

    def _start(self) -> Victim:
        lines, longest = self._chance.choice([(0, 2.0), (1, 0.5), (2, 1.0), (3, 1.0), (6, 0.5)])
        output, inside = os.pipe()
        pid = os.fork()
        if pid == 0:
            self._project.become_scheduler(inside)
        os.close(inside)
        victim = Victim(pid, output, lines, self._chance.uniform(0, longest))
        if not lines:
            victim.listen()
        return victim


def kill_schedulers(root: Path, kills: int, seed: int, minutes: float = 1e6) -> Findings:
    """Kill schedulers, let a last one see to what there is, and look at what has become of it.

    Args:
        root: An empty folder.
        kills: So many, unless the time is up before.
        seed: Of the moments.
        minutes: When to stop.
    """
    project = Project(root, math.ceil(kills * _DUE_TIMES_A_KILL))
    killer = Killer(project, random.Random(seed))
    killer.run(kills, minutes)
    project.finish()
    findings = project.check()
    findings.kills = killer.kills
    findings.wrong = killer.wrong + findings.wrong
    return findings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1e6)
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir="/tmp") as root:
        findings = kill_schedulers(Path(root), given.kills, given.seed, given.minutes)
    told = {
        "kills": findings.kills,
        "due_times": findings.states.total(),
        **findings.states,
        "retried": findings.retried,
        "wrong": len(findings.wrong),
        "seconds": round(time.monotonic() - began),
    }
    print(json.dumps(told))
    for line in findings.wrong:
        print(line)
    sys.exit(1 if findings.wrong else 0)


if __name__ == "__main__":
    main()
