"""Faults 1 to 5, 7 to 10, 13, 15, 17 and 18: something is killed while a cell runs."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from . import cells
from .accounts import Account
from .fault import Act, Fault
from .stage import PATIENCE, Stage, Tier
from .traces import described, processes, until_none


def _host(cell: str) -> Act:
    def act(stage: Stage) -> float:
        host = stage.play(cell)
        return stage.gone(stage.kill(host))

    return act


def _survived(*victims: Callable[[Stage], psutil.Process]) -> Act:
    """The host is not among the victims: it tells of the death, ends, and nothing is left."""

    def act(stage: Stage) -> float:
        stage.play(cells.BARE_DAEMON + cells.HOLDS_THE_LOCK)
        began = stage.kill(*[victim(stage) for victim in victims])
        return _host_survives(stage, began)

    return act


def _host_survives(stage: Stage, began: float) -> float:
    seconds = stage.gone(began, host=False)
    error = stage.conclude()["error"]
    assert error["kind"] == "kernel_died", error
    return seconds


def _all_three(stage: Stage) -> float | None:
    """Host and both supervisors at once; in the lower tier the next host finishes it."""
    host = stage.play(cells.BARE_DAEMON + cells.HOLDS_THE_LOCK)
    began = stage.kill(host, stage.guard(), stage.keeper())
    if stage.tier == "namespace":
        # The directory waits for a reaper in this tier, too; no process does.
        _no_process(stage)
    seconds = time.monotonic() - began
    stage.begin("'the next one'")
    stage.go()
    assert stage.conclude()["status"] == "success"
    return seconds if stage.tier == "namespace" else None


def _no_process(stage: Stage) -> None:
    left = until_none(lambda: [described(pid) for pid in processes(stage.marks.of_host)], PATIENCE)
    assert not left, left


def _hang_up(stage: Stage) -> float:
    master, slave = os.openpty()
    terminal = os.ttyname(slave)
    os.chown(terminal, stage.account.uid, stage.account.gid)
    with _closing(slave):
        try:
            host = stage.play(cells.DAEMON + cells.HOLDS_THE_LOCK, terminal=terminal)
        except BaseException:
            os.close(master)
            raise
    began = time.monotonic()
    os.close(master)
    seconds = stage.gone(began)
    assert host.wait(30) == -signal.SIGHUP
    return seconds


@contextlib.contextmanager
def _closing(descriptor: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(descriptor)


def _host_has_a_copy(stage: Stage) -> float:
    host = stage.play(cells.DAEMON + cells.HOLDS_THE_LOCK, forks_at="cell_started")
    stage.copies.add(stage.hear("copied")["pid"])
    seconds = stage.gone(stage.kill(host))
    assert all(Path(f"/proc/{copy}").exists() for copy in stage.copies)
    return seconds


def _parent(stage: Stage) -> float | None:
    """Inside a namespace the parent is its init, whom no signal from within can reach."""
    stage.begin(cells.BARE_DAEMON + cells.KILLS_ITS_PARENT)
    stage.go()
    result = stage.conclude()
    if stage.tier == "namespace":
        assert result["status"] == "success", result["error"]
    else:
        assert result["error"]["kind"] == "kernel_died", result["error"]
    return None


def _everything(stage: Stage) -> float | None:
    here = str(Path("/proc/self/ns/pid").readlink())
    stage.begin(cells.DAEMON + cells.kills_all(here))
    stage.go()
    result = stage.conclude()
    assert result["status"] == "success", result["error"]
    return None


def _only_in_namespace(tier: Tier, account: Account) -> str | None:
    return None if tier == "namespace" else "in this tier the signal would reach the whole machine"


FAULTS = (
    Fault("1", "host killed in a cell that sleeps", _host(cells.SLEEPS), 0.5),
    Fault("2", "host killed in a cell that holds the GIL in C", _host(cells.HOLDS_THE_LOCK), 0.5),
    Fault(
        "3",
        "host killed after a double-forked daemon",
        _host(cells.DAEMON + cells.HOLDS_THE_LOCK),
        0.5,
    ),
    Fault(
        "4",
        "host killed with 200 children in sessions of their own",
        _host(cells.MANY_SESSIONS + cells.SLEEPS),
        1.0,
    ),
    Fault(
        "5",
        "host killed with a chain of forks, each link of which dies",
        _host(cells.CHAIN + cells.SLEEPS),
        1.0,
    ),
    Fault("7", "kernel killed", _survived(Stage.kernel), 0.5),
    Fault("8", "keeper killed", _survived(Stage.keeper), 0.5),
    Fault("9", "guard killed", _survived(Stage.guard), 0.5),
    Fault("10", "guard and keeper killed at once", _survived(Stage.guard, Stage.keeper)),
    Fault("10b", "host, guard and keeper killed at once; then another host", _all_three),
    Fault("13", "terminal hangs up", _hang_up, 0.5),
    Fault("15", "host killed whose forked copy holds its descriptors", _host_has_a_copy),
    Fault(
        "17",
        "host killed after a daemon without environment and descriptors",
        _host(cells.BARE_DAEMON + cells.HOLDS_THE_LOCK),
    ),
    Fault("18a", "notebook kills its parent", _parent),
    Fault("18b", "notebook kills all it may", _everything, lacking=_only_in_namespace),
)
