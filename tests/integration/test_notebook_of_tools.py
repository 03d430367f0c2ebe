"""The notebook that calls tools: for real on a small repository, and from its recording."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from notebook_executor import NotebookExecutor
from notebook_executor.tools import Policy
from notebook_executor.tools.recording import read_recording

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
NOTEBOOK, POLICY, RECORDING = (
    NOTEBOOKS / f"code_health{suffix}" for suffix in (".ipynb", ".policy.yaml", ".tools.jsonl")
)
TOOLS = ["terminal", "search_files", "read_file", "write_file"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the notebook, and nothing that it looks at."""
    (tmp_path / "notebooks").mkdir()
    shutil.copy(NOTEBOOK, tmp_path / "notebooks")
    return tmp_path


def test_it_is_answered_from_its_recording(project: Path) -> None:
    with NotebookExecutor(project) as executor:
        result = executor.execute("notebooks/code_health.ipynb", replay=RECORDING)

    assert result.ok, result
    assert [call.tool for call in result.tool_calls] == TOOLS
    assert all(call.replayed for call in result.tool_calls)
    assert result.scraps["most_changed"].endswith(".py")
    assert result.scraps["report"].startswith("# Code health of notebook_executor\n")
    assert not result.warnings
    assert not (project / "runs" / "code_health.md").exists()


def test_a_changed_call_is_not_answered(project: Path) -> None:
    with NotebookExecutor(project) as executor:
        result = executor.execute(
            "notebooks/code_health.ipynb", parameters={"commits": 41}, replay=RECORDING
        )

    assert result.error is not None
    assert result.error.kind == "replay_mismatch"
    assert "git log -n 40" in result.error.message
    assert "git log -n 41" in result.error.message


def test_it_looks_at_a_repository_with_four_tools(project: Path) -> None:
    package = project / "notebook_executor"
    package.mkdir()
    (package / "once.py").write_text("a: int = ''  # type: ignore[assignment]\n")
    (project / "pyproject.toml").write_text(
        '[project]\nrequires-python = ">=3.11"\ndependencies = ["click", "rich"]\n'
    )
    git(project, "init", "--quiet")
    for number in range(2):
        (package / "counted.py").write_text(f"c = {number}\n")
        git(project, "add", ".")
        git(project, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "-m", "x")

    recording = project / "made.tools.jsonl"
    with NotebookExecutor(project, policy=POLICY) as executor:
        result = executor.execute("notebooks/code_health.ipynb", record=recording)

    assert result.ok, result
    assert result.scraps["most_changed"] == "notebook_executor/counted.py"
    assert (result.scraps["silenced_errors"], result.scraps["dependencies"]) == (1, 2)
    assert (project / "runs" / "code_health.md").read_text() == result.scraps["report"]
    assert [call.tool for call in read_recording(recording).calls] == TOOLS


def test_its_policy_allows_what_was_recorded_and_no_more() -> None:
    assert sorted(Policy.load(POLICY).allow) == sorted(TOOLS)
    assert [call.tool for call in read_recording(RECORDING).calls] == TOOLS


def git(where: Path, *words: str) -> None:
    subprocess.run(["git", "-C", where, *words], check=True, timeout=60, capture_output=True)
