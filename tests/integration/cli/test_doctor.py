"""``nbx doctor``: each finding says what is the case and, where it matters, what to do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.integration.cli.conftest import Nbx, StartNbx

_TOPICS = ["versions", "containment", "cgroups", "directories", "leftovers", "kernel by default"]
_WITHOUT_NAMESPACES = 'echo 0 > /proc/sys/user/max_pid_namespaces && exec "$@"'


def findings(
    start_nbx: StartNbx, environment: dict[str, str], *, code: int = 0, **env: str
) -> dict[str, dict[str, Any]]:
    process = start_nbx("doctor", "--json", env={**environment, **env})
    return _by_topic(process, code)


def _by_topic(process: subprocess.Popen[str], code: int) -> dict[str, dict[str, Any]]:
    stdout, stderr = process.communicate(timeout=100)
    assert process.returncode == code, stderr
    lines = [json.loads(line) for line in stdout.splitlines()]
    # There are several leftovers where others are at work in /tmp.
    assert list(dict.fromkeys(line["topic"] for line in lines))[: len(_TOPICS)] == _TOPICS
    return {line["topic"]: line for line in lines}


def kernelspec(place: Path, name: str, *argv: str) -> None:
    directory = place / "kernels" / name
    directory.mkdir(parents=True)
    spec = {"argv": [*argv, "-f", "{connection_file}"], "display_name": name, "language": "python"}
    (directory / "kernel.json").write_text(json.dumps(spec))


def test_here_all_is_in_order(nbx: Nbx, environment: dict[str, str]) -> None:
    done = nbx("doctor")
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"ok: versions: Python {sys.version.split()[0]}, jupyter_client ")
    assert f"ok: directories: in {environment['TMPDIR']}; " in done.stdout
    assert any(": leftovers: " in line for line in lines)
    assert any(line.startswith("ok: kernel by default: ") for line in lines)


def test_without_pid_namespaces_the_reason_and_the_remedy_are_told(
    environment: dict[str, str], start_nbx: StartNbx
) -> None:
    inside = ["unshare", "--user", "--map-root-user", "sh", "-c", _WITHOUT_NAMESPACES, "sh"]
    probe = subprocess.run([*inside, "true"], capture_output=True, check=False, timeout=60)
    if probe.returncode != 0:
        pytest.skip("no user namespace to forbid PID namespaces in")
    nbx = [sys.executable, "-m", "notebook_executor.cli.main", "doctor", "--json"]
    with subprocess.Popen(
        [*inside, *nbx], env=environment, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        found = _by_topic(process, 0)["containment"]
    assert found["level"] == "warning"
    assert found["text"].startswith("subreaper: ")
    assert found["advice"] == "Raise user.max_pid_namespaces with sysctl."


def test_a_temporary_directory_that_is_too_long_is_told(
    environment: dict[str, str], start_nbx: StartNbx, tmp_path: Path
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    found = findings(start_nbx, environment, TMPDIR=str(long))["directories"]
    assert (found["level"], "in /tmp;" in found["text"]) == ("warning", True)
    assert "TMPDIR" in found["advice"]


def test_leftovers_are_told_and_left_alone(
    environment: dict[str, str], start_nbx: StartNbx
) -> None:
    place = Path(environment["TMPDIR"])
    dead, odd = place / "nbx-dead", place / "nbx-odd"
    for directory in (dead, odd):
        directory.mkdir(mode=0o700)
    (dead / "lease.json").write_text("{}")
    process = start_nbx("doctor", env=environment)
    stdout, _ = process.communicate(timeout=100)
    assert process.returncode == 0
    assert "warning: leftovers: " in stdout
    assert str(dead) in stdout
    assert "nbx reap" in stdout
    assert str(odd) in stdout
    assert dead.exists()
    assert odd.exists()


def test_kernels_that_cannot_start_are_told(
    environment: dict[str, str], start_nbx: StartNbx, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
    bare.chmod(0o755)
    place = tmp_path / "jupyter"
    kernelspec(place, "gone", str(tmp_path / "nowhere"), "-m", "ipykernel_launcher")
    kernelspec(place, "bare", str(bare), "-m", "ipykernel_launcher")
    kernelspec(place, "shell", str(shutil.which("sh")), "-c", "true")
    kernelspec(place, "empty")
    (place / "kernels" / "empty" / "kernel.json").write_text('{"argv": [], "display_name": "E"}')

    found = findings(start_nbx, environment, JUPYTER_PATH=str(place))
    assert found["kernel by default"]["level"] == "ok"
    levels = {name: found[f"kernel {name}"]["level"] for name in ("gone", "bare", "shell", "empty")}
    assert levels == {"gone": "warning", "bare": "warning", "shell": "ok", "empty": "warning"}
    assert str(tmp_path / "nowhere") in found["kernel gone"]["text"]
    assert found["kernel bare"]["advice"].endswith(f"{bare} -m pip install ipykernel")

    kernelspec(place, "python3", str(tmp_path / "nowhere"), "-m", "ipykernel_launcher")
    found = findings(start_nbx, environment, code=3, JUPYTER_PATH=str(place))
    assert found["kernel by default"]["level"] == "problem"
    assert os.fspath(tmp_path / "nowhere") in found["kernel by default"]["text"]
