"""What ``scripts/app.sh`` says when it cannot do what it was asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "app.sh"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The script in a project of its own, which has never been set up."""
    folder = tmp_path / "a project" / "scripts"
    folder.mkdir(parents=True)
    return Path(shutil.copy(SCRIPT, folder))


def app(script: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [script, *arguments],
        env={**os.environ, **variables},
        cwd=script.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_is_an_answer(script: Path) -> None:
    done = app(script, "--help")

    assert done.returncode == 0
    assert "app.sh run NOTEBOOK" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("arguments", [(), ("frobnicate", "a.ipynb")], ids=["none", "unknown"])
def test_a_wrong_command_is_a_usage_error(script: Path, arguments: tuple[str, ...]) -> None:
    done = app(script, *arguments)

    assert done.returncode == 2
    assert done.stdout == ""
    assert "app.sh run" in done.stderr
    assert "app.sh test" in done.stderr
    assert all(argument in done.stderr for argument in arguments[:1])


@pytest.mark.parametrize("command", ["run", "test"])
def test_a_chosen_interpreter_that_will_not_do_is_named(script: Path, command: str) -> None:
    useless = shutil.which("false")
    assert useless is not None

    done = app(script, command, PYTHON=useless)

    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr == (
        f"app.sh: PYTHON={useless} is not a Python 3.11 or newer with venv and pip\n"
    )
    assert not (script.parents[1] / ".venv").exists()


def test_a_machine_without_python_is_told_what_is_missing(script: Path, tmp_path: Path) -> None:
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in ("bash", "cat", "chmod", "dirname", "env", "mkdir"):
        found = shutil.which(name)
        assert found is not None
        (commands / name).symlink_to(found)

    done = app(script, "run", "a.ipynb", PATH=str(commands), PYTHON="")

    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert "Python 3.11 or newer with venv and pip is missing" in done.stderr
    assert "PYTHON=/path/to/python" in done.stderr
