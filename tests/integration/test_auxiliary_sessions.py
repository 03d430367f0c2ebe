"""Sessions that somebody else has started: whom they belong to, and when they end."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from notebook_executor import NotebookExecutor
from notebook_executor.errors import UsageError
from notebook_executor.lifecycle import (
    cleanup_all_sessions,
    live_kernels,
    reap,
    register_session,
    unregister_session,
)
from tests.conftest import MakeNotebook
from tests.integration.gated import own_base
from tests.integration.sessions import (
    PATIENCE,
    host,
    living,
    private_directories,
    sleeping,
    told_in,
    tree_command,
    wait_gone,
    wait_until,
)

_HOST = """
import os, signal, subprocess, sys, threading, time
from notebook_executor.lifecycle import register_session
told, directory, *options = sys.argv[1:]
def handled(number, frame):
    print("handled", number, flush=True)
    if "exits" in options:
        sys.exit(7)
if "handler" in options:
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, handled)
if "ignores" in options:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
session = subprocess.Popen(COMMAND, stdout=subprocess.DEVNULL, start_new_session=True)
def register():
    register_session(5000, session.pid, directory)
if "thread" in options:
    thread = threading.Thread(target=register)
    thread.start()
    thread.join()
else:
    register()
while not os.path.exists(told):
    time.sleep(0.01)
if "forks" in options:
    if (copy := os.fork()) == 0:
        sys.exit()
    os.waitpid(copy, 0)
print("ready", flush=True)
for line in sys.stdin:
    print("still here", flush=True)
"""


@dataclass
class Hosted:
    """A host with a registered session; of that, what can be found, and what cannot."""

    process: subprocess.Popen[str]
    directory: Path
    session: list[psutil.Process]
    escaped: psutil.Process

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ask(self) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.line()

    def has_ended(self) -> bool:
        return not living(self.session) and not self.directory.exists()


@contextmanager
def hosted(place: Path, *options: str) -> Iterator[Hosted]:
    told, directory = place / "told", place / "session"
    directory.mkdir()
    (directory / "file").touch()
    program = _HOST.replace("COMMAND", repr(tree_command(told)))
    with host(program, str(told), str(directory), *options) as process:
        *session, escaped = told_in(told)
        try:
            yield Hosted(process, directory, session, escaped)
        finally:
            process.kill()
            process.wait()
            for each in living([*session, escaped]):
                each.kill()
            wait_gone([*session, escaped])
            reap(own_base())


@pytest.fixture
def dispositions() -> Iterator[None]:
    """The handlers that the first registration of a process sets are not the next test's."""
    before = {number: signal.getsignal(number) for number in (1, 2, 15)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_normal_exit_ends_the_session(tmp_path: Path) -> None:
    with hosted(tmp_path) as running:
        running.process.communicate(timeout=PATIENCE)
        # No patience here: the process ends its sessions before it is gone itself.
        assert running.has_ended()
        assert not private_directories()
        # What the page says: nobody finds a daemon by its parent when that is gone.
        assert living([running.escaped])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_that_ends_the_process_ends_the_session(
    tmp_path: Path, number: signal.Signals
) -> None:
    with hosted(tmp_path) as running:
        running.process.send_signal(number)
        assert running.process.wait(PATIENCE) == -number
        assert running.has_ended()
        assert not private_directories()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_the_applications_handler_is_called_and_may_go_on(
    tmp_path: Path, number: signal.Signals
) -> None:
    with hosted(tmp_path, "handler") as running:
        running.process.send_signal(number)
        assert running.line() == f"handled {number.value}"
        # An interrupt that is handled is no end; the other two are.
        assert running.has_ended() == (number != signal.SIGINT)
        assert running.ask() == "still here"
        running.process.communicate(timeout=PATIENCE)
        assert running.process.returncode == 0
        assert running.has_ended()


def test_the_applications_handler_may_exit(tmp_path: Path) -> None:
    with hosted(tmp_path, "handler", "exits") as running:
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(PATIENCE) == 7
        assert running.has_ended()


def test_what_is_ignored_stays_ignored(tmp_path: Path) -> None:
    with hosted(tmp_path, "ignores") as running:
        running.process.send_signal(signal.SIGHUP)
        assert running.ask() == "still here"
        assert not running.has_ended()


def test_a_forked_copy_ends_nothing_when_it_exits(tmp_path: Path) -> None:
    with hosted(tmp_path, "forks") as running:
        assert running.ask() == "still here"
        assert len(living(running.session)) == len(running.session)
        running.process.communicate(timeout=PATIENCE)
        assert running.has_ended()


@pytest.mark.parametrize(
    ("number", "options"), [(signal.SIGKILL, ()), (signal.SIGTERM, ("thread",))]
)
def test_the_reaper_ends_what_a_killed_process_had_registered(
    tmp_path: Path, number: signal.Signals, options: tuple[str, ...]
) -> None:
    """SIGTERM too, where another thread than the main one has registered."""
    with hosted(tmp_path, *options) as running:
        (row,) = live_kernels(own_base())
        assert (row.kernel, row.port, row.state) == ("session", 5000, "running")
        assert row.host_pid == running.process.pid
        assert {each.pid for each in row.processes} == {each.pid for each in running.session}
        assert reap(own_base()) == []
        running.process.send_signal(number)
        running.process.wait(PATIENCE)
        assert living(running.session)
        (row,) = live_kernels(own_base())
        assert (row.state, len(row.processes)) == ("left over", len(running.session))
        (found,) = reap(own_base(), dry_run=True)
        assert set(found.processes) == {each.pid for each in running.session}
        assert living(running.session)
        (found,) = reap(own_base())
        assert (found.processes_left, found.files_left) == (0, 0)
        assert running.has_ended()
        assert not private_directories()


def test_ending_all_takes_a_grace_only_if_it_is_needed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dispositions: None
) -> None:
    deaf = ("sh", "-c", f"trap '' TERM; touch {tmp_path}/deaf; while :; do sleep 0.01; done")
    with sleeping() as polite, sleeping(*deaf) as stubborn:
        wait_until((tmp_path / "deaf").exists)
        monkeypatch.setenv("NBX_SESSION_TIMEOUT", "0.2")
        register_session(5001, polite.pid)
        register_session(5002, stubborn.pid)
        first, second = cleanup_all_sessions()
        assert (first.name, first.port, first.processes_left) == ("sleep", 5001, 0)
        assert (second.port, second.processes_left) == (5002, 0)
        assert polite.wait(PATIENCE) == -signal.SIGTERM
        assert stubborn.wait(PATIENCE) == -signal.SIGKILL
    with sleeping() as forced:
        register_session(5001, forced.pid)
        monkeypatch.setenv("NBX_SESSION_FORCE", "1")
        cleanup_all_sessions()
        assert forced.wait(PATIENCE) == -signal.SIGKILL
    assert cleanup_all_sessions() == []


def test_a_session_that_is_given_up_lives_on(tmp_path: Path, dispositions: None) -> None:
    with sleeping() as process:
        register_session(5001, process.pid, tmp_path)
        with pytest.raises(UsageError, match="living session on port 5001"):
            register_session(5001, process.pid)
        assert unregister_session(5001)
        assert not unregister_session(5001)
        assert cleanup_all_sessions() == []
        assert not private_directories()
        assert process.poll() is None
    assert tmp_path.is_dir()


def test_a_port_whose_session_has_gone_is_free_again(tmp_path: Path, dispositions: None) -> None:
    old = tmp_path / "old"
    old.mkdir()
    with sleeping() as first:
        register_session(5001, first.pid, old)
    with sleeping() as second:
        register_session(5001, second.pid)
        assert not old.exists()
        (ended,) = cleanup_all_sessions()
        assert ended.pid == second.pid


def test_a_directory_that_was_replaced_is_somebody_elses(
    tmp_path: Path, dispositions: None
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    with sleeping() as process:
        register_session(5001, process.pid, mine)
        mine.rename(tmp_path / "moved")
        mine.mkdir()
        (mine / "theirs").touch()
        cleanup_all_sessions()
    assert (mine / "theirs").exists()
    assert (tmp_path / "moved").exists()


def test_threads_may_register_and_end_at_once(dispositions: None) -> None:
    processes = [subprocess.Popen(["sleep", "600"], start_new_session=True) for _ in range(8)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: register_session(5000 + n, processes[n].pid), range(8)))
        ended = list(pool.map(lambda _: cleanup_all_sessions(), range(4)))
    assert sorted(each.port or 0 for some in ended for each in some) == list(range(5000, 5008))
    for process in processes:
        assert process.wait(PATIENCE) == -signal.SIGTERM


def test_in_a_notebook_it_ends_with_the_kernel_politely_or_not(
    make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    source = """
import os, subprocess
from notebook_executor.lifecycle import register_session
os.mkdir(DIRECTORY)
process = subprocess.Popen(["sleep", "600"], start_new_session=True)
register_session(5000, process.pid, DIRECTORY)
"""
    for last in ("pass", "os.kill(os.getpid(), 9)"):
        directory = tmp_path / "own"
        notebook = make_notebook(source.replace("DIRECTORY", repr(str(directory))), last)
        # A kernel that waits for the next run would have a private directory.
        with NotebookExecutor(tmp_path, warm=False) as executor:
            result = executor.execute(notebook, False)
        assert result.status == ("success" if last == "pass" else "error"), str(result)
        assert (result.cleanup.processes_left, result.cleanup.files_left) == (0, 0)
        assert not directory.exists()
        assert not private_directories()


def test_what_cannot_be_meant_is_refused(tmp_path: Path, dispositions: None) -> None:
    with sleeping() as process:
        for port in (0, -1, 65536, True, "80", 1.5):
            with pytest.raises(UsageError, match="The port"):
                register_session(port, process.pid)  # type: ignore[arg-type]
        for pid in (0, -process.pid, True, "1"):
            with pytest.raises(UsageError, match="The pid"):
                register_session(5001, pid)  # type: ignore[arg-type]
        for pid in (1, os.getpid(), os.getppid()):
            with pytest.raises(UsageError, match="this one, or one that it descends from"):
                register_session(5001, pid)
        link = tmp_path / "link"
        link.symlink_to(tmp_path)
        for directory in ("/", Path.home(), Path.cwd(), Path(tempfile.gettempdir())):
            with pytest.raises(UsageError, match=r"would be removed with it|another user's"):
                register_session(5001, process.pid, directory)
        for directory in (link, tmp_path / "missing"):
            with pytest.raises(UsageError, match="cannot be taken"):
                register_session(5001, process.pid, directory)
        with pytest.raises(UsageError, match="not a path"):
            register_session(5001, process.pid, 7)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="no living process"):
        register_session(5001, process.pid)
    assert not private_directories()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("NBX_SESSION_TIMEOUT", "soon"),
        ("NBX_SESSION_TIMEOUT", "-1"),
        ("NBX_SESSION_TIMEOUT", "nan"),
        ("NBX_SESSION_TIMEOUT", "1e9"),
        ("NBX_SESSION_FORCE", "maybe"),
    ],
)
def test_a_variable_that_makes_no_sense_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with sleeping() as process, pytest.raises(UsageError, match=variable):
        register_session(5001, process.pid)
    with pytest.raises(UsageError, match=variable):
        cleanup_all_sessions()
