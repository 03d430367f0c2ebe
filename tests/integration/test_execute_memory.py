"""The limit of memory, in every tier: what ends, what lives on, and what the result says of it."""

from __future__ import annotations

import signal

from notebook_executor import NotebookExecutor
from tests.conftest import MakeNotebook
from tests.integration.seen import printed, statuses

_MIB = 1024 * 1024
# A program that holds far more memory than these tests allow it until it is ended for that, and a
# cell that runs it.
_HOG = "import signal\nheld = [b'x' * 2**20 for _ in range(400)]\nsignal.pause()"
_RUN_HOG = f"import subprocess, sys\nhog = subprocess.run([sys.executable, '-Sc', {_HOG!r}])"


def test_a_kernel_over_its_memory_is_ended(
    executor: NotebookExecutor, make_notebook: MakeNotebook, host_view: bool
) -> None:
    path = make_notebook("print('before')", _HOG, "print('never')")

    result = executor.execute(path, timeout=60, limits={"memory": "200MiB"}, host_view=host_view)

    assert result.error is not None
    assert result.failed_cell is not None
    assert (result.error.kind, result.error.signal) == ("out_of_memory", "SIGKILL")
    assert (result.error.state, result.error.retryable) == ("lost", False)
    assert "memory=200 MiB" in result.error.message
    assert "Cell 1" in result.error.message
    assert "memory" in result.error.hint
    assert result.failed_cell.index == 1
    assert statuses(result) == ["ok", "error", "not_run"]
    assert result.kernel.exit_code == -signal.SIGKILL
    assert result.kernel.peak_memory_bytes > 150 * _MIB
    assert result.cleanup.processes_left == 0
    assert executor.read_notebook(str(result.output_path)).cells[0].outputs[0].text == "before\n"


def test_a_child_over_the_memory_is_killed_and_the_kernel_lives(
    executor: NotebookExecutor, make_notebook: MakeNotebook, host_view: bool
) -> None:
    path = make_notebook(_RUN_HOG, "print(hog.returncode)", "hog.check_returncode()")

    result = executor.execute(path, False, limits={"memory": "200MiB"}, host_view=host_view)

    assert result.error is not None
    assert (result.error.kind, result.error.state) == ("cell_error", "live")
    assert "memory=200 MiB" in result.error.hint
    assert statuses(result) == ["ok", "ok", "error"]
    assert "-9" in printed(result)
    assert [warning for warning in result.warnings if "memory=200 MiB" in warning]
    assert result.kernel.exit_code == 0


def test_a_daemon_counts_as_a_child(
    executor: NotebookExecutor, make_notebook: MakeNotebook, host_view: bool
) -> None:
    """Its parent is gone, its session is its own, and its environment is empty."""
    daemon = (
        "import os, sys\n"
        "reading, writing = os.pipe()\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        os.set_inheritable(writing, True)\n"
        f"        os.execve(sys.executable, ['hog', '-Sc', {_HOG!r}], {{}})\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "os.close(writing)\n"
        "print('ended', os.read(reading, 1))"
    )
    path = make_notebook(daemon)

    result = executor.execute(
        path, False, timeout=60, limits={"memory": "200MiB"}, host_view=host_view
    )

    assert result.ok, result
    assert "ended b''" in printed(result)
    assert "memory=200 MiB" in result.warnings[0]


def test_pages_that_processes_share_count_once(
    executor: NotebookExecutor, make_notebook: MakeNotebook, host_view: bool
) -> None:
    forks = (
        "import os, time\n"
        "held = b'x' * (120 * 2**20)\n"
        "for _ in range(4):\n"
        "    if os.fork() == 0:\n"
        "        time.sleep(0.5)\n"
        "        os._exit(0)\n"
        "print([os.wait()[1] for _ in range(4)])"
    )

    result = executor.execute(
        make_notebook(forks), False, limits={"memory": "300MiB"}, host_view=host_view
    )

    assert result.ok, result
    assert "[0, 0, 0, 0]" in printed(result)
    assert not result.warnings


def test_a_cell_that_waits_for_a_killed_child_is_told_why(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    path = make_notebook(f"{_RUN_HOG}\nimport time\ntime.sleep(1000)")

    result = executor.execute(path, False, timeout=10, limits={"memory": "200MiB"})

    assert result.error is not None
    assert result.error.kind == "cell_timeout"
    assert "memory=200 MiB" in result.error.hint


def test_a_limit_that_is_exceeded_after_the_last_cell(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    path = make_notebook(f"import atexit\natexit.register(lambda: exec({_HOG!r}, {{}}))")

    result = executor.execute(path, False, limits={"memory": "200MiB"})

    assert result.ok, result
    assert statuses(result) == ["ok"]
    assert result.kernel.exit_code == -signal.SIGKILL
    assert "memory=200 MiB was exceeded after the last cell" in result.warnings[0]
