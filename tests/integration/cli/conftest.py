"""The real ``nbx`` in a project of its own, and proof that each command leaves no kernel."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest

from notebook_executor.cli.exits import ExitCode, guarded
from notebook_executor.cli.main import nbx as commands
from tests.integration.cli.observing import kernels, settled

COMMAND = (sys.executable, "-m", "notebook_executor.cli.main")


class Nbx(Protocol):
    def __call__(
        self, *arguments: str | Path, stdin: bytes | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]: ...


class StartNbx(Protocol):
    def __call__(self, *arguments: str | Path, **options: Any) -> subprocess.Popen[str]: ...


class Refused(Protocol):
    def __call__(self, *arguments: str) -> str: ...


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Ours without the operator's settings; private directories go where they can be counted."""
    private = tmp_path / "t"
    private.mkdir()
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("NBX_") and name not in ("NO_COLOR", "COLUMNS")
    }
    return {**inherited, "TMPDIR": str(private), "TERM": "xterm"}


@pytest.fixture
def start_nbx(tmp_path: Path, environment: dict[str, str]) -> Iterator[StartNbx]:
    """Start ``nbx`` in ``tmp_path``, in a process group of its own; at the end all must be gone."""
    (tmp_path / ".git").mkdir()
    started: list[subprocess.Popen[str]] = []

    def start(
        *arguments: str | Path, sigint: Any = signal.default_int_handler, **options: Any
    ) -> subprocess.Popen[str]:
        # A shell that runs tests in the background ignores SIGINT, which would be inherited.
        with _handled(signal.SIGINT, sigint):
            process = subprocess.Popen(
                [*COMMAND, *map(str, arguments)],
                **{
                    "cwd": tmp_path,
                    "env": environment,
                    "encoding": "utf-8",
                    "stdin": subprocess.DEVNULL,
                    "stdout": subprocess.PIPE,
                    "stderr": subprocess.PIPE,
                    "start_new_session": True,
                    **options,
                },
            )
        started.append(process)
        return process

    yield start
    for process in started:
        with process:
            process.kill()
    left = settled(lambda: kernels(environment))
    assert not left, f"kernels left: {[kernel.cmdline() for kernel in left]}"


@pytest.fixture
def nbx(start_nbx: StartNbx, environment: dict[str, str]) -> Nbx:
    """Run ``nbx`` to its end; it must have removed its kernel's private directory by then."""

    def run(
        *arguments: str | Path, stdin: bytes | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        options = {} if cwd is None else {"cwd": cwd}
        process = start_nbx(*arguments, stdin=subprocess.PIPE, **options)
        given = None if stdin is None else stdin.decode()
        stdout, stderr = process.communicate(given, timeout=60)
        assert "Traceback (most recent call last)" not in stderr
        assert not kernels(environment)
        assert not list(Path(environment["TMPDIR"]).iterdir())
        return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)

    return run


@pytest.fixture
def refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Refused:
    """Run a command line that starts nothing in this process, and give what it said on stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> str:
        code = guarded(
            lambda: commands.main(list(arguments), prog_name="nbx", standalone_mode=False),
            debug=False,
        )
        said = capfd.readouterr()
        assert (code, said.out) == (ExitCode.USAGE, "")
        assert "Traceback (most recent call last)" not in said.err
        return said.err

    return run


@contextmanager
def _handled(number: signal.Signals, handler: Any) -> Iterator[None]:
    previous = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, previous)
