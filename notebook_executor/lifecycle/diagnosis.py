"""What this machine and this environment offer to kernels, and what stands in the way."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from notebook_executor.errors import KernelStartError
from notebook_executor.findings import Finding, Level
from notebook_executor.lifecycle.cgroups import SYSTEMD, find_place
from notebook_executor.lifecycle.choice import has_supervisors
from notebook_executor.lifecycle.directories import bases, new_directory_path
from notebook_executor.lifecycle.kernelspecs import find_launch_spec
from notebook_executor.lifecycle.leases import is_newborn_name, open_lease, private_directories
from notebook_executor.lifecycle.reaper import reap
from notebook_executor.lifecycle.supervisor import Supervisor

_VERSION_SECONDS = 30.0
_PRINT_VERSION = "import ipykernel; print(ipykernel.__version__)"
# Switches of the system that rule out the tier ``namespace``, and what to do about each.
_SWITCHES = (
    ("user/max_user_namespaces", "0", "Raise user.max_user_namespaces with sysctl."),
    ("user/max_pid_namespaces", "0", "Raise user.max_pid_namespaces with sysctl."),
    ("user/max_mnt_namespaces", "0", "Raise user.max_mnt_namespaces with sysctl."),
    ("kernel/unprivileged_userns_clone", "0", "Set kernel.unprivileged_userns_clone to 1."),
    (
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "Allow this interpreter user namespaces by an AppArmor profile, or set "
        "kernel.apparmor_restrict_unprivileged_userns to 0.",
    ),
)
_CONTAINER = (
    "In a container, allow it unshare and mount (capability SYS_ADMIN, or its seccomp profile)."
)
_DELEGATE = (
    "For limits that the system keeps: systemd-run --user --scope -p Delegate=yes nbx run NOTEBOOK"
)


def diagnose() -> Iterator[Finding]:
    """Look at everything that starting and ending kernels depends on, one after the other.

    Starts and ends a guard process, and asks the interpreters of installed kernels for ipykernel.
    """
    yield _versions()
    yield _containment()
    yield _cgroups()
    yield _sockets()
    yield from _leftovers()
    yield from _kernels()


def _versions() -> Finding:
    found = [f"Python {platform.python_version()}"]
    for name in ("jupyter_client", "ipykernel"):
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"no {name}")
    return Finding("versions", "ok", ", ".join(found))


def _containment() -> Finding:
    if not has_supervisors():
        return Finding(
            "containment",
            "warning",
            "best_effort: the better ones need Linux and /proc",
            "Do not rely on it for notebooks that start processes of their own.",
        )
    with contextlib.closing(Supervisor()) as supervisor:
        try:
            problem = supervisor.problem()
        except KernelStartError as error:
            return Finding(
                "containment", "problem", error.message, "Look whether processes can be started."
            )
    if problem:
        text = f"subreaper: there is no PID namespace to be had ({problem})"
        return Finding("containment", "warning", text, _what_forbids_namespaces())
    return Finding("containment", "ok", "namespace")


def _what_forbids_namespaces() -> str:
    for switch, forbidding, advice in _SWITCHES:
        if _content(Path("/proc/sys", switch)) == forbidding:
            return advice
    return _CONTAINER


def _content(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def _cgroups() -> Finding:
    """Whether kernels get groups of their own; limits work without, and less closely."""
    place = find_place(os.getpid())
    if isinstance(place, str):
        text = f"not delegated, as {place}; limits do not need them"
        return Finding("cgroups", "ok", text, _DELEGATE if os.path.isdir(SYSTEMD) else "")
    text = f"version 2, delegated with {' and '.join(place.controllers)}: {place.directory}"
    return Finding("cgroups", "ok", text)


def _sockets() -> Finding:
    wanted = bases()[0]
    try:
        directory = new_directory_path()
    except KernelStartError as error:
        return Finding("directories", "problem", error.message, error.hint)
    size = len(os.fsencode(directory))
    text = f"in {directory.parent}; their paths have {size} bytes"
    if directory.parent == wanted:
        return Finding("directories", "ok", text)
    return Finding(
        "directories",
        "warning",
        f"{text}; {wanted} is too long for sockets, or cannot be written",
        "Set TMPDIR to a writable directory with a short path.",
    )


def _leftovers() -> Iterator[Finding]:
    found = reap(bases(), dry_run=True)
    if found:
        processes = sum(len(leftover.processes) for leftover in found)
        places = ", ".join(str(leftover.directory) for leftover in found)
        text = f"of killed kernels: {places}, and {processes} processes"
        yield Finding("leftovers", "warning", text, "nbx reap, or the next run, removes them.")
    else:
        yield Finding("leftovers", "ok", "none")
    for directory in private_directories(bases()):
        if not is_newborn_name(directory.name) and _has_no_lease(directory):
            text = f"whose {directory} is cannot be told: its lease file is gone"
            yield Finding("leftovers", "warning", text, "Remove it if no run of yours uses it.")


def _has_no_lease(directory: Path) -> bool:
    lease = open_lease(directory)
    if lease is None:
        return directory.exists()
    with lease:
        return False


def _kernels() -> Iterator[Finding]:
    from jupyter_client.kernelspec import KernelSpecManager

    yield _kernel("by default", None, "problem")
    for name in sorted(KernelSpecManager().find_kernel_specs()):
        yield _kernel(name, name, "warning")


def _kernel(title: str, name: str | None, level: Level) -> Finding:
    topic = f"kernel {title}"
    try:
        spec = find_launch_spec(name, language="")
    except KernelStartError as error:
        return Finding(topic, level, error.message, error.hint)
    executable = spec.executable
    if shutil.which(executable) is None:
        text = f"its command {executable} does not exist or cannot be executed"
        return Finding(topic, level, text, "Install the kernel again, or remove its kernelspec.")
    if not spec.is_ipykernel:
        return Finding(topic, "ok", executable)
    version = _ipykernel_version(executable)
    if version:
        return Finding(topic, "ok", f"{executable}, ipykernel {version}")
    text = f"{executable} has no ipykernel that can be imported"
    return Finding(topic, level, text, f"Install it: {executable} -m pip install ipykernel")


def _ipykernel_version(executable: str) -> str:
    try:
        asked = subprocess.run(
            [executable, "-c", _PRINT_VERSION],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_VERSION_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout.strip() if asked.returncode == 0 else ""
