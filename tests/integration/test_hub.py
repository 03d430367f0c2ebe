"""All projects of a machine at one look: real servers and processes, and who may be touched."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import psutil
import pytest

from notebook_executor.cli.exits import guarded
from notebook_executor.cli.main import nbx
from notebook_executor.errors import UsageError
from notebook_executor.lifecycle.project import services
from notebook_executor.lifecycle.project.hub import Machine, ProjectView, survey
from notebook_executor.lifecycle.project.hub_actions import find_target, stop
from notebook_executor.lifecycle.project.orphans import kernel_file
from notebook_executor.lifecycle.project.processes import look
from notebook_executor.lifecycle.project.registered import register_project
from tests.waiting import wait_until

# A server as far as the outside can tell: it listens, says where, and has the name of one.
_STAND_IN = """
import json, os, signal, socket, subprocess, sys
sockets = socket.create_server(("127.0.0.1", int(os.environ.get("PORT", "0"))))
print(sockets.getsockname()[1], flush=True)
if sys.argv[1:]:
    sys.exit(subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL).returncode)
signal.pause()
"""
_KERNEL = "import signal, sys; open(sys.argv[1] + '.pid', 'x').close(); signal.pause()"
# Has jupyter_client launch a kernel that does not look after its parent, and waits to be killed.
_LAUNCHER = """
import sys
from jupyter_client import KernelManager
manager = KernelManager(kernel_name="deaf", connection_file=sys.argv[1])
manager.start_kernel()
print(manager.provisioner.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NBX_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "a project"
    (root / ".jupyter_runtime").mkdir(parents=True)
    (root / ".logs").mkdir()
    return root


class Start(Protocol):
    def __call__(self, *argv: str | Path, **options: Any) -> subprocess.Popen[str]: ...


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a process, which is ended with the test, with its children as they are then."""
    started: list[subprocess.Popen[str]] = []

    def run(*argv: str | Path, **options: Any) -> subprocess.Popen[str]:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        words = [*map(str, argv)]
        process = subprocess.Popen(words, **{**pipes, **options}, encoding="utf-8")
        started.append(process)
        return process

    yield run
    for process in started:
        # As long as nobody has waited for it, its pid is nobody else's.
        if process.poll() is None:
            for child in psutil.Process(process.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
            process.kill()
        process.communicate(timeout=60)


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    path = tmp_path / "bin" / "jupyter-lab"
    path.parent.mkdir()
    path.write_text(_STAND_IN)
    tmp_path.chmod(0o755)
    return path


def of_project(root: Path) -> dict[str, str]:
    return {**os.environ, "JUPYTER_RUNTIME_DIR": str(root / ".jupyter_runtime")}


def said_port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def seen(root: Path, machine: Machine | None = None) -> ProjectView:
    (found,) = [one for one in (machine or survey()).projects if one.root == root]
    return found


def kernels_in(root: Path) -> list[int]:
    """The living kernels whose connection file is the project's."""
    files = {pid: kernel_file(one) for pid, one in look().items()}
    return [pid for pid, file in files.items() if file and file.is_relative_to(root)]


Hub = Callable[..., tuple[int, str, str]]


@pytest.fixture
def hub(capfd: pytest.CaptureFixture[str]) -> Hub:
    def run(*arguments: str | Path) -> tuple[int, str, str]:
        words = ["hub", *map(str, arguments)]
        code = guarded(lambda: nbx.main(words, "nbx", standalone_mode=False), debug=False)
        said = capfd.readouterr()
        assert "Traceback" not in said.err
        return code, said.out, said.err

    return run


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


def test_who_holds_a_port_is_told(tmp_path: Path, hub: Hub) -> None:
    held = _hold_one()
    with held:
        number = held.getsockname()[1]
        code, out, _ = hub("status", "--json")
        told = hub("status")[1]

    shown = json.loads(out)
    (port,) = [one for one in shown["ports"] if one["port"] == number]
    assert code == 0
    assert [one["port"] for one in shown["ports"]] == list(range(8888, 8900))
    assert (port["state"], port["pid"]) == ("other", os.getpid())
    assert port["user"] == psutil.Process().username()
    (row,) = [line for line in told.splitlines() if line.startswith(f"{number}  other")]
    assert str(os.getpid()) in row.split()


def _hold_one() -> socket.socket:
    for number in range(8888, 8900):
        try:
            return socket.create_server(("127.0.0.1", number))
        except OSError:
            continue
    pytest.skip("all ports from 8888 to 8899 are taken on this machine")


@pytest.fixture
def deaf_kernel(tmp_path: Path) -> dict[str, str]:
    """A kernelspec whose kernel, unlike ipykernel, stays when its launcher is gone."""
    spec = tmp_path / "jupyter" / "kernels" / "deaf"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-c", _KERNEL, "{connection_file}"]
    about = {"argv": argv, "display_name": "deaf", "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(about))
    return {**os.environ, "JUPYTER_PATH": str(tmp_path / "jupyter")}


@pytest.fixture
def orphaned(
    project: Path, deaf_kernel: dict[str, str], start: Start
) -> Iterator[Callable[[Path], psutil.Process]]:
    made: list[psutil.Process] = []

    def orphan(root: Path) -> psutil.Process:
        file = root / ".jupyter_runtime" / f"kernel-{len(made)}.json"
        launcher = start(sys.executable, "-c", _LAUNCHER, file, env=deaf_kernel)
        kernel = psutil.Process(said_port(launcher))
        made.append(kernel)
        wait_until(Path(f"{file}.pid").exists)
        # Its launcher is there: it is nobody's orphan.
        assert not [one for one in survey([root]).projects if one.root == root and one.orphans]
        launcher.kill()
        launcher.wait(60)
        return kernel

    yield orphan
    for kernel in made:
        if not is_gone(kernel):
            kernel.kill()
    wait_until(lambda: all(map(is_gone, made)))


def is_gone(process: psutil.Process) -> bool:
    """Also while nobody has collected it."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_orphans_of_a_project_are_shown_and_reaped_and_no_others(
    project: Path, tmp_path: Path, orphaned: Callable[[Path], psutil.Process], hub: Hub
) -> None:
    other = tmp_path / "other"
    (other / ".jupyter_runtime").mkdir(parents=True)
    kernel, spared = orphaned(project), orphaned(other)

    (orphan,) = seen(project).orphans
    assert (orphan.pid, orphan.kind, orphan.root) == (kernel.pid, "kernel", project)
    code, out, _ = hub("reap", project, "--dry-run")
    assert (code, out) == (0, f"would end the kernel {kernel.pid} of {project}\n")
    assert not is_gone(kernel)

    code, out, _ = hub("reap", project, "--json")
    assert code == 0
    assert json.loads(out)["processes_left"] == 0
    wait_until(lambda: is_gone(kernel))
    assert not is_gone(spared)
    assert [one.pid for one in seen(other).orphans] == [spared.pid]
    assert hub("reap", project) == (0, "", "Nothing is left over.\n")


def test_a_folder_that_is_gone_is_forgotten_and_said_once(tmp_path: Path, hub: Hub) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    register_project(gone)
    gone.rmdir()

    assert hub("list")[2] == f"forgotten: {gone}, which is gone\n"
    assert hub("list")[2] == ""


def test_projects_of_one_name_have_to_be_told_apart(tmp_path: Path, hub: Hub) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder / "same").mkdir(parents=True)
        register_project(tmp_path / folder / "same")

    code, _, err = hub("stop", "same")
    assert code == 2
    assert "There are 2 projects that 'same' can mean" in err
    assert str(tmp_path / "b" / "same") in err
    assert hub("stop", tmp_path / "a" / "same")[0] == 0


@pytest.mark.parametrize("wanted", ["nobody-knows", ":1", "/nowhere/at/all", "1", "/", "\udcff"])
def test_a_project_that_there_is_not_is_named(hub: Hub, wanted: str) -> None:
    code, out, err = hub("stop", wanted)

    assert (code, out) in ((2, ""), (0, ""))
    assert err.startswith(("error: There is no ", "No server of it runs."))


def test_a_project_says_its_name_even_if_its_pyproject_is_broken(project: Path, hub: Hub) -> None:
    register_project(project)
    (project / "pyproject.toml").write_text("[project\n")

    code, out, _ = hub("list", "--json")

    (line,) = [one for one in map(json.loads, out.splitlines()) if one["root"] == str(project)]
    assert code == 0
    assert (line["name"], line["state"], line["servers"]) == ("a project", "stopped", [])
