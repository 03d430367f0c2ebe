"""What a kernel is given: its environment, its transport, its containment."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from notebook_executor import NotebookExecutor, NotebookExecutorError
from notebook_executor.lifecycle.environment import looks_secret
from tests.conftest import MakeNotebook

_SHOW = (
    "import os\nprint(os.environ.get('AWS_SECRET_ACCESS_KEY'), os.environ.get('GIT_AUTHOR_NAME'))"
)
# A kernel that hangs when it is asked to speak IPC, as JeroMQ's do.
_STUBBORN = """
import json, os, runpy, signal, sys
transport = json.load(open(sys.argv[1]))["transport"]
with open(os.path.join(os.path.dirname(__file__), "asked"), "a") as file:
    file.write(transport + "\\n")
if transport == "ipc":
    signal.pause()
sys.argv = ["ipykernel_launcher", "-f", sys.argv[1]]
runpy.run_module("ipykernel_launcher", run_name="__main__")
"""


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("AWS_SECRET_ACCESS_KEY", True),
        ("API_KEYS", True),
        ("TOKEN", True),
        ("github_token", True),
        ("DATABASE_DSN", True),
        ("GOOGLE_APPLICATION_CREDENTIALS", True),
        ("GIT_AUTHOR_NAME", False),
        ("TOKENIZERS_PARALLELISM", False),
        ("KEYBOARD", False),
        ("PATH", False),
    ],
)
def test_secrets_are_told_by_the_words_of_a_name(name: str, secret: bool) -> None:
    assert looks_secret(name) is secret


def test_secrets_of_the_host_do_not_reach_the_kernel(
    executor: NotebookExecutor, make_notebook: MakeNotebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "me")
    path = make_notebook(_SHOW, "os.environ['AWS_SECRET_ACCESS_KEY']")

    result = executor.execute(path, False)

    assert result.cells[0].output_preview == "None me"
    assert any("AWS_SECRET_ACCESS_KEY" in warning for warning in result.warnings)
    assert result.error is not None
    assert "pass_env=['AWS_SECRET_ACCESS_KEY']" in result.error.hint


def test_a_secret_that_is_passed_or_given_arrives(
    executor: NotebookExecutor, make_notebook: MakeNotebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t")
    path = make_notebook(_SHOW)

    passed = executor.execute(path, False, pass_env=["AWS_SECRET_ACCESS_KEY"])
    given = executor.execute(path, False, env={"AWS_SECRET_ACCESS_KEY": "other"})

    assert passed.cells[0].output_preview.startswith("s3cr3t")
    assert given.cells[0].output_preview.startswith("other")


def test_a_kernel_that_cannot_speak_ipc_runs_over_tcp(
    make_notebook: MakeNotebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "jupyter" / "kernels" / "stubborn"
    folder.mkdir(parents=True)
    (folder / "stubborn.py").write_text(_STUBBORN)
    spec = {
        "argv": [sys.executable, "{resource_dir}/stubborn.py", "{connection_file}"],
        "display_name": "Stubborn",
        "language": "python",
    }
    (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))

    config = {"interrupt_grace": 0.1}
    with NotebookExecutor(tmp_path, kernel_name="stubborn", config=config) as executor:
        monkeypatch.setattr("notebook_executor.backends.local._IPC_SECONDS", 1.0)
        first = executor.execute(make_notebook("print(1)"), False)
        second = executor.execute(make_notebook("print(2)"), False)

    assert (first.status, first.kernel.transport) == ("success", "tcp")
    assert (second.status, second.kernel.transport) == ("success", "tcp")
    assert any("TCP" in warning for warning in first.warnings)
    # What it found out, the executor remembers.
    asked = (folder / "asked").read_text().split()
    assert "ipc" not in asked[1:]


def test_less_containment_than_is_required_does_not_start(
    make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    path = make_notebook("1")
    with NotebookExecutor(tmp_path, require_containment="namespace") as executor:
        result = executor.execute(path, False, host_view=True)
    assert result.error is not None
    assert result.error.kind == "kernel_start"
    assert "'namespace' is required" in result.error.message
    with pytest.raises(NotebookExecutorError, match="names no containment"):
        NotebookExecutor(tmp_path, require_containment="none")  # type: ignore[arg-type]
