"""Fault 25: run after run in one process, each with a fault of chance; nothing grows."""

from __future__ import annotations

import time
from typing import Any

from .fault import Act
from .stage import Stage

# By then each kind of thing that is made once and kept has been made, and as many kernels have
# waited at a time as ever will.
_WARM_UP = {False: 6, True: 60}
_MEMORY = 16 << 20


def soaked(runs: int) -> Act:
    def act(stage: Stage) -> None:
        warm_up = _WARM_UP[stage.warm]
        host = stage.begin(does="soak", runs=warm_up + runs, seed=runs, timeout=60)
        stage.go()
        for number in range(warm_up + runs):
            stage.marks.notice()
            stage.hear("ran", number=number)
        stage.hear("soaked")
        host.wait(30)
        stage.gone(time.monotonic())
        ran = [words for words in stage.heard if words["event"] == "ran"]
        check_growth(ran[:warm_up], ran[warm_up:])

    return act


def check_growth(first: list[dict[str, Any]], later: list[dict[str, Any]]) -> None:
    """Compare what the process held after each run with what it held after the first few."""
    for what in ("processes", "threads", "descriptors", "files"):
        most = max(run["holds"][what] for run in first)
        grown = [(run["number"], run["fault"], run["holds"][what]) for run in later]
        over = [entry for entry in grown if entry[2] > most]
        assert not over, f"{what} have grown from {most}: {over[:5]}"
    memory = max(run["holds"]["memory"] for run in first)
    last = later[-1]["holds"]["memory"]
    assert last - memory < _MEMORY, f"memory has grown from {memory} to {last}"
