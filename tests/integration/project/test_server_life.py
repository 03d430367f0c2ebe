"""A project's server from its start to its end, and what is seen of it meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psutil

from tests.integration.project.serving import PATIENCE, ServedProject, gone, kernel_of, printed
from tests.waiting import wait_until

_KERNEL = """
import os, subprocess
child = subprocess.Popen(["sleep", "600"], start_new_session=True)
print(os.getpid(), child.pid)
"""


def _words(process: psutil.Process) -> str:
    return "\0".join([*process.cmdline(), *process.environ().values()])


def test_the_life_of_a_server(project: ServedProject) -> None:
    assert project.call("status").returncode == 3

    started = project.start()
    assert not started["already_running"]
    server = psutil.Process(started["pid"])
    assert project.pid_file.read_text() == f"{server.pid}\n"
    assert "jupyterlab" in server.cmdline()

    again = project.start()
    assert again["already_running"]
    assert (again["pid"], again["url"]) == (started["pid"], started["url"])

    with kernel_of(project) as (identifier, client):
        pids = [int(word) for word in printed(client, _KERNEL).split()]
        kernel, child = (psutil.Process(pid) for pid in pids)
        status = project.status()
        assert status["state"] == "running"
        (seen,) = status["kernels"]
        assert (seen["id"], seen["pid"]) == (identifier, kernel.pid)
        assert seen["memory_bytes"] > 10_000_000
        assert status["orphans"] == status["removed"] == status["others"] == []
        assert project.call("status").returncode == 0
        _check_secrecy(project, [server, kernel, child])
        there = [(process.pid, process.create_time()) for process in (server, kernel, child)]

    stopped = project.call("stop")
    assert (stopped.returncode, stopped.stderr) == (0, "")
    assert gone(there)()
    assert not project.pid_file.exists()
    assert not project.pid_file.with_name("jupyter.json").exists()
    assert not list((project.root / ".jupyter_runtime").glob("jpserver-*"))
    assert project.status()["state"] == "stopped"
    assert project.call("stop").returncode == 0


def _check_secrecy(project: ServedProject, processes: list[psutil.Process]) -> None:
    """The token is in one file, which is the user's own, and nowhere else to be seen."""
    token = project.token
    assert len(token) == 48
    assert not any(token in _words(process) for process in processes)
    assert token not in project.log
    assert "/lab?token=..." in project.log
    runtime = project.root / ".jupyter_runtime"
    assert runtime.stat().st_mode & 0o777 == 0o700
    assert (runtime / "token").stat().st_mode & 0o777 == 0o600
    logs = project.root / ".logs"
    assert (logs / "jupyter.log").stat().st_mode & 0o777 == 0o600
    assert not any(token in path.read_text("utf-8") for path in logs.iterdir())


def test_two_starts_at_once_give_one_server(project: ServedProject) -> None:
    starts = [project.begin("start", "--json") for _ in range(2)]
    told = [json.loads(start.communicate(timeout=PATIENCE)[0]) for start in starts]

    assert told[0]["pid"] == told[1]["pid"]
    assert sorted(one["already_running"] for one in told) == [False, True]


def test_a_server_that_ends_early_is_explained(project: ServedProject) -> None:
    project.configure("print('no sense in this'); raise SystemExit(7)")

    done = project.call("start")

    assert done.returncode == 1
    assert "  | no sense in this" in done.stderr
    assert "error: The server exited with code 7" in done.stderr
    assert str(project.root / ".logs" / "jupyter.log") in done.stderr
    assert not project.pid_file.exists()


def test_a_configuration_with_a_token_of_its_own_is_named(project: ServedProject) -> None:
    project.configure("c.IdentityProvider.token = 'another one'")

    done = project.call("start")

    assert done.returncode == 1
    assert "does not take the project's token" in done.stderr
    assert ".jupyter_config" in done.stderr
    wait_until(lambda: not project.processes())


def test_a_server_that_is_too_slow_is_ended(project: ServedProject) -> None:
    project.gate()

    done = project.call("start", "--timeout", "0.5")

    assert done.returncode == 1
    assert "was not ready within 0.5 seconds" in done.stderr
    assert not project.processes()
    assert not project.pid_file.exists()


def test_the_pid_file_of_a_stranger_is_removed_and_he_is_not(project: ServedProject) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        project.pid_file.parent.mkdir()
        project.pid_file.write_text(f"{stranger.pid}\n")
        record = {
            "pid": stranger.pid,
            "start_time": 1,
            "port": 8888,
            "url": "http://127.0.0.1:8888/lab",
            "started_at": "2026-11-20T06:00:00+00:00",
            "project": "a project",
            "root": str(project.root),
            "python": sys.executable,
            "schema": 1,
        }
        project.pid_file.with_name("jupyter.json").write_text(json.dumps(record))
        (project.root / ".jupyter_runtime").mkdir(mode=0o700)

        stopped = project.call("stop", "--json")

        assert stopped.returncode == 0
        assert json.loads(stopped.stdout) == {"ended": [], "removed": [str(project.pid_file)]}
        assert stranger.poll() is None
        stranger.kill()


def test_a_pid_file_in_the_other_place_is_read(project: ServedProject, tmp_path: Path) -> None:
    started = project.start()
    other = project.root / ".run" / "jupyter.pid"
    other.parent.mkdir()
    other.write_text(f"{started['pid']}\n")
    for name in ("jupyter.pid", "jupyter.json"):
        (project.root / ".logs" / name).unlink()

    assert project.status()["server"]["pid_file"] == str(other)
    other.unlink()
    assert project.status()["server"]["pid_file"] is None
    assert project.start()["already_running"]


def test_what_is_asked_for_wrongly_is_a_usage_error(project: ServedProject) -> None:
    for arguments in (
        ("start", "--port", "0"),
        ("start", "--port", "65536"),
        ("start", "--timeout", "nan"),
        ("start", "--nonsense"),
        ("logs", "-n", "-1"),
        ("restart", "--foreground"),
        (),
    ):
        done = project.call(*arguments)
        assert done.returncode == 2, arguments
        assert done.stderr
        assert "Traceback" not in done.stderr
    assert project.call("logs").returncode == 3
