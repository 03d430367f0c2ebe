"""Terminals that close, servers that are killed, disks that are full, and stops in between."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.integration.project.serving import PATIENCE, ServedProject, gone, kernel_of
from tests.waiting import wait_until

# Runs a command as a terminal does, and closes that when it has printed a word, or a file is there.
_TERMINAL = """
import os, pathlib, pty, select, sys, time
until, file, *command = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp("sh", ["sh", "-c", '"$@" && echo done-with-it; exec sleep 600', "sh", *command])
shown = b""
while until.encode() not in shown and not (file and pathlib.Path(file).exists()):
    if select.select([terminal], [], [], 0.05)[0]:
        shown += os.read(terminal, 65536)
os.close(terminal)
print(shown.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
_HOLD_GIL = """
import os, pathlib, subprocess
children = [
    subprocess.Popen(["sleep", "600"]),
    subprocess.Popen(["setsid", "sleep", "600"]),
    subprocess.Popen(["env", "-i", "setsid", "sleep", "600"]),
]
told = pathlib.Path({told!r})
told.with_suffix(".new").write_text(" ".join(str(pid) for pid in
    [os.getpid(), *(child.pid for child in children)]))
told.with_suffix(".new").rename(told)
sum(range(10**12))
"""


def _in_terminal(project: ServedProject, until: str, file: Path | None) -> str:
    """Start in a terminal that closes; what was shown there."""
    done = subprocess.run(
        [sys.executable, "-c", _TERMINAL, until, str(file or ""), *project.command("start")],
        env={**os.environ, "DISPLAY": "", "WAYLAND_DISPLAY": ""},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    return done.stdout


def test_a_server_survives_its_terminal(project: ServedProject) -> None:
    shown = _in_terminal(project, "done-with-it", None)

    assert "is ready" in shown
    assert f"?token={project.token}" in shown, "the terminal's user has to log in"
    assert project.ask("api/status")["kernels"] == 0


def test_a_terminal_that_closes_during_the_start_does_not_end_it(project: ServedProject) -> None:
    gate = project.gate()
    _in_terminal(project, "never shown", project.pid_file)
    assert project.status()["state"] == "not answering"
    assert project.call("status").returncode == 4

    waiting = project.begin("start", "--json")
    gate.touch()
    _, err = waiting.communicate(timeout=PATIENCE)

    assert waiting.returncode == 0, err
    assert project.status()["state"] == "running"


def test_a_killed_server_takes_its_kernels_and_their_children_along(
    project: ServedProject, tmp_path: Path
) -> None:
    server = project.start()["pid"]
    told = tmp_path / "told"
    with kernel_of(project) as (_, client):
        client.execute(_HOLD_GIL.format(told=str(told)))
        wait_until(told.exists)
        seen = [psutil.Process(int(word)) for word in told.read_text().split()]
        there = [(process.pid, process.create_time()) for process in seen]
        assert not any(gone([one])() for one in there)

        os.kill(server, signal.SIGKILL)
        wait_until(gone(there))

    wait_until(lambda: not project.processes())
    status = project.status()
    assert (status["state"], status["orphans"]) == ("stopped", [])
    assert str(project.pid_file) in status["removed"]
    assert str(project.root / ".jupyter_runtime" / f"jpserver-{server}.json") in status["removed"]
    assert project.status()["removed"] == []


def test_a_server_that_hangs_is_named_and_killed(project: ServedProject) -> None:
    server = psutil.Process(project.start()["pid"])
    there = [(server.pid, server.create_time())]
    server.suspend()

    started = project.call("start", "--timeout", "0.5")
    assert started.returncode == 1
    assert f"process {server.pid}, but it does not answer" in started.stderr

    stopped = project.call("stop")

    assert stopped.returncode == 0
    assert "was killed: it did not end in time" in stopped.stdout
    assert gone(there)()
    assert not project.pid_file.exists()


def test_a_stop_during_the_start_ends_it(project: ServedProject) -> None:
    project.gate()
    start = project.begin("start")
    server = psutil.Process(project.noted()["pid"])
    there = [(server.pid, server.create_time())]

    stopped = project.call("stop")
    _, err = start.communicate(timeout=PATIENCE)

    assert (stopped.returncode, stopped.stderr) == (0, "")
    assert (start.returncode, err.splitlines()[0]) == (
        1,
        "error: The server was stopped while it was starting",
    )
    assert gone(there)()
    assert not project.pid_file.exists()
    assert not project.processes()


@pytest.fixture
def small_disk(project: ServedProject) -> Iterator[Path]:
    """A disk of its own for the project's logs."""
    place = project.root / ".logs"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("a file system can be mounted by root alone")
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    mounted = subprocess.run(mount, capture_output=True, text=True, timeout=60, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"tmpfs cannot be mounted here: {mounted.stderr.strip()}")
    yield place
    project.call("stop")
    subprocess.run(["umount", "-l", str(place)], timeout=60, check=True)


def _fill(place: Path) -> None:
    with (place / "filler").open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 4096)


def test_a_full_disk_for_the_log_keeps_no_server_from_running(
    project: ServedProject, small_disk: Path
) -> None:
    _fill(small_disk)

    done = project.call("start")

    assert done.returncode == 0, done.stderr
    assert "warning: nothing is logged" in done.stderr
    assert "No space left on device" in done.stderr
    assert f"the PID file is in {project.root / '.run'}" in done.stderr
    assert project.status()["state"] == "running"
    assert project.call("stop").returncode == 0
    assert not (project.root / ".run" / "jupyter.pid").exists()


def test_a_disk_that_fills_up_does_not_end_the_server(
    project: ServedProject, small_disk: Path
) -> None:
    project.start()
    _fill(small_disk)
    size = (small_disk / "jupyter.log").stat().st_size

    for _ in range(100):
        project.ask("api/kernelspecs")
    with kernel_of(project):
        pass

    assert (small_disk / "jupyter.log").stat().st_size - size < 4096
    assert project.status()["state"] == "running"
    assert project.call("stop").returncode == 0
