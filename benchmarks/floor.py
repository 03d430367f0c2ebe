"""What a kernel and a cell cost at the least, whoever runs them: ``python -m benchmarks.floor``.

CPU time is told beside elapsed time: it hardly depends on what else the machine does.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.notebooks import write_printing_cells
from benchmarks.runners import ours
from notebook_executor.lifecycle import Containment, Kernel, find_launch_spec, start_kernel

_CELLS = 300
_PRINT = "print('x' * 1000)"
_STARTS = {
    "the interpreter alone": "pass",
    "interpreter and zmq, tornado, jupyter_client": "import jupyter_client, zmq, tornado.ioloop",
    "interpreter and IPython": "import IPython",
    "interpreter and all of ipykernel": "import ipykernel.kernelapp, ipykernel.ipkernel",
    "interpreter and all of ours, before a run": "import notebook_executor.execution.run",
}


@dataclass(frozen=True)
class Cost:
    """Milliseconds: elapsed, of this process's CPU time, and of the kernel's."""

    what: str
    elapsed: float
    host: float | None = None
    kernel: float | None = None


def starts(repetitions: int) -> Iterator[Cost]:
    for what, code in _STARTS.items():
        taken = [_start(code) for _ in range(repetitions)]
        elapsed, spent = (statistics.median(values) for values in zip(*taken, strict=True))
        yield Cost(what, 1000 * elapsed, host=1000 * spent)


def _start(code: str) -> tuple[float, float]:
    """Seconds that a fresh interpreter takes for some code, and its CPU seconds."""
    began, before = time.perf_counter(), os.times()
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    after = os.times()
    spent = after.children_user + after.children_system
    return time.perf_counter() - began, spent - before.children_user - before.children_system


@contextmanager
def started() -> Iterator[Kernel]:
    spec = find_launch_spec("python3", language="python")
    with (
        Containment() as containment,
        start_kernel(
            spec,
            containment,
            cwd=Path("/"),
            env=dict(os.environ),
            start_timeout=60,
            # As nbclient has it, and we: without history on disk.
            extra_arguments=("--HistoryManager.hist_file=:memory:",),
        ) as kernel,
    ):
        yield kernel


def exchanges(kernel: Kernel, what: str, request: str, content: dict[str, Any]) -> Cost:
    """One after the other, each done when it is answered and the kernel idle again."""
    in_kernel = _kernel_seconds(kernel)
    began, spent = time.perf_counter(), time.process_time()
    for _ in range(_CELLS):
        _ask(kernel, request, content)
    elapsed, spent = time.perf_counter() - began, time.process_time() - spent
    in_kernel = _kernel_seconds(kernel) - in_kernel
    per = 1000 / _CELLS
    return Cost(what, elapsed * per, spent * per, in_kernel * per)


def _ask(kernel: Kernel, request: str, content: dict[str, Any]) -> dict[str, Any]:
    asked = kernel.channels.send("shell", request, content)
    reply: dict[str, Any] | None = None
    idle = False
    while reply is None or not idle:
        for message in kernel.channels.receive(30):
            if message.parent_id != asked:
                continue
            if message.channel == "shell":
                reply = message.content
            idle = idle or message.content.get("execution_state") == "idle"
    return reply


def _kernel_seconds(kernel: Kernel) -> float:
    reply = _ask(kernel, "execute_request", _execute("import time", {"s": "time.process_time()"}))
    return float(reply["user_expressions"]["s"]["data"]["text/plain"])


def _execute(code: str, expressions: dict[str, str] | None = None) -> dict[str, Any]:
    return {
        "code": code,
        "silent": False,
        "store_history": True,
        "user_expressions": expressions or {},
        "allow_stdin": False,
        "stop_on_error": True,
    }


def cell_of_ours() -> Cost:
    """A cell of ours, all that a run does for it included."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as made, ours(Path(made)) as run:
        taken = []
        for count in (1, 1, _CELLS):
            source = write_printing_cells(Path(made), count)
            began, spent = time.perf_counter(), time.process_time()
            run(source, Path(made, "out.ipynb"))
            taken.append((time.perf_counter() - began, time.process_time() - spent))
    _, few, several = taken
    elapsed, spent = (
        1000 * (late - early) / (_CELLS - 1) for early, late in zip(few, several, strict=True)
    )
    return Cost("a cell of ours that prints 1 kB: executed, journalled, saved", elapsed, spent)


def measure() -> list[Cost]:
    costs = list(starts(5))
    began = time.perf_counter()
    with started() as kernel:
        ready = 1000 * (time.perf_counter() - began)
        costs.append(Cost("a kernel, cold: from nothing to its first answer", ready,
                          kernel=1000 * _kernel_seconds(kernel)))  # fmt: skip
        costs.append(exchanges(kernel, "a question and its answer", "kernel_info_request", {}))
        costs.append(exchanges(kernel, "a cell `pass`", "execute_request", _execute("pass")))
        costs.append(
            exchanges(kernel, "a cell that prints 1 kB", "execute_request", _execute(_PRINT))
        )
    costs.append(cell_of_ours())
    return costs


def table(costs: list[Cost]) -> str:
    lines = [
        "| what | elapsed ms | CPU of the host ms | CPU of the kernel ms |",
        "|---|---|---|---|",
    ]
    for cost in costs:
        values = (cost.elapsed, cost.host, cost.kernel)
        cells = ["" if value is None else f"{value:.2f}" for value in values]
        lines.append(f"| {cost.what} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(measure()))
