"""The ten conventions, on small projects: a good one of a style of its own, and one defect each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from notebook_executor.errors import UsageError
from notebook_executor.findings import Finding, Level
from notebook_executor.lifecycle.project.conventions.checking import TOPICS, check_conventions
from notebook_executor.lifecycle.project.conventions.scripts import read_scripts

_ROOT = Path(__file__).parents[2]
_APP = r"""#!/usr/bin/env bash
# Not pkill: that would end other projects' servers.
root=$(cd "$(dirname "$0")/.." && pwd -P)
export JUPYTER_CONFIG_DIR="$root/.jupyter_config" JUPYTER_DATA_DIR="$root/.jupyter_data"
export JUPYTER_RUNTIME_DIR="$root/.jupyter_runtime" IPYTHONDIR="$root/.ipython"
export MPLCONFIGDIR="$root/.cache/matplotlib"
pid_file=$root/.run/jupyter.pid

start() {  # --foreground --no-open --port
    for port in $(seq 8888 8899); do
        setsid "$root/.venv/bin/python" -m jupyterlab --ServerApp.port_retries=0 \
            --port "$port" >>"$root/.logs/jupyter.log" 2>&1 &
        echo $! >"$pid_file"
    done
}
stop() {
    [[ $(ps -o lstart= -p "$(<"$pid_file")") ]] || return
    kill "$(<"$pid_file")"; sleep 10; kill -9 "$(<"$pid_file")"
}
status() {
    ps -eo pid,ppid,args | grep -q jupyter && echo "orphans?"
    rm -f "$root"/.jupyter_runtime/jpserver-*.json
}
case $1 in
    bootstrap) python -m venv .venv ;;
    start | stop) "$1" ;;
    "restart") stop; start ;;
    status) status ;;
    logs) tail "$root/.logs/jupyter.log" ;;
esac
"""
_IGNORED = "/.jupyter_*/\n/.ipython\n.cache/\n/.logs/\n/.run/\n/.venv/\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One that keeps them all, without anything of ours."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    root = tmp_path / "its own style"
    (root / "scripts").mkdir(parents=True)
    (root / ".jupyter_runtime").mkdir()
    write_app(root, _APP)
    (root / ".gitignore").write_text(_IGNORED)
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / "bin" / "python").symlink_to(sys.executable)
    env = {"IPYTHONDIR": str(root / ".ipython"), "MPLCONFIGDIR": str(root / ".cache/matplotlib")}
    write_kernel(root / ".venv" / "share" / "jupyter", root / ".venv", env)
    git(root, "init", "-q")
    return root


def write_app(root: Path, text: str) -> None:
    app = root / "scripts" / "app.sh"
    app.write_text(text)
    app.chmod(0o755)


def write_kernel(data: Path, environment: Path, env: dict[str, str]) -> None:
    folder = data / "kernels" / "its-own"
    folder.mkdir(parents=True, exist_ok=True)
    python = str(environment / "bin" / "python")
    about = {"argv": [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"], "env": env}
    (folder / "kernel.json").write_text(json.dumps(about))


def git(root: Path, *arguments: str) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    subprocess.run(["git", *arguments], cwd=root, env=env, check=True, timeout=60)


def checked(root: Path) -> dict[str, Finding]:
    findings = list(check_conventions(root))
    assert tuple(finding.topic for finding in findings) == TOPICS
    for finding in findings:
        assert finding.text
        assert bool(finding.advice) is (finding.level != "ok"), finding
    return {finding.topic: finding for finding in findings}


def levels(root: Path) -> dict[str, Level]:
    """Of those that are not as they should be."""
    return {topic: found.level for topic, found in checked(root).items() if found.level != "ok"}


def test_a_project_of_another_style_can_keep_them_all(project: Path) -> None:
    assert levels(project) == {}


def test_this_project_keeps_them_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """But that there may be no environment of its own yet; then it is not asked for its status."""
    monkeypatch.setenv("HOME", str(tmp_path))
    found = checked(_ROOT)

    problems = [finding for finding in found.values() if finding.level == "problem"]
    assert not problems
    # Git may not want to look at a checkout of another user's.
    for topic in ("isolation variables", "app.sh", "background start", "stop"):
        assert found[topic].level == "ok"


def test_its_script_keeps_them_in_another_project(project: Path) -> None:
    shutil.rmtree(project / ".venv")
    shutil.copy(_ROOT / "scripts" / "app.sh", project / "scripts" / "app.sh")

    assert read_scripts(project).delegates
    assert levels(project) == {"kernel": "warning"}


def replaced(before: str, after: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        assert before in _APP
        write_app(root, _APP.replace(before, after))

    return change


def unignored(line: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        (root / ".gitignore").write_text(_IGNORED.replace(f"{line}\n", ""))

    return change


def add_to_git(root: Path) -> None:
    (root / ".logs").mkdir()
    (root / ".logs" / "jupyter.log").write_text("")
    git(root, "add", "--force", ".logs/jupyter.log")


def forget_to_execute(root: Path) -> None:
    (root / "scripts" / "app.sh").chmod(0o644)


def rename_app(root: Path) -> None:
    (root / "scripts" / "app.sh").rename(root / "scripts" / "other.sh")


def remove_kernel(root: Path) -> None:
    shutil.rmtree(root / ".venv" / "share")


def leave_kernel_out_of_environment(root: Path) -> None:
    write_kernel(root / ".venv" / "share" / "jupyter", root / "elsewhere", {})


def clear_kernels_variables(root: Path) -> None:
    write_kernel(root / ".venv" / "share" / "jupyter", root / ".venv", {"IPYTHONDIR": "/tmp"})


def register_kernel_for_the_user(root: Path) -> None:
    share = "Library/Jupyter" if sys.platform == "darwin" else ".local/share/jupyter"
    write_kernel(Path(os.environ["HOME"], share), root / ".venv", {})


def write_no_pid(root: Path) -> None:
    (root / ".run").mkdir()
    (root / ".run" / "jupyter.pid").write_text("pid: 7\n")


def write_dead_pid(root: Path) -> None:
    (root / ".logs").mkdir()
    (root / ".logs" / "jupyter.pid").write_text(f"{ended_pid()}\n")


def leave_server_file(root: Path) -> None:
    (root / ".jupyter_runtime" / f"jpserver-{ended_pid()}.json").write_text("{}")


def ended_pid() -> int:
    """One that was a process's; who has it next started after the file was written, if at all."""
    with subprocess.Popen(["true"]) as process:
        process.wait(60)
    return process.pid


@pytest.mark.parametrize(
    ("change", "topic", "level", "text"),
    [
        (replaced(' MPL', ' X_MPL'), "isolation variables", "problem", "nothing sets MPLCONFIGDIR"),
        (
            replaced('"$root/.ipython"', "~/.ipython"),
            "isolation variables", "problem", "IPYTHONDIR is set to ~/.ipython, outside",
        ),
        (remove_kernel, "kernel", "problem", ".venv has no kernel"),
        (leave_kernel_out_of_environment, "kernel", "problem", "outside of .venv"),
        (clear_kernels_variables, "kernel", "warning", "no IPYTHONDIR and no MPLCONFIGDIR"),
        (register_kernel_for_the_user, "kernel", "problem", "is registered for the user"),
        (rename_app, "app.sh", "problem", "there is no scripts/app.sh"),
        (forget_to_execute, "app.sh", "problem", "is not executable"),
        (replaced("    logs)", "    log)"), "app.sh", "problem", "scripts/app.sh has no logs"),
        (replaced("--no-open ", ""), "app.sh", "warning", "start does not know --no-open"),
        (replaced("esac\n", ""), "app.sh", "problem", "bash cannot read scripts/app.sh"),
        (replaced("status) status", "status) exit 2"), "app.sh", "problem", "status fails: exit"),
        (replaced("status) status", "status) nothing-such"), "app.sh", "problem", "code 127"),
        (replaced(".run/jupyter.pid", ".run/lab.pid"), "PID file", "problem", "is $root/.run/lab"),
        (replaced("pid_file=$root/.run/jupyter.pid", "pid_file=x"), "PID file", "problem",
         "nothing writes a PID file"),
        (write_no_pid, "PID file", "problem", ".run/jupyter.pid does not hold a pid"),
        (write_dead_pid, "PID file", "warning", "is gone or somebody else by now"),
        (replaced('"$port" ', "8888 "), "ports", "ok", "8888 to 8899 are tried"),
        (replaced("$(seq 8888 8899)", "8890"), "ports", "problem", "nothing chooses a port"),
        (replaced("--ServerApp.port_retries=0 ", ""), "ports", "warning", "not tried by binding"),
        (replaced("setsid ", ""), "background start", "problem", "not put the server into the"),
        (replaced("setsid ", "tmux new -d "), "background start", "warning", "another program's"),
        (replaced("setsid ", "nohup "), "background start", "ok", "survives the closing"),
        (replaced("kill -9", "true"), "stop", "problem", "a server that hangs is never ended"),
        (replaced('kill "$(<"$pid_file")"; sleep 10; ', ""), "stop", "problem", "without being"),
        (replaced("kill", "killall"), "stop", "problem", "killall ends other projects' servers"),
        (replaced("-o lstart= ", ""), "stop", "warning", "without a look whose it is by now"),
        (replaced("-eo pid,ppid,args | grep -q jupyter && echo \"orphans?\"", ""), "orphans",
         "problem", "nothing looks for kernels whose server is gone"),
        (replaced("jpserver-*.json", "x"), "stale files", "problem", "nothing removes jpserver-"),
        (leave_server_file, "stale files", "warning", "in .jupyter_runtime: jpserver-"),
        (unignored("/.logs/"), ".gitignore", "problem", "not ignored: .logs"),
        (unignored("/.jupyter_*/"), ".gitignore", "problem", ".jupyter_config, .jupyter_data, .j"),
        (unignored("/.venv/"), ".gitignore", "problem", "not ignored: .venv"),
        (add_to_git, ".gitignore", "problem", "in git: .logs"),
    ],
)  # fmt: skip
def test_one_defect_is_one_finding(
    project: Path, change: Callable[[Path], None], topic: str, level: Level, text: str
) -> None:
    change(project)

    found = checked(project)

    assert (found[topic].level, text in found[topic].text) == (level, True), found[topic]
    # What a script that bash cannot read would do, nobody can say.
    others = {name: one for name, one in found.items() if one.level != "ok" and name != topic}
    assert not others


def test_a_makefile_in_place_of_a_script_is_named(tmp_path: Path) -> None:
    recipe = "start: bootstrap\n\tjupyter lab --port=8888 &\nstop:\n\tpkill -f jupyter\n"
    (tmp_path / "Makefile").write_text(f"PORT := 1\n{recipe}")

    found = checked(tmp_path)

    assert "there is no scripts/app.sh, but Makefile, which has start, stop" in found["app.sh"].text
    assert found["ports"].text == "the port is always 8888"
    assert found["stop"].text.startswith("pkill ends other projects' servers")
    assert found[".gitignore"].level == "warning"


def test_an_empty_folder_keeps_next_to_nothing(tmp_path: Path) -> None:
    assert set(levels(tmp_path)) == set(TOPICS)


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_what_is_no_folder_is_a_usage_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UsageError, match="There is no folder"):
        list(check_conventions(tmp_path / name))


def test_odd_files_are_survived(project: Path) -> None:
    (project / "pyproject.toml").write_bytes(b"\xff[")
    (project / "Makefile").mkdir()
    (project / "scripts" / "blob").write_bytes(bytes(range(256)) * 10)
    os.mkfifo(project / "scripts" / "pipe")
    os.mkfifo(project / ".env")
    (project / "scripts" / "loop").symlink_to("loop")
    (project / ".jupyter_runtime" / "jpserver-1.json").mkdir()
    (project / ".jupyter_runtime" / "jpserver-99999999999.json").write_text("[" * 10_000)
    kernels = project / ".venv" / "share" / "jupyter" / "kernels"
    for number, content in enumerate(["", "[]", '{"argv": []}', '{"argv": [1], "env": 7}', "["]):
        (kernels / str(number)).mkdir()
        (kernels / str(number) / "kernel.json").write_text(content)

    assert set(levels(project)) <= {"stale files"}


def test_a_status_that_takes_too_long_is_given_up(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = "notebook_executor.lifecycle.project.conventions.found._STATUS_SECONDS"
    monkeypatch.setattr(place, 0.3)
    replaced("status) status", "status) sleep 1000")(project)

    assert "status takes more than" in checked(project)["app.sh"].text
