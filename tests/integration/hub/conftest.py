"""A home of their own for the hub's tests: what others run on this machine is none of theirs."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from notebook_executor.cli.exits import guarded
from notebook_executor.cli.main import nbx
from tests.integration.hub.machine import STAND_IN, Hub, Start


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
    path.write_text(STAND_IN)
    tmp_path.chmod(0o755)
    return path


@pytest.fixture
def hub(capfd: pytest.CaptureFixture[str]) -> Hub:
    def run(*arguments: str | Path) -> tuple[int, str, str]:
        words = ["hub", *map(str, arguments)]
        code = guarded(lambda: nbx.main(words, "nbx", standalone_mode=False), debug=False)
        said = capfd.readouterr()
        assert "Traceback" not in said.err
        return code, said.out, said.err

    return run
