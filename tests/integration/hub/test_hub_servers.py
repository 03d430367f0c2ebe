"""Servers as the hub finds, shows and stops them, and those that it must not touch."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

from notebook_executor.errors import UsageError
from notebook_executor.lifecycle.project import services
from notebook_executor.lifecycle.project.hub import survey
from notebook_executor.lifecycle.project.hub_actions import find_target, stop
from notebook_executor.lifecycle.project.orphans import kernel_file
from notebook_executor.lifecycle.project.processes import look
from notebook_executor.lifecycle.project.registered import register_project
from tests.integration.hub.machine import Hub, Start, of_project, said_port, seen
from tests.waiting import wait_until


def kernels_in(root: Path) -> list[int]:
    """The living kernels whose connection file is the project's."""
    files = {pid: kernel_file(one) for pid, one in look().items()}
    return [pid for pid, file in files.items() if file and file.is_relative_to(root)]


def test_a_real_server_and_its_kernel_are_shown_and_stopped(
    project: Path, start: Start, hub: Hub
) -> None:
    register_project(project)
    token = "0123456789abcdef"
    process = start(
        sys.executable, "-m", "jupyter_server", "--no-browser", "--ServerApp.port=18888",
        f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={project}", "--allow-root",
        cwd=project, env=of_project(project), stderr=subprocess.DEVNULL,
    )  # fmt: skip
    record = project / ".jupyter_runtime" / f"jpserver-{process.pid}.json"
    wait_until(record.exists)
    wait_until(lambda: seen(project).servers[0].server.port is not None)

    port = seen(project).servers[0].server.port
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/kernels", b"{}", {"Authorization": f"token {token}"}
    )
    # Not through a proxy of the environment.
    opened = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opened.open(asked, timeout=60).close()

    def is_counted() -> bool:
        kernels = seen(project).servers[0].kernels
        return kernels.count == 1 and kernels.memory_bytes > 0

    wait_until(is_counted)

    view = seen(project)
    (shown,) = view.servers
    assert view.orphans == ()
    assert (view.registered, view.state) == (True, "running")
    assert (shown.server.pid, shown.server.mine, shown.server.caller) == (process.pid, True, False)
    assert shown.server.root == Path(shown.server.directory or "") == project
    assert shown.server.url == f"http://localhost:{shown.server.port}/"
    assert token not in str(shown.server.url)

    code, out, err = hub("stop", project)
    assert code == 0, out + err
    assert process.wait(60) is not None
    wait_until(lambda: not kernels_in(project))
    assert not record.exists()
    assert seen(project).state == "stopped"


def test_a_project_of_another_style_is_found_by_where_its_server_runs(
    tmp_path: Path, stand_in: Path, start: Start, hub: Hub
) -> None:
    root = tmp_path / "foreign"
    (root / ".run").mkdir(parents=True)
    (root / "notebooks").mkdir()
    process = start(sys.executable, stand_in, cwd=root / "notebooks")
    pid_file = root / ".run" / "jupyter.pid"
    pid_file.write_text(f"{process.pid}\n")
    port = said_port(process)

    view = seen(root)
    assert (view.registered, view.state, view.name) == (False, "running", "foreign")
    assert [(one.server.pid, one.server.port) for one in view.servers] == [(process.pid, port)]

    code, out, _ = hub("stop", f":{port}")
    assert code == 0
    assert f"stopped the server {process.pid} on port {port} of {root} in " in out
    assert process.wait(60) == -signal.SIGTERM
    assert not pid_file.exists()


def test_a_folder_around_projects_that_nobody_has_noted_is_not_theirs(
    tmp_path: Path, stand_in: Path, start: Start, hub: Hub
) -> None:
    """As ``nbx hub stop .`` in a home directory."""
    inner = tmp_path / "work" / "inner"
    inner.mkdir(parents=True)
    process = start(sys.executable, stand_in, cwd=inner)
    said_port(process)

    assert hub("stop", inner.parent) == (0, "", "No server of it runs.\n")
    assert process.poll() is None
    code, out, _ = hub("stop", inner)
    assert code == 0
    assert f"stopped the server {process.pid} " in out
    assert process.wait(60) == -signal.SIGTERM


@pytest.mark.parametrize("registered", [True, False])
def test_a_project_is_named_by_any_folder_of_it(
    project: Path, stand_in: Path, start: Start, hub: Hub, registered: bool
) -> None:
    if registered:
        register_project(project)
    (project / "notebooks" / "old").mkdir(parents=True)
    (project / "vendor").mkdir()
    (project / "vendor" / "pyproject.toml").write_text("[project]\nname = 'another'\n")
    process = start(sys.executable, stand_in, cwd=project, env=of_project(project))
    said_port(process)

    assert hub("stop", project / "vendor") == (0, "", "No server of it runs.\n")
    assert process.poll() is None
    code, out, _ = hub("stop", project / "notebooks" / "old")
    assert code == 0
    assert f"stopped the server {process.pid} " in out
    assert process.wait(60) == -signal.SIGTERM


def test_a_wrapper_that_the_pid_file_names_is_one_with_its_server(
    project: Path, stand_in: Path, start: Start
) -> None:
    script = f"echo $$ > .run/jupyter.pid; '{sys.executable}' '{stand_in}'; exit 0"
    (project / ".run").mkdir()
    wrapper = start("sh", "-c", script, cwd=project, env=of_project(project))
    port = said_port(wrapper)

    (view,) = seen(project, survey([project])).servers
    assert view.server.pid == wrapper.pid
    assert view.server.port in (None, port)
    (stopped,) = stop(seen(project))
    assert (stopped.pid, stopped.forced, stopped.processes_left) == (wrapper.pid, False, 0)

    assert wrapper.wait(60) is not None
    assert not psutil.Process().children(recursive=True)


def test_a_pid_file_that_names_a_stranger_is_stale_and_touches_nobody(
    project: Path, start: Start, hub: Hub
) -> None:
    stranger = start("sleep", "1000")
    pid_file = project / ".logs" / "jupyter.pid"
    pid_file.write_text(f"{stranger.pid}\n")
    # It was written an hour before that process began.
    os.utime(pid_file, (time.time() - 3600,) * 2)
    register_project(project)

    assert seen(project).state == "stale"
    assert hub("stop", project) == (0, "", "No server of it runs.\n")
    assert stranger.poll() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")
def test_another_users_server_is_shown_and_never_touched(
    tmp_path: Path, stand_in: Path, start: Start, hub: Hub
) -> None:
    interpreter = "/usr/bin/python3"
    if not Path(interpreter).exists():
        pytest.skip(f"another user can run no Python: {interpreter} is missing")
    for folder in (tmp_path, *tmp_path.parents):
        if str(folder).startswith("/tmp/"):
            folder.chmod(folder.stat().st_mode | 0o755)
    process = start(interpreter, stand_in, user=65534, group=65534, extra_groups=[], cwd="/")
    port = said_port(process)

    (view,) = [one for one in survey().strangers if one.server.pid == process.pid]
    assert not view.server.mine
    assert (view.server.user, view.server.port) == ("nobody", port)
    code, out, err = hub("stop", f":{port}")
    assert (code, out) == (2, "")
    assert "is not yours to stop: it is nobody's" in err
    assert process.poll() is None


def test_the_server_that_the_command_runs_in_is_not_stopped(
    project: Path, stand_in: Path, start: Start
) -> None:
    command = [sys.executable, "-m", "notebook_executor.cli.main", "hub", "stop", str(project)]
    process = start(
        sys.executable, stand_in, *command,
        cwd=project, env=of_project(project), stderr=subprocess.PIPE,
    )  # fmt: skip

    _, stderr = process.communicate(timeout=60)

    assert process.returncode == 2
    assert "is what this command runs in" in stderr


def test_a_service_is_named_and_left_to_its_manager(
    project: Path, stand_in: Path, start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """There is no systemd here: its cgroup and its answer are stand-ins."""
    process = start(sys.executable, stand_in, cwd=project, env=of_project(project))
    said_port(process)
    program = tmp_path / "manager" / "systemctl"
    program.parent.mkdir()
    answer = f"Id=demo.service\nMainPID={process.pid}\nActiveState=active"
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    group = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/demo.service"
    monkeypatch.setattr(services, "_content", lambda path: group)
    monkeypatch.setattr(services, "_SECONDS", 60)
    machine = survey()

    (view,) = seen(project, machine).servers
    assert view.server.service is not None
    assert (view.server.service.scope, view.server.service.confirmed) == ("user", True)
    with pytest.raises(UsageError, match=r"demo\.service, which would start it again") as caught:
        stop(find_target(machine, str(project)))
    assert caught.value.hint == "systemctl --user stop demo.service stops it."
    assert process.poll() is None
