"""The same blows against stock papermill and nbclient, and what those leave."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from . import cells
from .accounts import own_account
from .stage import Stage
from .traces import described, files_below, processes, until_none

Peer = Literal["papermill", "nbclient"]
PEERS: tuple[Peer, ...] = ("papermill", "nbclient")

_SCRIPT = Path(__file__).with_name("peer_host.py")
# ipykernel looks for its parent once a second.
_SETTLED = 5.0
_TIMEOUT = 1.0
_LONGEST = 15.0


@dataclass(frozen=True)
class Leavings:
    """What a peer has left some seconds after the blow.

    Attributes:
        host: What became of the host itself.
    """

    processes: int
    files: int
    host: str


@dataclass(frozen=True)
class Blow:
    """A fault as a peer meets it: the cell, and who is killed; nobody where it is a timeout."""

    number: str
    title: str
    cell: str
    victim: Literal["host", "kernel"] | None


BLOWS = (
    Blow("1", "host killed in a cell that sleeps", cells.SLEEPS, "host"),
    Blow("2", "host killed in a cell that holds the GIL in C", cells.HOLDS_THE_LOCK, "host"),
    Blow("3", "host killed after a daemon", cells.DAEMON + cells.HOLDS_THE_LOCK, "host"),
    Blow("7", "kernel killed after a daemon", cells.DAEMON + cells.SLEEPS, "kernel"),
    Blow("19b", "timeout of 1 s, exceptions swallowed", cells.DAEMON + cells.SWALLOWS, None),
    Blow("19c", "timeout of 1 s, loop in C", cells.DAEMON + cells.IN_C, None),
)


class PeerStage(Stage):
    """A stage whose host has no supervisors."""

    def kernel(self) -> psutil.Process:
        children = psutil.Process(self.host.pid).children()
        return next(child for child in children if "ipykernel_launcher" in child.cmdline())

    def check_tier(self) -> None:
        """There is none."""


def strike(blow: Blow, peer: Peer) -> Leavings:
    """Do it once, count what is left, and clear that away."""
    with PeerStage("subreaper", own_account(), _SCRIPT) as stage:
        host = stage.play(blow.cell, does=peer, timeout=_TIMEOUT if blow.victim is None else 300)
        if blow.victim is not None:
            stage.kill(host if blow.victim == "host" else stage.kernel())
        said = "killed" if blow.victim == "host" else _outcome(stage)
        until_none(stage.left, _SETTLED)
        left = [pid for pid in processes(stage.marks.of_host) if pid != host.pid]
        files = files_below(stage.temporary) + stage.runtime_files()
        return Leavings(len(left), len(files), said)


def _outcome(stage: Stage) -> str:
    began = time.monotonic()
    until_none(
        lambda: [] if stage.host.poll() is not None else [described(stage.host.pid)], _LONGEST
    )
    if stage.host.poll() is None:
        return f"still waiting after {_LONGEST:g} s"
    said = stage.hear("ended")["said"]
    return f"{said} after {time.monotonic() - began:.1f} s"
