"""Kernels whose server is gone, as the hub finds and reaps them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from notebook_executor.lifecycle.project.hub import survey
from tests.integration.hub.machine import Hub, Start, is_gone, said_port, seen
from tests.waiting import wait_until

_KERNEL = "import signal, sys; open(sys.argv[1] + '.pid', 'x').close(); signal.pause()"
# Has jupyter_client launch a kernel that does not look after its parent, and waits to be killed.
_LAUNCHER = """
import sys
from jupyter_client import KernelManager
manager = KernelManager(kernel_name="deaf", connection_file=sys.argv[1])
manager.start_kernel()
print(manager.provisioner.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def deaf_kernel(tmp_path: Path) -> dict[str, str]:
    """A kernelspec whose kernel, unlike ipykernel, stays when its launcher is gone."""
    spec = tmp_path / "jupyter" / "kernels" / "deaf"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-c", _KERNEL, "{connection_file}"]
    about = {"argv": argv, "display_name": "deaf", "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(about))
    return {**os.environ, "JUPYTER_PATH": str(tmp_path / "jupyter")}


@pytest.fixture
def orphaned(
    project: Path, deaf_kernel: dict[str, str], start: Start
) -> Iterator[Callable[[Path], psutil.Process]]:
    made: list[psutil.Process] = []

    def orphan(root: Path) -> psutil.Process:
        file = root / ".jupyter_runtime" / f"kernel-{len(made)}.json"
        launcher = start(sys.executable, "-c", _LAUNCHER, file, env=deaf_kernel)
        kernel = psutil.Process(said_port(launcher))
        made.append(kernel)
        wait_until(Path(f"{file}.pid").exists)
        # Its launcher is there: it is nobody's orphan.
        assert not [one for one in survey([root]).projects if one.root == root and one.orphans]
        launcher.kill()
        launcher.wait(60)
        return kernel

    yield orphan
    for kernel in made:
        if not is_gone(kernel):
            kernel.kill()
    wait_until(lambda: all(map(is_gone, made)))


def test_orphans_of_a_project_are_shown_and_reaped_and_no_others(
    project: Path, tmp_path: Path, orphaned: Callable[[Path], psutil.Process], hub: Hub
) -> None:
    other = tmp_path / "other"
    (other / ".jupyter_runtime").mkdir(parents=True)
    kernel, spared = orphaned(project), orphaned(other)

    (orphan,) = seen(project).orphans
    assert (orphan.pid, orphan.kind, orphan.root) == (kernel.pid, "kernel", project)
    code, out, _ = hub("reap", project, "--dry-run")
    assert (code, out) == (0, f"would end the kernel {kernel.pid} of {project}\n")
    assert not is_gone(kernel)

    code, out, _ = hub("reap", project, "--json")
    assert code == 0
    assert json.loads(out)["processes_left"] == 0
    wait_until(lambda: is_gone(kernel))
    assert not is_gone(spared)
    assert [one.pid for one in seen(other).orphans] == [spared.pid]
    assert hub("reap", project) == (0, "", "Nothing is left over.\n")
