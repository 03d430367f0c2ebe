"""Restarts, and servers in the foreground."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.integration.project.serving import PATIENCE, ServedProject, gone
from tests.waiting import wait_until

_TIMES = 20


def _files(project: ServedProject) -> set[str]:
    return {str(path.relative_to(project.root)) for path in project.root.rglob("*")}


def _commands(project: ServedProject) -> list[str]:
    """What runs, without what differs from one server to the next."""
    return sorted(" ".join(process.cmdline()[:4]) for process in project.processes())


def _listening(project: ServedProject) -> int:
    return sum(
        connection.status == psutil.CONN_LISTEN
        for process in project.processes()
        for connection in process.net_connections("tcp")
    )


# Each of them ends a real server and starts another.
@pytest.mark.timeout(1200)
def test_twenty_restarts_leave_no_more_than_one(project: ServedProject) -> None:
    project.start()
    seen = {json.loads(project.call("restart", "--json").stdout)["pid"]}
    runtime = {path.replace(f"-{pid}", "-PID") for path in _files(project) for pid in seen}
    commands, listening = _commands(project), _listening(project)

    for _ in range(_TIMES - 1):
        done = project.call("restart", "--json")
        assert done.returncode == 0, done.stderr
        started = json.loads(done.stdout)
        assert not started["already_running"]
        assert started["pid"] == int(project.pid_file.read_text())
        seen.add(started["pid"])

    last = started["pid"]
    assert len(seen) == _TIMES
    assert _commands(project) == commands
    assert _listening(project) == listening == 1
    assert {path.replace(f"-{last}", "-PID") for path in _files(project)} == runtime


def test_a_restart_starts_what_did_not_run(project: ServedProject) -> None:
    done = project.call("restart")

    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == "no server was running"
    assert project.status()["state"] == "running"


def _line(command: subprocess.Popen[str]) -> str:
    assert command.stdout is not None
    return command.stdout.readline()


def _rest(command: subprocess.Popen[str]) -> str:
    """All that follows; communicate() would lose what was read with the line."""
    with command:
        assert command.stdout is not None
        shown = command.stdout.read()
        command.wait(PATIENCE)
    return shown


def test_two_restarts_at_once_leave_one_server(project: ServedProject) -> None:
    old = project.start()["pid"]
    restarts = [project.begin("restart", "--json") for _ in range(2)]
    told = [json.loads(restart.communicate(timeout=PATIENCE)[0]) for restart in restarts]

    assert len({old, *(one["pid"] for one in told)}) == 3
    status = project.status()
    assert status["server"]["pid"] in [one["pid"] for one in told]
    assert status["others"] == []


def test_a_restart_onto_a_port_that_is_taken_keeps_the_old_server(project: ServedProject) -> None:
    old = project.start()["pid"]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        done = project.call("restart", "--port", str(port))

    assert done.returncode == 1
    assert f"The port {port} is not to be had" in done.stderr
    assert project.status()["server"]["pid"] == old


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_server_in_the_foreground_ends_with_its_command(
    project: ServedProject, number: signal.Signals
) -> None:
    command = project.begin("start", "--foreground")
    assert "is ready" in _line(command)
    server = psutil.Process(project.noted()["pid"])
    there = [(server.pid, server.create_time())]
    assert project.token not in " ".join(server.cmdline())

    command.send_signal(number)
    shown = _rest(command)

    expected = -number if number == signal.SIGKILL else 128 + number
    assert command.returncode == expected
    wait_until(gone(there))
    if number != signal.SIGKILL:
        assert "Serving notebooks from local directory" in shown
        assert not project.pid_file.exists()


def test_a_server_in_the_foreground_can_be_stopped(project: ServedProject, tmp_path: Path) -> None:
    command = project.begin("start", "--foreground")
    assert "is ready" in _line(command)

    assert project.call("stop").returncode == 0

    shown = _rest(command)
    assert command.returncode == 0
    assert "received signal 15, stopping" in shown
    assert not os.path.lexists(project.pid_file)
