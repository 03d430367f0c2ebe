"""The registry tells of each living kernel: whose, since when, contained how, with what in it."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from notebook_executor import NotebookExecutor
from notebook_executor.lifecycle import Containment, LaunchSpec, start_kernel
from notebook_executor.lifecycle.reaper import reap
from notebook_executor.lifecycle.registry import LiveKernel, live_kernels
from tests.integration.gated import Gate, kill_all_at_once, own_base, waiting_host, waiting_run

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook

# A child, and a daemon without parent, session and environment of the kernel's.
LEAVES = """
import os, subprocess
subprocess.Popen(["sleep", "1001"])
executed, held_until_then = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvpe("sleep", ["sleep", "1002"], {"PATH": os.environ["PATH"]})
    os._exit(0)
os.close(held_until_then)
os.read(executed, 1)
"""

_NESTED = """
from notebook_executor import NotebookExecutor
with NotebookExecutor(ROOT) as executor:
    print(executor.execute(NOTEBOOK, False).status)
"""


def sleeps_of(kernel: LiveKernel) -> list[str]:
    return sorted(
        process.command for process in kernel.processes if process.command.startswith("sleep")
    )


@pytest.mark.parametrize("tier", ["namespace", "subreaper"])
def test_a_living_kernel_is_told_with_all_its_processes(
    executor: NotebookExecutor, make_notebook: MakeNotebook, gate: Gate, tier: str
) -> None:
    notebook = make_notebook(f"{LEAVES}\n{gate.source}")
    before = datetime.now(UTC)
    with waiting_run(executor, notebook, gate, host_view=tier == "subreaper") as run:
        (kernel,) = live_kernels(own_base())
        own = psutil.Process(kernel.kernel_pid)
        assert kernel.host_pid == os.getpid()
        keeper = own.parent()
        assert keeper is not None
        assert kernel.keeper_pid == keeper.pid
        assert keeper.pid in {below.pid for below in psutil.Process().children(recursive=True)}
        assert sleeps_of(kernel) == ["sleep 1001", "sleep 1002"]
        assert kernel.processes[0].pid == own.pid
        assert kernel.memory_bytes >= kernel.processes[0].memory_bytes > 10_000_000
        assert reap(own_base()) == []
    result = run.result()
    assert result.status == "success"
    assert result.kernel is not None
    assert (kernel.state, kernel.containment) == ("running", tier)
    assert result.kernel.containment == tier
    assert (kernel.run_id, kernel.notebook) == (result.run_id, str(notebook))
    assert kernel.kernel == "python3"
    assert kernel.started_at is not None
    assert before <= datetime.fromisoformat(kernel.started_at) <= datetime.now(UTC)
    assert kernel.age_seconds is not None
    assert 0 <= kernel.age_seconds < result.duration_seconds
    assert live_kernels(own_base()) == []


def test_a_kernel_inside_a_kernel_is_a_row_of_its_own(
    executor: NotebookExecutor, make_notebook: MakeNotebook, gate: Gate, tmp_path: Path
) -> None:
    inner = make_notebook(gate.source, name="inner.ipynb")
    source = _NESTED.replace("ROOT", repr(str(tmp_path))).replace("NOTEBOOK", repr(str(inner)))
    outer = make_notebook(source, name="outer.ipynb")
    with waiting_run(executor, outer, gate) as run:
        first, second = live_kernels(own_base())
    assert run.result().status == "success"
    assert [first.notebook, second.notebook] == [str(outer), str(inner)]
    assert first.host_pid == os.getpid()
    # So that it goes with the outer one, whatever becomes of its own supervisors.
    assert second.directory.parent == first.directory
    # The inner host knows itself by another pid than we do.
    assert second.host_pid == first.kernel_pid
    assert second.kernel_pid not in (None, first.kernel_pid)
    assert {process.pid for process in second.processes} < {
        process.pid for process in first.processes
    }


def test_a_kernel_that_has_not_been_launched_yet_is_starting(tmp_path: Path) -> None:
    seen: list[LiveKernel] = []

    def prepare(directory: Path) -> dict[str, str]:
        seen.extend(live_kernels(own_base()))
        assert seen[0].directory == directory
        return {}

    argv = (sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}")
    spec = LaunchSpec(name="mine", argv=argv, is_ipykernel=True)
    with (
        Containment() as containment,
        start_kernel(
            spec,
            containment,
            cwd=tmp_path,
            env=dict(os.environ),
            start_timeout=60,
            prepare=prepare,
        ),
    ):
        (running,) = live_kernels(own_base())
    (starting,) = seen
    assert (starting.state, starting.kernel_pid, starting.processes) == ("starting", None, ())
    assert (running.state, running.kernel) == ("running", "mine")
    assert (running.run_id, running.notebook) == (None, None)


@pytest.mark.parametrize("tier", ["namespace", "subreaper"])
def test_what_all_were_killed_at_once_have_left_is_told_and_reaped(
    make_notebook: MakeNotebook, gate: Gate, tmp_path: Path, tier: str
) -> None:
    notebook = make_notebook(f"{LEAVES}\n{gate.source}")
    with waiting_host(tmp_path, notebook, gate, host_view=tier == "subreaper") as kernel:
        assert sleeps_of(kernel) == ["sleep 1001", "sleep 1002"]
        kill_all_at_once(kernel)

    (left,) = live_kernels(own_base())
    assert (left.state, left.run_id) == ("left over", kernel.run_id)
    assert (left.host_pid, left.keeper_pid, left.kernel_pid) == (None, None, None)
    expected = ["sleep 1001", "sleep 1002"] if tier == "subreaper" else []
    assert sleeps_of(left) == expected
    sleeps = [psutil.Process(process.pid) for process in left.processes]

    (found,) = reap(own_base())
    assert found.directory == kernel.directory
    assert set(found.processes) == {process.pid for process in left.processes}
    assert (found.processes_left, found.files_left) == (0, 0)
    assert not kernel.directory.exists()
    assert psutil.wait_procs(sleeps, 60)[1] == []
    assert live_kernels(own_base()) == []


def test_looking_and_reaping_beside_runs_that_come_and_go_disturbs_none(
    executor: NotebookExecutor, make_notebook: MakeNotebook, gate: Gate, tmp_path: Path
) -> None:
    waiting = make_notebook(gate.source, name="waiting.ipynb")
    seen_file = tmp_path / "seen"
    patient = f"import os, time\nwhile not os.path.exists({str(seen_file)!r}): time.sleep(0.01)"
    short = make_notebook(patient, name="short.ipynb")
    seen: set[str | None] = set()
    rounds = 0
    with waiting_run(executor, waiting, gate) as run, ThreadPoolExecutor(1) as pool:
        others = [
            pool.submit(executor.execute, short, False, host_view=host_view)
            for host_view in (True, False, True)
        ]
        while rounds < 100 or not all(other.done() for other in others):
            rounds += 1
            assert reap(own_base()) == []
            kernels = live_kernels(own_base())
            seen.update(kernel.notebook for kernel in kernels if kernel.state != "stand-by")
            if str(short) in seen:
                seen_file.touch()
        assert [other.result().status for other in others] == ["success"] * 3
    result = run.result()
    assert result.status == "success"
    assert (result.cleanup.processes_left, result.cleanup.files_left) == (0, 0)
    assert seen == {str(waiting), str(short)}
