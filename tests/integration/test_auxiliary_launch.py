"""Sessions inside the containment: from a program and from a notebook, whatever is killed."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from notebook_executor import NotebookExecutor
from notebook_executor.errors import KernelDiedError, KernelError, KernelStartError, UsageError
from notebook_executor.lifecycle import (
    LaunchedSession,
    cleanup_all_sessions,
    launch,
    live_kernels,
)
from notebook_executor.lifecycle.containment import Tier
from tests.conftest import MakeNotebook
from tests.integration.gated import own_base
from tests.integration.sessions import (
    host,
    private_directories,
    tree_command,
    wait_gone,
    wait_until,
)

_SERVER = [
    sys.executable,
    "-m",
    "http.server",
    "{port}",
    "--bind",
    "127.0.0.1",
    "-d",
    "{directory}",
]
_HOST = """
import sys
from notebook_executor.lifecycle import launch
session = launch(sys.argv[1:], port=0, directory=sys.argv[-1] + ".own", host_view=VIEW)
print("ready", flush=True)
sys.stdin.read()
"""
# In the private directory, whose path is short: a browser makes sockets, too.
_BROWSER = """
import os, sys
from notebook_executor.lifecycle import launch
places = {**os.environ, "HOME": "{directory}", "TMPDIR": "{directory}"}
session = launch(sys.argv[1:], port=0, env=places)
session.wait_listening(timeout=60)
print("ready", flush=True)
sys.stdin.read()
"""
_IN_KERNEL = """
import sys
from notebook_executor.lifecycle import launch
session = launch(COMMAND, port=0, directory=OWN)
"""


def _fetched(session: LaunchedSession, name: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{session.port}/{name}", timeout=60) as answer:
        return bytes(answer.read())


@pytest.mark.parametrize("tier", ["namespace", "subreaper"])
def test_a_server_runs_in_a_directory_of_its_own(tier: Tier) -> None:
    with launch(
        _SERVER, port=0, name="pages", host_view=tier == "subreaper", required=tier
    ) as session:
        session.wait_listening(timeout=60)
        (session.directory / "page").write_text("hello")
        assert _fetched(session, "page") == b"hello"
        (told,) = live_kernels(own_base())
        assert (told.kernel, told.name, told.port) == ("session", "pages", session.port)
        assert (told.state, told.containment) == ("running", tier)
        assert told.host_pid == os.getpid()
        assert session.pid is not None
        assert told.kernel_pid == session.pid
        assert str(session.directory) in psutil.Process(session.pid).cmdline()
        assert session.alive
        directory = session.directory
    assert not directory.exists()
    assert not session.alive
    assert session.exit_code == -signal.SIGTERM
    assert "GET /page" in session.output()
    assert live_kernels(own_base()) == []


@pytest.mark.parametrize("host_view", [True, False])
def test_its_end_is_the_end_of_all_it_started(tmp_path: Path, host_view: bool) -> None:
    told = tmp_path / "told"
    own = tmp_path / "own"
    session = launch(tree_command(told), directory=own, host_view=host_view)
    assert own.stat().st_mode & 0o777 == 0o700
    wait_until(told.exists)
    (own / "folder").mkdir(mode=0o500)
    seen = live_kernels(own_base())[0].processes
    assert len(seen) == 3
    processes = [psutil.Process(each.pid) for each in seen]
    ended = session.end()
    assert (ended.processes_left, ended.files_left) == (0, 0)
    assert ended.processes_ended >= 2
    assert not any(process.is_running() for process in processes)
    assert not own.exists()
    assert session.end() == ended


def test_those_who_do_not_listen_are_killed_after_the_grace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NBX_SESSION_TIMEOUT", "0.1")
    deaf = ["sh", "-c", "trap '' TERM; echo deaf; while true; do sleep 0.01; done"]
    with launch(deaf) as session:
        wait_until(lambda: "deaf" in session.output())
    assert session.exit_code == -signal.SIGKILL
    with launch(["sleep", "600"]) as session:
        (ended,) = cleanup_all_sessions(force=True)
        assert ended.name == "sleep"
    assert session.exit_code == -signal.SIGKILL


@pytest.mark.parametrize("view", ["True", "False"])
def test_it_ends_with_its_host_however_that_ends(tmp_path: Path, view: str) -> None:
    program = _HOST.replace("VIEW", view)
    for end in (signal.SIGKILL, signal.SIGTERM, None):
        told = tmp_path / f"told-{end}"
        with host(program, *tree_command(told)) as process:
            wait_until(told.exists)
            seen = live_kernels(own_base())[0].processes
            processes = [psutil.Process(each.pid) for each in seen]
            assert len(processes) == 3
            if end is None:
                process.communicate(timeout=60)
                assert process.returncode == 0
                # No patience here: the process ends its sessions before it is gone itself.
                assert not private_directories()
            else:
                process.send_signal(end)
                assert process.wait(60) == -end
            wait_gone(processes)
            wait_until(lambda: not private_directories())
            assert not (tmp_path / f"told-{end}.own").exists()


@pytest.mark.parametrize("host_view", [True, False])
@pytest.mark.parametrize("last", ["import os; os.kill(os.getpid(), 9)", "pass"])
def test_in_a_notebook_it_ends_with_the_kernel(
    executor: NotebookExecutor,
    make_notebook: MakeNotebook,
    tmp_path: Path,
    last: str,
    host_view: bool,
) -> None:
    told, own = tmp_path / "told", tmp_path / "own"
    source = _IN_KERNEL.replace("COMMAND", repr(tree_command(told))).replace("OWN", repr(str(own)))
    look = "import pathlib, time\nwhile not pathlib.Path(TOLD).exists(): time.sleep(0.01)"
    notebook = make_notebook(
        source,
        look.replace("TOLD", repr(str(told))),
        "print(session.pid, session.port, session.directory, session.containment)",
        last,
    )
    result = executor.execute(notebook, False, host_view=host_view)
    assert result.notebook is not None
    printed = result.notebook.cells[2].outputs[0].text.split()
    assert (printed[2], printed[3]) == (str(own), "subreaper")
    assert told.read_text().split()[0] == printed[0]
    assert result.status == ("success" if last == "pass" else "error")
    assert (result.cleanup.processes_left, result.cleanup.files_left) == (0, 0)
    # The inner directories lie in the kernel's, and are gone with it.
    assert not private_directories()
    assert not own.exists()
    assert not [
        process
        for process in psutil.process_iter(["cmdline"])
        if str(told) in (process.info["cmdline"] or [])
    ]


@pytest.mark.skipif(
    shutil.which("chromium") is None, reason="the package chromium is not installed"
)
def test_a_browser_and_its_dozen_processes_end_with_a_killed_host() -> None:
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    places = ["--user-data-dir={directory}/profile", "--remote-debugging-port={port}"]
    with host(_BROWSER, "chromium", *flags, *quiet, *places) as process:
        # A browser starts processes of its own.
        wait_until(lambda: len(live_kernels(own_base())[0].processes) > 3)
        processes = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
        wait_gone(processes)
        wait_until(lambda: not private_directories())


def test_what_cannot_be_launched_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KernelStartError, match="The session 'nothing-like-it': its command"):
        launch(["nothing-like-it"])
    with pytest.raises(KernelStartError, match=r"working directory .* is not a directory"):
        launch(["true"], cwd=tmp_path / "missing")
    with pytest.raises(KernelStartError, match="exists"):
        launch(["true"], directory=tmp_path)
    assert tmp_path.is_dir()
    with pytest.raises(UsageError, match="not a list of words"):
        launch("sleep 600")
    with pytest.raises(UsageError, match="no text"):
        launch(["sleep", 600])  # type: ignore[list-item]
    with pytest.raises(UsageError, match="no text"):
        launch(["sleep", "6\0"])
    with pytest.raises(UsageError, match="The environment has a word that is no text: 600"):
        launch(["true"], env={"SECONDS": 600})  # type: ignore[dict-item]
    with pytest.raises(UsageError, match="port 70000"):
        launch(["true"], port=70000)
    assert not private_directories()


def test_waiting_for_one_that_does_not_listen_ends_with_a_reason() -> None:
    with (
        launch(["sh", "-c", "echo no display; exit 3"], port=0, name="x") as session,
        pytest.raises(KernelDiedError, match=r"'x' exited before it listened .*: no display"),
    ):
        session.wait_listening(timeout=60)
    assert session.exit_code == 3
    with (
        launch(["sleep", "600"], port=0) as session,
        pytest.raises(KernelError, match="does not listen"),
    ):
        session.wait_listening(timeout=0)
    with launch(["sleep", "600"]) as session, pytest.raises(UsageError, match="has no port"):
        session.wait_listening(timeout=60)


def test_several_at_once_from_threads() -> None:
    with ThreadPoolExecutor(4) as pool:
        sessions = list(pool.map(lambda _: launch(_SERVER, port=0), range(4)))
        assert len({session.port for session in sessions}) == 4
        assert len(live_kernels(own_base())) == 4
        list(pool.map(LaunchedSession.end, sessions))
    assert cleanup_all_sessions() == []
