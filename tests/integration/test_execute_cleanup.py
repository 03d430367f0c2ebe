"""Nothing stays behind: processes, files, directories, whatever ends the run."""

from __future__ import annotations

import os
import secrets
import signal
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from notebook_executor import Event, NotebookExecutor
from notebook_executor.execution.records import find_record, iter_records

if TYPE_CHECKING:
    from tests.conftest import MakeNotebook

# What cells leave running: a child, one in a session of its own, one that has lost its environment
# as well, and a daemon as the books have it.
_LEAVES = """
import os, subprocess
for how in [[], ["setsid"], ["env", "-i", "setsid"]]:
    subprocess.Popen([*how, "sleep", SECONDS])
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvp("sleep", ["sleep", SECONDS])
    os._exit(0)
os.wait()
def sleeps(pid):
    try:
        with open(f"/proc/{pid}/cmdline") as file:
            return file.read().split("\\0")[:2] == ["sleep", SECONDS]
    except OSError:
        return False
while sum(map(sleeps, filter(str.isdigit, os.listdir("/proc")))) < 4:
    pass
"""

_CLEANS_UP = """
import time
try:
    print("in", flush=True)
    time.sleep(1000)
finally:
    open("cleaned", "w").close()
"""


def _sleepers(seconds: str) -> list[int]:
    """Processes anywhere on the machine that sleep for exactly this long."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cmdline() == ["sleep", seconds]:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


@pytest.mark.parametrize(
    ("ending", "kind"),
    [
        ("'fine'", None),
        ("1 / 0", "cell_error"),
        ("import os\nos._exit(1)", "kernel_died"),
        ("import time\ntime.sleep(1000)", "cell_timeout"),
        ("exit()", None),
    ],
)
@pytest.mark.parametrize("host_view", [False, True])
def test_what_a_cell_started_ends_with_the_run(
    executor: NotebookExecutor,
    make_notebook: MakeNotebook,
    ending: str,
    kind: str | None,
    host_view: bool,
) -> None:
    seconds = f"1000.{secrets.randbelow(10**9)}"
    seen: list[int] = []

    def look(event: Event) -> None:
        if event.kind == "cell_started" and event.index == 2:
            seen.extend(_sleepers(seconds))

    path = make_notebook(f"SECONDS = {seconds!r}", _LEAVES, ending)
    # For the second cell, too: which has a lot to do on a machine that has no time for it.
    timeout = 8 if kind == "cell_timeout" else 60
    result = executor.execute(path, False, timeout=timeout, host_view=host_view, on_event=look)

    assert (result.error and result.error.kind) == kind
    assert len(seen) == 4
    assert _sleepers(seconds) == []
    # ipykernel itself ends some, before we do.
    assert result.cleanup.processes_ended >= 2
    assert result.cleanup.processes_left == 0
    assert result.cleanup.files_left == 0
    assert result.cleanup.seconds > 0


def test_a_kernel_ends_politely_though_a_child_is_left(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    path = make_notebook(
        "import subprocess\nchild = subprocess.Popen(['sleep', '1000'])",
        "file = open('unflushed.txt', 'w')\nfile.write('all of it')",
        "import atexit, pathlib\natexit.register(pathlib.Path('atexit.txt').touch)",
    )

    result = executor.execute(path, False)

    assert result.ok, result
    assert (tmp_path / "unflushed.txt").read_text() == "all of it"
    assert (tmp_path / "atexit.txt").exists()
    assert result.kernel.exit_code == 0


@pytest.mark.parametrize("moment", ["kernel_ready", "cell_started", "output", "cell_finished"])
def test_an_interrupted_host_saves_tears_down_and_is_told(
    executor: NotebookExecutor, make_notebook: MakeNotebook, moment: str
) -> None:
    def interrupt(event: Event) -> None:
        if event.kind == moment and event.index in (None, 1):
            raise KeyboardInterrupt("pressed")

    path = make_notebook("print('finished')", "print('running')\nimport time", "3")
    with pytest.raises(KeyboardInterrupt, match="pressed"):
        executor.execute(path, "out.ipynb", on_event=interrupt)

    saved = executor.read_notebook("out.ipynb")
    if moment == "kernel_ready":
        assert saved.cells[0].outputs == []
    else:
        assert saved.cells[0].outputs[0].text == "finished\n"
    if moment in ("output", "cell_finished"):
        assert saved.cells[1].outputs[0].text == "running\n"
    assert saved.cells[2].outputs == []


def test_an_interrupted_run_is_recorded_as_cancelled(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    def interrupt(event: Event) -> None:
        if event.kind == "output" and event.index == 1:
            raise KeyboardInterrupt

    path = make_notebook("1 + 1", "print('now')\nimport time\ntime.sleep(1000)", "3")
    with pytest.raises(KeyboardInterrupt):
        executor.execute(path, on_event=interrupt)

    result = find_record(tmp_path, "last").read()
    assert result is not None
    assert result.error is not None
    assert result.failed_cell is not None
    assert (result.status, result.error.kind) == ("error", "cancelled")
    assert result.failed_cell.index == 1
    assert [cell.status for cell in result.cells] == ["ok", "error", "not_run"]
    assert result.cleanup.processes_left == 0


def test_ctrl_c_in_the_middle_of_a_cell(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    """A real SIGINT to the host, while it waits for the kernel."""

    def press(event: Event) -> None:
        if event.kind == "output" and event.index == 1:
            signal.setitimer(signal.ITIMER_REAL, 0.2)

    def handler(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGALRM, handler)
    try:
        path = make_notebook("'finished'", _CLEANS_UP)
        with pytest.raises(KeyboardInterrupt):
            executor.execute(path, "out.ipynb", on_event=press)
    finally:
        signal.signal(signal.SIGALRM, before)

    saved = executor.read_notebook("out.ipynb")
    assert saved.cells[0].outputs[0].data["text/plain"] == "'finished'"
    assert saved.cells[1].outputs[0].text == "in\n"
    assert (executor.root / "cleaned").exists()


def test_a_notebook_may_run_notebooks(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    make_notebook("print('inner ran')", name="inner.ipynb")
    outer = """
    from notebook_executor import NotebookExecutor
    inner = NotebookExecutor().execute("inner.ipynb", "inner-done.ipynb")
    print(inner.status, inner.cells[0].output_preview, inner.cleanup.processes_left)
    """
    path = make_notebook(textwrap.dedent(outer), name="outer.ipynb")

    result = executor.execute(path)

    assert result.cells[0].output_preview == "success inner ran 0", result
    assert (tmp_path / "inner-done.ipynb").exists()


def test_a_run_inside_a_run_ends_with_the_outer_one(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    make_notebook("import time\nprint('up')\ntime.sleep(1000)", name="inner.ipynb")
    outer = """
    from notebook_executor import NotebookExecutor
    def tell(event):
        if event.kind == "output":
            print("inner is up", flush=True)
    try:
        NotebookExecutor().execute("inner.ipynb", False, on_event=tell)
    except KeyboardInterrupt:
        import time
        time.sleep(1000)
    """
    path = make_notebook(textwrap.dedent(outer), name="outer.ipynb")

    def interrupt(event: Event) -> None:
        if event.kind == "output" and "inner is up" in event.data["text"]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        executor.execute(path, False, on_event=interrupt)

    records = [record.read() for record in iter_records(tmp_path)]
    (result,) = [record for record in records if record and record.input_path == str(path)]
    assert result.error is not None
    assert result.error.kind == "cancelled"
    assert result.cleanup.processes_left == 0


def test_private_directories_are_short_lived_private_and_absolute(
    executor: NotebookExecutor, make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    told: list[str] = []

    def look(event: Event) -> None:
        if event.kind == "output":
            told.append(event.data["text"])

    find = "import ipykernel.connect as c\nprint(c.get_connection_file(), flush=True)"
    result = executor.execute(make_notebook(find), False, on_event=look)

    assert result.ok, result
    connection = Path(told[0].strip())
    assert connection.is_absolute()
    assert not connection.parent.exists()
    assert not connection.is_relative_to(tmp_path)


def test_an_executor_that_is_forgotten_leaves_nothing_behind(
    make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    """The check of every test finds what it would leave."""
    path = make_notebook("1")

    assert NotebookExecutor(tmp_path).execute(path, False).ok


def test_an_executor_can_be_closed_again_and_used_again(
    executor: NotebookExecutor, make_notebook: MakeNotebook
) -> None:
    path = make_notebook("1")
    executor.close()
    executor.close()

    assert executor.execute(path, False).ok
    executor.close()
    assert executor.execute(path, False).ok
