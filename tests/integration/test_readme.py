"""What the README shows is what happens."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_README = (_ROOT / "README.md").read_text("utf-8")
_RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", _README, re.DOTALL)


def _commands(program: str) -> list[str]:
    lines = [line for block in _blocks("bash") for line in block.splitlines()]
    return [line for line in lines if line.startswith(program)]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for folder in ("notebooks", "schedules"):
        shutil.copytree(_ROOT / folder, tmp_path / folder)
    (tmp_path / ".nbx").mkdir()
    return tmp_path


def _run(words: list[str], project: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, cwd=project, capture_output=True, text=True, timeout=100, check=False
    )


def test_the_command_line_s_examples_succeed(project: Path) -> None:
    commands = _commands("nbx ")
    assert len(commands) >= 5
    for command in commands:
        words = [sys.executable, "-m", "notebook_executor.cli.main", *shlex.split(command)[1:]]
        done = _run(words, project)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        assert done.stdout.strip(), command


def test_the_entry_that_is_shown_is_valid(project: Path) -> None:
    (entry,) = _blocks("yaml")
    (project / "schedules" / "fleet.yaml").write_text(entry, "utf-8")
    words = [sys.executable, "-m", "notebook_executor.cli.main", "schedule", "check"]
    assert _run(words, project).stdout == "1 valid entry in 1 file, nothing wrong\n"


def test_the_agent_s_example_prints_what_is_shown(project: Path) -> None:
    (example,) = _blocks("python")
    shown = _blocks("text")[0]
    done = _run([sys.executable, "-c", example], project)
    assert done.returncode == 0, done.stderr
    printed = _RUN_ID.sub("RUN", done.stdout.replace(str(project), "/home/me/project"))
    # The tier depends on the machine.
    printed = re.sub(r"(namespace|subreaper|best_effort)$", "namespace", printed, flags=re.M)
    assert printed == _RUN_ID.sub("RUN", shown)


def test_the_failure_s_example_says_what_is_shown(project: Path) -> None:
    shown = " ".join(_blocks("text")[1].split())
    words = [sys.executable, "-m", "notebook_executor.cli.main", "run", "--llm"]
    done = _run([*words, "notebooks/order_import.ipynb"], project)
    assert done.returncode == 1
    assert shown in " ".join(done.stdout.split())


def test_continuous_integration_runs_the_two_commands() -> None:
    script = (_ROOT / ".ci" / "run").read_text("utf-8")
    first, second = _commands("scripts/app.sh")[:2]
    assert first in script
    assert second in script


def test_links_lead_to_files() -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", _README):
        assert "://" in target or (_ROOT / target).exists(), target
