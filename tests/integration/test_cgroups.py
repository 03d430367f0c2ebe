"""Kernels in control groups of their own, where those are to be had: what holds, what stays."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from notebook_executor import NotebookExecutor
from notebook_executor.lifecycle.cgroups import Place, find_place
from notebook_executor.lifecycle.choice import Containment
from notebook_executor.lifecycle.kernel import start_kernel
from notebook_executor.lifecycle.kernelspecs import find_launch_spec
from tests.conftest import MakeNotebook
from tests.integration.seen import printed

_PLACE = find_place(os.getpid())

pytestmark = pytest.mark.skipif(
    not isinstance(_PLACE, Place), reason=f"no control group of version 2: {_PLACE}"
)

_OWN = """
import os
own = open("/proc/self/cgroup").read().rpartition("0::")[2].strip()
print("own", own.rpartition("/")[2], os.path.basename(os.environ["NBX_DIRECTORY"]))
"""


def groups() -> list[Path]:
    assert isinstance(_PLACE, Place)
    return list(Path(_PLACE.directory).glob("nbx-*"))


def controllers() -> tuple[str, ...]:
    assert isinstance(_PLACE, Place)
    return _PLACE.controllers


def test_a_kernel_and_what_it_starts_have_one_of_their_own(
    executor: NotebookExecutor, make_notebook: MakeNotebook, host_view: bool
) -> None:
    child = "import subprocess\nprint(subprocess.check_output(['cat', '/proc/self/cgroup']))"
    before = set(groups())

    result = executor.execute(make_notebook(_OWN, child), False, host_view=host_view)

    assert result.ok, result
    found = re.search(r"own (\S+) (\S+)", printed(result))
    assert found is not None
    own, directory = found.groups()
    assert own == directory
    assert printed(result).count(own) == 3
    assert not [group for group in set(groups()) - before if group.name == own]


def test_commands_beside_it_are_in_it_too(tmp_path: Path) -> None:
    spec = find_launch_spec("python3", language="python")
    output = tmp_path / "output"
    env = dict(os.environ)
    with (
        Containment() as containment,
        start_kernel(spec, containment, cwd=tmp_path, env=env, start_timeout=60) as kernel,
        output.open("wb") as file,
        kernel.contained.spawn(
            ["cat", "/proc/self/cgroup"], cwd=tmp_path, env=env, stdout=file.fileno()
        ) as command,
    ):
        assert command.wait(60) == 0
        assert output.read_text().strip().endswith(f"/{kernel.contained.directory.name}")


@pytest.mark.parametrize("victim", ["os.getpid()", "os.getppid()"], ids=["kernel", "keeper"])
def test_it_goes_whoever_is_killed(
    executor: NotebookExecutor, make_notebook: MakeNotebook, victim: str
) -> None:
    """A notebook that sees the host's processes can kill its keeper; the guard then cleans up."""
    before = set(groups())
    daemon = "import subprocess\nsubprocess.Popen(['sleep', '1000'], start_new_session=True)"

    result = executor.execute(
        make_notebook(daemon, f"import os\nos.kill({victim}, {signal.SIGKILL:d})"),
        False,
        host_view=True,
    )

    assert result.error is not None
    assert result.error.kind == "kernel_died"
    assert (result.cleanup.processes_left, result.cleanup.files_left) == (0, 0)
    left = set(groups()) - before
    assert not [group for group in left if (group / "cgroup.procs").read_text()]


def test_the_system_keeps_the_limit_on_memory(
    executor: NotebookExecutor, make_notebook: MakeNotebook, host_view: bool
) -> None:
    if "memory" not in controllers():
        pytest.skip("no memory controller is delegated")
    jump = "held = b'x' * 10**9"

    result = executor.execute(
        make_notebook(jump), False, limits={"memory": "300MiB"}, host_view=host_view
    )

    assert result.error is not None
    assert result.error.kind == "out_of_memory"
    # Not a byte more than that: nobody had to look.
    assert "held 300 MiB" in result.error.message
