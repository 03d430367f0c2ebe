"""What guard and keeper cost: a cold start with and without them in turns, and a teardown.

``python -m benchmarks.supervision`` prints the medians.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from notebook_executor.lifecycle import Containment, Kernel, find_launch_spec, start_kernel
from notebook_executor.lifecycle.best_effort import BestEffortKernel
from notebook_executor.lifecycle.containment import Contained
from notebook_executor.lifecycle.directories import new_directory_path

_FOUR_CHILDREN = """
import os, subprocess
for _ in range(4):
    subprocess.Popen(["sleep", "1000"], start_new_session=True)
os._exit(0)
"""


class Unsupervised(Containment):
    """Kernels without guard and keeper, to compare with."""

    def open(self, **_: Any) -> Contained:
        return BestEffortKernel(new_directory_path(), {})


@contextmanager
def started(containment: Containment, host_view: bool) -> Iterator[Kernel]:
    with start_kernel(
        find_launch_spec("python3", language="python"),
        containment,
        cwd=Path("/"),
        env=dict(os.environ),
        start_timeout=60,
        host_view=host_view,
    ) as kernel:
        yield kernel


def start_seconds(containment: Containment, host_view: bool) -> float:
    began = time.perf_counter()
    with started(containment, host_view):
        return time.perf_counter() - began


def teardown_seconds(containment: Containment, host_view: bool) -> float:
    """From the exit of a kernel that has started four daemons until all is proven to be gone."""
    with started(containment, host_view) as kernel:
        kernel.channels.send("shell", "execute_request", {"code": _FOUR_CHILDREN, "silent": False})
        assert kernel.contained.wait(30)
        began = time.perf_counter()
    took = time.perf_counter() - began
    assert kernel.end is not None
    assert (kernel.end.processes_left, kernel.end.files_left) == (0, 0)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.supervision", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=15)
    repetitions = parser.parse_args().repetitions
    tiers = {"subreaper": True, "namespace": False}
    starts: dict[str, list[float]] = {"none": [], **{tier: [] for tier in tiers}}
    ends: dict[str, list[float]] = {tier: [] for tier in tiers}
    with Containment() as supervised, Unsupervised() as plain:
        for _ in range(repetitions):
            starts["none"].append(start_seconds(plain, True))
            for tier, host_view in tiers.items():
                starts[tier].append(start_seconds(supervised, host_view))
                ends[tier].append(teardown_seconds(supervised, host_view))
    alone = statistics.median(starts["none"])
    print("| tier | cold start, of one without | teardown of five, median ms | longest ms |")
    print("|---|---|---|---|")
    for tier in tiers:
        ratio = statistics.median(starts[tier]) / alone
        middle, longest = statistics.median(ends[tier]) * 1000, max(ends[tier]) * 1000
        print(f"| {tier} | {ratio:.2f} | {middle:.1f} | {longest:.1f} |")


if __name__ == "__main__":
    main()
