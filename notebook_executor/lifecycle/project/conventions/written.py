"""What scripts say, convention by convention.

A script that leaves the server to ``notebook_executor.lifecycle`` keeps most of them by that.
Otherwise reading can only tell what a script does not even mention.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from notebook_executor.lifecycle.project.conventions.defects import Remark, good, problem, warning
from notebook_executor.lifecycle.project.conventions.scripts import Scripts
from notebook_executor.lifecycle.project.settings import Project

_BY_US = "by notebook_executor.lifecycle"
_HOME = re.compile(r"^[\"']?(?:~|\$HOME\b|\$\{HOME\}|/)")


def isolation(scripts: Scripts, project: Project) -> Iterator[Remark]:
    values = {name: _values(scripts, name) for name in project.isolation}
    missing = [name for name, found in values.items() if not found]
    for name, found in values.items():
        for value in found:
            if _HOME.match(value) and str(project.root) not in value:
                yield problem(
                    f"{name} is set to {value}, outside of the project",
                    f"Let it be {_relative(project, name)} of the project.",
                )
    if scripts.delegates:
        yield good(f"set {_BY_US}")
    elif missing:
        folders = ", ".join(f"{name}={_relative(project, name)}" for name in missing)
        yield problem(
            f"nothing sets {', '.join(missing)}", f"Export in scripts/app.sh, below it: {folders}."
        )
    else:
        yield good("all five are set by the project's scripts")


def pid_file(scripts: Scripts) -> Iterator[Remark]:
    if scripts.delegates:
        yield good(f".logs/jupyter.pid, written {_BY_US}")
        return
    named = sorted(set(re.findall(r"[\w./${}-]*\w\.pid\b", scripts.text)))
    known = [name for name in named if re.search(r"\.(logs|run)[\"']?/jupyter\.pid$", name)]
    by_parts = scripts.says(r"\.(logs|run)\b") and any(n.endswith("jupyter.pid") for n in named)
    if known or by_parts:
        yield good(f"{known[0] if known else 'jupyter.pid'} is written by the project's scripts")
    elif named:
        yield problem(
            f"the PID file is {', '.join(named)}",
            "Others look for .logs/jupyter.pid, and for .run/jupyter.pid.",
        )
    else:
        yield problem(
            "nothing writes a PID file", "Have start write the server's pid to .logs/jupyter.pid."
        )


def ports(scripts: Scripts) -> Iterator[Remark]:
    fixed = re.findall(r"--(?:\w+\.)?port[ =]+[\"']?(\d+)\b", scripts.text)
    if scripts.delegates:
        yield good(f"8888 to 8899 are tried {_BY_US}")
    elif scripts.says(r"\b8888\b") and scripts.says(r"\b8899\b"):
        if scripts.says(r"bind|create_server|--\w*\.?port_retries"):
            yield good("8888 to 8899 are tried")
        else:
            yield warning(
                "8888 to 8899 are looked at, but not tried by binding",
                "Another project may take the port in between: pass "
                "--ServerApp.port_retries=0, and take the next one when the server exits.",
            )
    elif fixed:
        yield problem(
            f"the port is always {fixed[0]}", "Take the first of 8888 to 8899 that can be bound."
        )
    else:
        yield problem("nothing chooses a port", "Take the first of 8888 to 8899 that can be bound.")


def background(scripts: Scripts) -> Iterator[Remark]:
    if scripts.delegates:
        yield good(f"a session of its own, {_BY_US}")
    elif scripts.says(r"\bsetsid\b|start_new_session|\bdaemonize\b"):
        yield good("in a session of its own")
    elif scripts.says(r"\bnohup\b|\bdisown\b"):
        yield good("it survives the closing of its terminal")
    elif scripts.says(r"\btmux\b|\bscreen\b|systemd-run"):
        yield warning(
            "the server is handed to another program's daemon",
            "What that one does with it, the project's stop has to undo.",
        )
    else:
        yield problem(
            "start does not put the server into the background",
            "Start it with setsid or nohup, its output going to a log in .logs.",
        )


def stop(scripts: Scripts) -> Iterator[Remark]:
    broad = re.search(r"\b(pkill|killall)\b", scripts.text)
    if broad:
        yield problem(
            f"{broad[1]} ends other projects' servers, too", "End the pid in the PID file alone."
        )
    elif scripts.delegates:
        yield good(f"SIGTERM, ten seconds, SIGKILL, {_BY_US}")
    else:
        yield _signals(scripts)


def _signals(scripts: Scripts) -> Remark:
    hard = scripts.says(r"kill\s+(-s\s+)?-?(9|KILL|SIGKILL)\b|\.kill\(|SIGKILL")
    soft = scripts.says(
        r"\bkill\s+(-s\s+)?(-?(15|TERM|SIGTERM)\s+)?(--\s+)?[\"']?[$(`\d]|\.terminate\(|SIGTERM"
    )
    if not soft and not hard:
        return problem(
            "nothing stops the server", "Send SIGTERM, wait for ten seconds, then SIGKILL."
        )
    if not soft:
        return problem(
            "the server is killed without being asked", "Send SIGTERM first, and wait ten seconds."
        )
    if not hard:
        return problem(
            "a server that hangs is never ended", "Send SIGKILL ten seconds after SIGTERM."
        )
    if not scripts.says(r"lstart|etimes|starttime|start_time|create_time|/proc/|comm=|args="):
        return warning(
            "a pid is ended without a look whose it is by now",
            "Compare when the process started with the PID file's time.",
        )
    return good("SIGTERM, then SIGKILL, after a look whose the pid is")


def orphans(scripts: Scripts) -> Iterator[Remark]:
    if scripts.delegates:
        yield good(f"found {_BY_US}")
    elif scripts.says(r"orphan|\bppid\b"):
        yield good("looked for by the project's scripts")
    else:
        yield problem(
            "nothing looks for kernels whose server is gone",
            "Have status list processes with a connection file in .jupyter_runtime whose parent "
            "is gone; nbx hub status does.",
        )


def stale_files(scripts: Scripts) -> Iterator[Remark]:
    if scripts.delegates:
        yield good(f"removed {_BY_US}")
    elif scripts.says(r"jpserver-"):
        yield good("removed by the project's scripts")
    else:
        yield problem(
            "nothing removes jpserver-*.json of servers that were killed",
            "Have start and status remove those in .jupyter_runtime whose process is gone.",
        )


def _values(scripts: Scripts, name: str) -> list[str]:
    """What a variable is set to, in a shell or in a dictionary."""
    found = re.findall(
        rf"\b{name}[\"']?\s*[:?]?=\s*([^\s;]+)|\b{name}[\"']\s*:\s*([^\s,]+)", scripts.text
    )
    return [first or second for first, second in found]


def _relative(project: Project, name: str) -> str:
    return project.isolation[name].removeprefix(f"{project.root}/")
