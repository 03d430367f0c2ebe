"""What is there and what runs, convention by convention; nothing is started or changed.

But for ``app.sh status``, which is asked where the script has it and the environment is there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from notebook_executor.commands import run_command
from notebook_executor.lifecycle.project.conventions.defects import Remark, good, problem, warning
from notebook_executor.lifecycle.project.conventions.kernels import find_environment
from notebook_executor.lifecycle.project.conventions.scripts import (
    COMMANDS,
    Scripts,
    is_executable,
)
from notebook_executor.lifecycle.project.orphans import Orphan
from notebook_executor.lifecycle.project.pid_file import read_pid_files
from notebook_executor.lifecycle.project.ports import PORTS
from notebook_executor.lifecycle.project.processes import environment_of
from notebook_executor.lifecycle.project.seen_servers import SeenServer
from notebook_executor.lifecycle.project.server_files import server_files
from notebook_executor.lifecycle.project.settings import Project

_STATUS_SECONDS = 30.0
_SYNTAX_SECONDS = 10.0
# A shell's own codes for "cannot be executed" and "not found"; 2 is for wrong usage.
_NOT_UNDERSTOOD = (2, 126, 127)


def isolation(project: Project, servers: Sequence[SeenServer]) -> Iterator[Remark]:
    for server in servers:
        given = environment_of(server.pid)
        if given is None:
            continue
        for name in project.isolation:
            value = given.get(name)
            if value is None or not Path(os.path.realpath(value)).is_relative_to(project.root):
                text = f"the server {server.pid} runs with {name}={value or ''}"
                yield problem(text, "Start it again with scripts/app.sh restart.")


def app_script(project: Project, scripts: Scripts) -> Iterator[Remark]:
    if scripts.app is None:
        yield problem(f"there is no scripts/app.sh{_instead(scripts)}", _app_advice())
        return
    if not is_executable(scripts.app):
        yield problem("scripts/app.sh is not executable", "chmod +x scripts/app.sh.")
    missing = [name for name in COMMANDS if name not in scripts.commands]
    if missing:
        yield problem(f"scripts/app.sh has no {', no '.join(missing)}", _app_advice())
    flags = [] if scripts.delegates else ["--foreground", "--no-open", "--port"]
    unknown = [flag for flag in flags if flag not in scripts.text]
    if unknown and "start" not in missing:
        yield warning(
            f"start does not know {', '.join(unknown)}", "Others expect these flags of it."
        )
    yield from _syntax(scripts.app)
    if "status" not in missing:
        yield from _status(project, scripts.app)
    yield good(f"scripts/app.sh {'|'.join(COMMANDS)}")


def _instead(scripts: Scripts) -> str:
    recipes = [name for name in COMMANDS if name in scripts.targets]
    if not scripts.elsewhere:
        return ""
    does = f", which has {', '.join(recipes)}" if recipes else ""
    return f", but {', '.join(scripts.elsewhere)}{does}"


def _app_advice() -> str:
    return f"Give it the commands {', '.join(COMMANDS)}; notebook_executor's can be copied."


def _syntax(app: Path) -> Iterator[Remark]:
    try:
        done = run_command(["bash", "-n", str(app)], timeout=_SYNTAX_SECONDS)
    except OSError:
        return
    if done.code:
        yield problem(f"bash cannot read scripts/app.sh: {done.complaint}", "Mend the script.")


def _status(project: Project, app: Path) -> Iterator[Remark]:
    """Ask for the status; not where that could first make an environment, or is another's code."""
    is_own = app.stat().st_uid in (os.geteuid(), 0)
    if find_environment(project.root) is None or not is_own or not is_executable(app):
        return
    try:
        done = run_command([str(app), "status"], timeout=_STATUS_SECONDS, cwd=project.root)
    except OSError as error:
        yield problem(f"scripts/app.sh status cannot be run: {error.strerror}", "Mend the script.")
        return
    if done.code is None:
        yield problem(f"scripts/app.sh status takes more than {_STATUS_SECONDS:.0f} s", "Mend it.")
    elif done.code in _NOT_UNDERSTOOD:
        yield problem(f"scripts/app.sh status fails: {done.complaint[:200]}", "Mend the script.")


def pid_file(project: Project, servers: Sequence[SeenServer]) -> Iterator[Remark]:
    files = read_pid_files(project)
    named = {file.pid for file in files if file.alive}
    for file in files:
        place = file.path.relative_to(project.root)
        if file.pid is None:
            yield problem(f"{place} does not hold a pid", "Write the server's pid alone into it.")
        elif file.stale:
            text = f"{place} names {file.pid}, which is gone or somebody else by now"
            yield warning(text, "scripts/app.sh stop, or the next start, is to remove it.")
        else:
            yield good(f"{place} names the server {file.pid}")
    for server in servers:
        if server.pid not in named:
            text = f"no PID file names the server {server.pid}"
            yield problem(text, "Have start write .logs/jupyter.pid as soon as it has a pid.")


def ports(servers: Sequence[SeenServer]) -> Iterator[Remark]:
    for server in servers:
        if server.port is not None and server.port not in PORTS:
            yield warning(
                f"the server {server.pid} listens on {server.port}",
                f"Projects share {PORTS[0]} to {PORTS[-1]}: others look there.",
            )


def orphans(found: Sequence[Orphan]) -> Iterator[Remark]:
    if found:
        pids = ", ".join(str(orphan.pid) for orphan in found)
        yield warning(f"there are some: {pids}", "nbx hub reap ends those of this project.")


def stale_files(project: Project) -> Iterator[Remark]:
    stale = [file.path.name for file in server_files(project.runtime) if file.stale]
    if stale:
        text = f"in .jupyter_runtime: {', '.join(stale)}"
        yield warning(text, "scripts/app.sh status is to remove them.")
