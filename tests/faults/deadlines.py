"""Faults 16, 19 and 20: deadlines fire whatever a cell does, and nothing finished is lost."""

from __future__ import annotations

import json
import signal
import time

from . import cells
from .fault import Act, Fault
from .stage import GRACES, PATIENCE, Stage
from .traces import until_none

_TIMEOUT = 1.0
# Where something has to happen before the deadline, and a loaded machine takes its time for it.
_LONGER_TIMEOUT = 5.0


def _times_out(cell: str, kind: str = "cell_timeout", timeout: float = _TIMEOUT) -> Act:
    def act(stage: Stage) -> float:
        """Seconds past deadline and graces until the result, which proves the end."""
        stage.begin(cell, timeout=timeout)
        stage.go()
        stage.hear("cell_started")
        began = time.monotonic()
        stage.hear("result")
        seconds = time.monotonic() - began
        error = stage.conclude()["error"]
        assert error["kind"] == kind, error
        return max(0.0, seconds - timeout - sum(GRACES.values()))

    return act


def _stopped_host(stage: Stage) -> None:
    """The keeper keeps its own deadline, a second after those that the host would have kept."""
    host = stage.play(cells.BARE_DAEMON + cells.HOLDS_THE_LOCK, timeout=_LONGER_TIMEOUT)
    host.send_signal(signal.SIGSTOP)
    stage.gone(time.monotonic(), host=False)
    host.send_signal(signal.SIGCONT)
    assert stage.conclude()["error"]["kind"] in ("cell_timeout", "kernel_died")


def _kept_after_kill_of_host(stage: Stage) -> None:
    host = stage.play(cells.FINISHED, cells.STREAMS + cells.SLEEPS)
    _await_output(stage)
    stage.gone(stage.kill(host))
    _check_kept(stage)


def _kept_after_kill_of_kernel(stage: Stage) -> None:
    stage.play(cells.FINISHED, cells.STREAMS + cells.SLEEPS)
    stage.hear("output", index=1)
    stage.kill(stage.kernel())
    assert stage.conclude()["error"]["kind"] == "kernel_died"
    _check_kept(stage)


def _kept_after_timeout(stage: Stage) -> None:
    stage.begin(cells.FINISHED, cells.STREAMS + cells.SWALLOWS, timeout=_LONGER_TIMEOUT)
    stage.go()
    assert stage.conclude()["error"]["kind"] == "cell_timeout"
    _check_kept(stage)


def _await_output(stage: Stage) -> None:
    """What streams reaches the disk by and by, though the cell says nothing more."""
    left = until_none(lambda: [] if "streamed" in _on_disk(stage) else ["streamed"], PATIENCE)
    assert not left, f"not on disk after {PATIENCE:g} s: {_on_disk(stage)}"


def _check_kept(stage: Stage) -> None:
    (journal,) = stage.project.glob(".nbx/runs/*/journal.jsonl")
    entries = [json.loads(line) for line in journal.read_text().splitlines()]
    finished = next(entry for entry in entries if entry.get("cell") == 0)
    assert finished["outputs"][0]["text"] == "this cell has finished\n"
    assert {"this cell has finished\n", "this has been streamed\n"} <= _on_disk_lines(stage)


def _on_disk(stage: Stage) -> str:
    return "".join(_on_disk_lines(stage))


def _on_disk_lines(stage: Stage) -> set[str]:
    try:
        notebook = json.loads((stage.project / "out.ipynb").read_text())
    except FileNotFoundError:
        return set()
    return {
        line
        for cell in notebook["cells"]
        for output in cell["outputs"]
        for line in output.get("text", [])
    }


_ASKS = _times_out(cells.ASKS, "stdin_requested", _LONGER_TIMEOUT)
FAULTS = (
    Fault("16", "host stopped past the deadline", _stopped_host),
    Fault("19a", "timeout of a cell that ignores SIGINT", _times_out(cells.IGNORES), 0.5),
    Fault("19b", "timeout of a cell that swallows exceptions", _times_out(cells.SWALLOWS), 0.5),
    Fault("19c", "timeout of a loop in C", _times_out(cells.IN_C), 0.5),
    Fault("19d", "timeout of a read from a FIFO", _times_out(cells.READS_A_PIPE), 0.5),
    Fault("19e", "cell asks for input", _ASKS, 0.5),
    Fault("19f", "timeout of a finally that never ends", _times_out(cells.FINALLY), 0.5),
    Fault("20a", "outputs on disk after the host was killed", _kept_after_kill_of_host),
    Fault("20b", "outputs on disk after the kernel was killed", _kept_after_kill_of_kernel),
    Fault("20c", "outputs on disk after a timeout", _kept_after_timeout),
)
