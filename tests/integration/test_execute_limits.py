"""Limits but that of memory, in every tier: what ends, what lives on, and what is said of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from notebook_executor import Limits, NotebookExecutor
from tests.conftest import MakeNotebook
from tests.integration.seen import printed, statuses

_MIB = 1024 * 1024


_SPIN = "while True: pass"
# More than a kernel needs to start, on whatever machine.
_CPU_SECONDS = 3


@pytest.mark.parametrize(
    "cell",
    [
        _SPIN,
        f"import os\nfor _ in range(2):\n    if os.fork() == 0:\n        {_SPIN}\nos.wait()",
    ],
    ids=["kernel", "children"],
)
def test_cpu_time_is_that_of_all_processes(
    executor: NotebookExecutor, make_notebook: MakeNotebook, host_view: bool, cell: str
) -> None:
    path = make_notebook("1", cell, "2")

    result = executor.execute(
        path, False, timeout=60, limits={"cpu_seconds": _CPU_SECONDS}, host_view=host_view
    )

    assert result.error is not None
    assert (result.error.kind, result.error.retryable) == ("resource_limit", False)
    assert f"cpu_seconds={_CPU_SECONDS} s" in result.error.message
    assert statuses(result) == ["ok", "error", "not_run"]
    assert result.cleanup.processes_left == 0


_BURN = f"import time\nwhile time.process_time() < {_CPU_SECONDS / 5}: pass"


@pytest.mark.parametrize(
    "start",
    [
        "subprocess.run([sys.executable, '-Sc', burn])",
        # Nobody but the keeper collects this one; its output ends when it does.
        "subprocess.run(['sh', '-c', '\"$0\" -Sc \"$1\" &', sys.executable, burn], stdout=-1)",
    ],
    ids=["child", "orphan"],
)
def test_cpu_time_of_processes_that_have_ended_counts(
    executor: NotebookExecutor, make_notebook: MakeNotebook, host_view: bool, start: str
) -> None:
    cell = f"import subprocess, sys\nburn = {_BURN!r}\nfor _ in range(6): {start}"

    result = executor.execute(
        make_notebook(cell), False, limits={"cpu_seconds": _CPU_SECONDS}, host_view=host_view
    )

    assert result.error is not None
    assert result.error.kind == "resource_limit"


def test_too_many_processes_end_the_run(
    executor: NotebookExecutor, make_notebook: MakeNotebook, host_view: bool
) -> None:
    cell = (
        "import subprocess, time\n"
        "started = [subprocess.Popen(['sleep', '1000']) for _ in range(20)]\n"
        "time.sleep(1000)"
    )

    result = executor.execute(
        make_notebook(cell), False, timeout=60, limits={"processes": 5}, host_view=host_view
    )

    assert result.error is not None
    assert result.error.kind == "resource_limit"
    assert "processes=5" in result.error.message
    assert result.cleanup.processes_ended >= 6
    assert result.cleanup.processes_left == 0


def test_as_many_processes_as_allowed_may_run(
    executor: NotebookExecutor, make_notebook: MakeNotebook, host_view: bool
) -> None:
    cell = (
        "import subprocess\n"
        "started = [subprocess.Popen(['sleep', '0.3']) for _ in range(4)]\n"
        "print([each.wait() for each in started])"
    )

    result = executor.execute(
        make_notebook(cell), False, limits={"processes": 5}, host_view=host_view
    )

    assert result.ok, result
    assert "[0, 0, 0, 0]" in printed(result)


_WRITE = "open('large', 'wb').write(b'x' * 3_000_000)"


def test_a_file_over_its_size_fails_the_cell_that_writes_it(
    executor: NotebookExecutor, make_notebook: MakeNotebook, host_view: bool, tmp_path: Path
) -> None:
    result = executor.execute(
        make_notebook(_WRITE), False, limits={"file_size": "1MB"}, host_view=host_view
    )

    assert result.error is not None
    assert result.failed_cell is not None
    assert (result.error.kind, result.error.state) == ("cell_error", "live")
    assert result.failed_cell.ename == "OSError"
    assert "file_size=976.6 KiB" in result.error.hint
    assert (tmp_path / "large").stat().st_size <= 1_000_000


def test_a_kernel_that_ends_of_a_file_over_its_size(
    executor: NotebookExecutor, make_notebook: MakeNotebook, host_view: bool
) -> None:
    """Python ignores SIGXFSZ; other kernels, and most programs, do not."""
    cell = f"import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n{_WRITE}"

    result = executor.execute(
        make_notebook(cell), False, limits={"file_size": _MIB}, host_view=host_view
    )

    assert result.error is not None
    assert (result.error.kind, result.error.signal) == ("resource_limit", "SIGXFSZ")
    assert "file_size=1 MiB" in result.error.message


def test_too_many_open_files_fail_the_cell(
    executor: NotebookExecutor, make_notebook: MakeNotebook, host_view: bool
) -> None:
    result = executor.execute(
        make_notebook("held = [open('/dev/null') for _ in range(300)]"),
        False,
        limits={"open_files": 200},
        host_view=host_view,
    )

    assert result.error is not None
    assert (result.error.kind, result.error.state) == ("cell_error", "live")
    assert "open_files=200" in result.error.hint


@pytest.mark.parametrize(
    ("limits", "kind"),
    [
        (Limits(memory="10MiB"), "out_of_memory"),
        (Limits(cpu_seconds=0.05), "resource_limit"),
        (Limits(open_files=20), "resource_limit"),
    ],
    ids=["memory", "cpu", "files"],
)
def test_limits_that_leave_no_room_for_a_kernel(
    make_notebook: MakeNotebook, tmp_path: Path, host_view: bool, limits: Limits, kind: str
) -> None:
    # A warm one starts in less than that.
    with NotebookExecutor(tmp_path, warm=False) as executor:
        result = executor.execute(make_notebook("1"), False, limits=limits, host_view=host_view)

    assert result.error is not None
    assert result.error.kind == kind
    assert "was starting" in result.error.message
    assert result.cleanup.processes_left == 0
    assert statuses(result) == ["not_run"]


def test_a_kill_from_outside_is_not_taken_for_a_limit(
    executor: NotebookExecutor, make_notebook: MakeNotebook, host_view: bool
) -> None:
    result = executor.execute(
        make_notebook("import os\nos.kill(os.getpid(), 9)"),
        False,
        limits={"memory": "2GiB", "cpu_seconds": 60, "processes": 50},
        host_view=host_view,
    )

    assert result.error is not None
    assert (result.error.kind, result.error.signal) == ("kernel_died", "SIGKILL")
    assert "sent neither by this run nor by the system" in result.error.message


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_named(executor: NotebookExecutor, make_notebook: MakeNotebook) -> None:
    path = make_notebook("with open('/dev/full', 'w') as file: file.write('x')")

    result = executor.execute(path, False)

    assert result.error is not None
    assert result.error.kind == "cell_error"
    assert "disk is full" in result.error.hint


def test_limits_hold_for_the_run_that_has_them(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    cell = (
        "import resource\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE), resource.getrlimit(resource.RLIMIT_CPU))"
    )
    path = make_notebook(cell)

    limited = executor.execute(path, False, limits={"open_files": 150, "cpu_seconds": 60})
    free = executor.execute(path, False)

    assert "(150, 150)" in printed(limited)
    assert "(62, 63)" in printed(limited)
    assert "(150, 150)" not in printed(free)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"memroy": 1}, "did you mean 'memory'"),
        ({"memory": "a lot"}, "a lot"),
        (["memory"], "list"),
    ],
)
def test_limits_that_mean_nothing_are_refused(
    executor: NotebookExecutor, make_notebook: MakeNotebook, limits: Any, said: str
) -> None:
    with pytest.raises(TypeError, match=said):
        executor.execute(make_notebook("1"), limits=limits)
