"""Faults 11, 12, 14, 25: the host is killed at a moment of chance, or asked for run after run."""

from __future__ import annotations

import random
import time

from .fault import Fault
from .stage import Stage

_WINDOW = 0.25
_chance = random.SystemRandom()


def _starting(stage: Stage) -> float:
    host = stage.begin("1")
    stage.go()
    stage.hear("run_started")
    # Not to wait for something: the moment itself is what chance chooses.
    time.sleep(_chance.uniform(0, _WINDOW))
    return stage.gone(stage.kill(host))


def _ending(stage: Stage) -> float:
    host = stage.begin("import subprocess\nchild = subprocess.Popen(['sleep', '1000'])")
    stage.go()
    stage.hear("cell_finished")
    time.sleep(_chance.uniform(0, _WINDOW))
    return stage.gone(stage.kill(host))


def _thread_ends(stage: Stage) -> None:
    host = stage.begin(does="thread")
    stage.go()
    assert stage.hear("answered")["status"] == "ok"
    ended = stage.hear("ended")
    assert (ended["code"], ended["left"], ended["files"]) == (0, 0, 0)
    assert host.wait(30) == 0
    stage.gone(time.monotonic())


FAULTS = (
    Fault("11", "host killed 0–250 ms into start", _starting, times=5),
    Fault("12", "host killed 0–250 ms into shutdown", _ending, times=5),
    Fault("14", "kernel started from a thread that ends lives on", _thread_ends),
)
